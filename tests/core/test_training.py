import copy
import time

import numpy as np
import pytest
from sklearn.utils import shuffle as sklearn_shuffle

from mlpcore._activations import Activation
from mlpcore._losses import Loss
from mlpcore._network import Network
from mlpcore._optimizers import Optimizer, Solver
from mlpcore._rows import Rows
from mlpcore._run import Outcome, Run
from mlpcore._training import train

SIZES = (6, 5, 3)


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    network = Network(SIZES, Activation.TANH, Activation.SOFTMAX)
    X, Y = rng.normal(size=(1103, 6)), np.eye(3)[rng.integers(0, 3, 1103)]
    return network, X, Y, rng.normal(scale=0.5, size=network.n_params)


def run_train(problem, optimizer, *, tol=0.0, patience=np.inf, **options):
    """Train a copy of the parameters; returns it and the run."""
    network, X, Y, params = problem
    params, run = params.copy(), Run(tol, patience)
    options = {"alpha": 0.1, "batch_size": 100, "max_iter": 3} | options
    train(network, Loss.LOG_LOSS, optimizer, Rows(X), Y, params, run, **options)
    return params, run


def test_hand_worked_step():
    # One sample x = 2, y = 1; z = 2 * 0.5 + 0.25 = 1.25; L = (1.25 - 1)^2 + 0.1 / 2 * 0.5^2.
    # dL/dz = 2 * 0.25 = 0.5; dW = 0.5 * 2 + 0.1 * 0.5 = 1.05; db = 0.5.
    # With rate 0.1: W = 0.5 - 0.105 = 0.395; b = 0.25 - 0.05 = 0.2.
    network = Network((1, 1), Activation.IDENTITY, Activation.IDENTITY)
    params, run = np.array([0.5, 0.25]), Run(0.0, np.inf)
    train(network, Loss.MSE, Optimizer(Solver.SGD, 0.1), Rows(np.array([[2.0]])),
          np.array([[1.0]]), params, run, alpha=0.1, batch_size=1, max_iter=1)  # fmt: skip
    assert params == pytest.approx([0.395, 0.2], abs=1e-15)
    assert run.loss_curve == pytest.approx([0.0625 + 0.0125])


class PlainSGD:
    def update(self, params, g):
        params -= 0.3 * g


class Nesterov:
    v = 0.0

    def update(self, params, g):
        self.v = 0.9 * self.v - 0.3 * g
        params += 0.9 * self.v - 0.3 * g


class Momentum(Nesterov):
    def update(self, params, g):
        self.v = 0.9 * self.v - 0.3 * g
        params += self.v


class Adam:
    m = v = 0.0
    t = 0

    def update(self, params, g):
        self.t += 1
        self.m, self.v = 0.9 * self.m + 0.1 * g, 0.999 * self.v + 0.001 * g * g
        rate = 0.3 * np.sqrt(1 - 0.999**self.t) / (1 - 0.9**self.t)
        params -= rate * self.m / (np.sqrt(self.v) + 1e-8)


SOLVERS = [
    (PlainSGD, Optimizer(Solver.SGD, 0.3)),
    (Momentum, Optimizer(Solver.SGD, 0.3, momentum=0.9)),
    (Nesterov, Optimizer(Solver.SGD, 0.3, momentum=0.9, nesterov=True)),
    (Adam, Optimizer(Solver.ADAM, 0.3)),
]


# A step that is the product itself, several blocks, and a smaller last batch.
@pytest.mark.parametrize("batch_size", [100, 512, 600, 5000])
@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("k", range(4), ids=[s[0].__name__ for s in SOLVERS])
def test_trajectory_equals_twin(twin, problem, k, shuffled, batch_size):
    _, X, Y, expected = problem
    plain = twin(SIZES, Activation.TANH, Activation.SOFTMAX, Loss.LOG_LOSS, alpha=0.1)
    rule, optimizer = SOLVERS[k][0](), copy.deepcopy(SOLVERS[k][1])
    stream, twin_stream = np.random.RandomState(5), np.random.RandomState(5)
    found, run = run_train(
        problem, optimizer, batch_size=batch_size,
        bit_generator=stream._bit_generator if shuffled else None,
    )  # fmt: skip
    index, curve, expected = np.arange(len(X)), [], expected.copy()
    for _ in range(3):
        if shuffled:
            index = sklearn_shuffle(index, random_state=twin_stream)
        total = 0.0
        for start in range(0, len(X), batch_size):
            batch = index[start : start + batch_size]
            loss, g = plain.loss_and_gradient(expected, X[batch], Y[batch])
            total += loss * len(batch)
            rule.update(expected, g)
        curve.append(total / len(X))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)
    # A batch's penalty counts once, as scikit-learn has it: weighted by the batch.
    np.testing.assert_allclose(run.loss_curve, curve, rtol=1e-12)
    assert stream.get_state()[2] == twin_stream.get_state()[2]
    assert optimizer.t == 3 * -(-len(X) // batch_size)


def test_bit_identical(problem):
    first, _ = run_train(problem, Optimizer(Solver.ADAM, 0.01))
    again, _ = run_train(problem, Optimizer(Solver.ADAM, 0.01))
    assert (first == again).all()


def test_float32_from_float64_rows(problem):
    network, X, Y, params = problem
    wide, _ = run_train(problem, Optimizer(Solver.SGD, 0.1))
    single = (network, X, Y.astype("f4"), params.astype("f4"))
    narrow, _ = run_train(single, Optimizer(Solver.SGD, 0.1))
    assert narrow.dtype == "f4"
    np.testing.assert_allclose(narrow, wide, atol=1e-5)


def test_convergence(problem):
    _, run = run_train(problem, Optimizer(Solver.SGD, 1e-6), tol=1e-3, patience=4, max_iter=50)
    # The first epoch improves on infinity; four more may fail, and the next one ends it.
    assert run.outcome == Outcome.CONVERGED
    assert run.n_iter == len(run.loss_curve) == 6
    assert run.best_loss == min(run.loss_curve)


def test_loss_curve_of_many_epochs(problem):
    network, X, Y, params = problem
    _, run = run_train((network, X[:10], Y[:10], params), Optimizer(Solver.SGD, 0.01), max_iter=700)
    assert run.outcome == Outcome.MAX_ITER
    assert run.n_iter == len(run.loss_curve) == 700
    assert (np.diff(run.loss_curve) < 0).all()


def test_weights_that_become_infinite(problem):
    network = Network(SIZES, Activation.RELU, Activation.IDENTITY)
    _, X, Y, params = problem
    run = Run(0.0, np.inf)
    with np.errstate(all="ignore"):
        train(network, Loss.MSE, Optimizer(Solver.SGD, 1e4), Rows(X), Y, params.copy(), run,
              alpha=0.0, batch_size=100, max_iter=20)  # fmt: skip
    assert run.outcome == Outcome.NON_FINITE
    assert 1 <= run.n_iter < 20


def test_report_every_epoch_and_stop(problem):
    calls = []

    def report():
        calls.append(None)
        return len(calls) == 4

    _, run = run_train(
        problem, Optimizer(Solver.SGD, 0.1), max_iter=9, report=report, every_epoch=True
    )
    assert run.outcome == Outcome.STOPPED
    assert run.n_iter == len(calls) == 4


def test_report_at_most_every_tenth_of_a_second(problem):
    times = []
    network, X, Y, params = problem

    def report():
        times.append(time.perf_counter())
        if len(times) == 3:
            raise StopIteration

    with pytest.raises(StopIteration):
        run_train((network, X[:50], Y[:50], params), Optimizer(Solver.SGD, 1e-3), max_iter=10**8,
                  report=report)  # fmt: skip
    assert np.diff(times).min() > 0.09


def test_error_in_report_ends_the_training(problem):
    with pytest.raises(ZeroDivisionError):
        run_train(problem, Optimizer(Solver.SGD, 0.1), report=lambda: 1 / 0, every_epoch=True)


def test_interrupt_is_answered_within_a_second(problem, interrupt_soon):
    network, X, Y, params = problem
    params, run = params.copy(), Run(0.0, np.inf)
    with pytest.raises(KeyboardInterrupt):
        train(network, Loss.LOG_LOSS, Optimizer(Solver.SGD, 1e-3), Rows(X), Y, params, run,
              alpha=0.0, batch_size=100, max_iter=10**6)  # fmt: skip
    assert time.monotonic() - interrupt_soon[0] < 1
    # The thread that interrupts could run at all: the loop holds no GIL.
    assert run.n_iter == len(run.loss_curve) > 100
