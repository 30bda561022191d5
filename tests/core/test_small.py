"""Steps of small networks: beside the general way and the twin, any size, threads and rule."""

import numpy as np
import pytest

from mlpcore._activations import Activation
from mlpcore._losses import Loss, Objective
from mlpcore._network import Network
from mlpcore._optimizers import Optimizer, Solver
from mlpcore._rows import Rows
from mlpcore._run import Run
from mlpcore._small import prefers_small
from mlpcore._training import train

CLOSE = {"float32": 2e-5, "float64": 1e-13}
SOLVERS = {
    "sgd": (Solver.SGD, {}),
    "momentum": (Solver.SGD, {"momentum": 0.9}),
    "nesterov": (Solver.SGD, {"momentum": 0.9, "nesterov": True}),
    "adam": (Solver.ADAM, {"epsilon": 1e-3}),
    "adamw": (Solver.ADAMW, {"epsilon": 1e-3, "weight_decay": 0.1}),
}
ENDS = [
    (Activation.SOFTMAX, Loss.LOG_LOSS),
    (Activation.LOGISTIC, Loss.BINARY_LOG_LOSS),
    (Activation.TANH, Loss.MSE),
    (Activation.LOGISTIC, Loss.MSE),
    (Activation.IDENTITY, Loss.SQUARED_ERROR),
]


class Problem:
    """A network with data; `train` returns the trained parameters and the losses."""

    def __init__(self, sizes, n_rows, dtype="float64", hidden=Activation.TANH, end=ENDS[0],
                 shared_bias=False):  # fmt: skip
        rng = np.random.default_rng(0)
        self.sizes, self.loss = sizes, end[1]
        self.network = Network(sizes, hidden, end[0], shared_bias)
        self.X = rng.normal(size=(n_rows, sizes[0])).astype(dtype)
        self.Y = np.eye(sizes[-1], dtype=dtype)[rng.integers(0, sizes[-1], n_rows)]
        self.weights = rng.integers(0, 3, n_rows).astype(dtype)
        self.params = rng.normal(scale=0.4, size=self.network.n_params).astype(dtype)

    def train(self, *, solver="sgd", rate=0.05, general=False, batch_size=None, **options):
        """`general`: a gradient whose length is asked for has no small way."""
        kind, settings = SOLVERS[solver]
        optimizer = Optimizer(kind, rate, measures_norm=general, **settings)
        batch_size = batch_size or len(self.X)
        assert prefers_small(self.network, Objective(self.loss), optimizer, batch_size) != general
        params, run = self.params.copy(), Run(0.0, np.inf)
        options = {"alpha": 0.1, "max_iter": 2} | options
        train(self.network, self.loss, optimizer, Rows(self.X), self.Y, params, run,
              batch_size=batch_size, **options)  # fmt: skip
        return params, run.loss_curve

    def same_both_ways(self, close, **options):
        found, expected = self.train(**options), self.train(general=True, **options)
        assert not np.array_equal(found[0], self.params)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=close, atol=close)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("units", [1, 2, 7, 15, 16, 17, 31, 33, 65])
@pytest.mark.parametrize("n_rows", [1, 4, 7, 15, 16, 17, 31, 33, 70])
def test_gradient_is_the_twins(twin, n_rows, units, dtype):
    """A step of plain SGD at rate 1 takes the gradient away."""
    for n_in in (1, 16, units):
        p = Problem((n_in, units, 13, 3), n_rows, dtype)
        plain = twin(p.sizes, Activation.TANH, *ENDS[0], alpha=0.1)
        value, gradient = plain.loss_and_gradient(p.params.astype(float), p.X, p.Y)
        params, losses = p.train(rate=1.0, max_iter=1)
        assert losses == pytest.approx([value], rel=CLOSE[dtype])
        np.testing.assert_allclose(p.params - params, gradient, atol=CLOSE[dtype])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_solver_as_the_general_way(solver, dtype):
    for sizes in ((5, 3), (5, 20, 3), (40, 50, 17)):
        problem = Problem(sizes, 107, dtype)
        problem.same_both_ways(10 * CLOSE[dtype], solver=solver, batch_size=20)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: f"{end[0].name}-{end[1].name}")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_loss_as_the_general_way(end, weighted, dtype):
    problem = Problem((6, 9, 4), 107, dtype, end=end)
    weights = problem.weights if weighted else None
    problem.same_both_ways(10 * CLOSE[dtype], batch_size=20, sample_weight=weights)


@pytest.mark.parametrize("end", ENDS[:2], ids=lambda end: end[1].name)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_loss_of_certain_outputs_is_clipped(end, dtype):
    problem = Problem((6, 9, 4), 107, dtype, end=end)
    for scale in (10, 100, 1000):
        problem.params *= scale
        found, expected = (problem.train(general=g, max_iter=1, alpha=0.0)[1] for g in (0, 1))
        assert found == pytest.approx(expected, rel=CLOSE[dtype])


@pytest.mark.parametrize(
    "hidden", [Activation.IDENTITY, Activation.RELU, Activation.LOGISTIC, Activation.LEAKY_RELU]
)
@pytest.mark.parametrize("shared_bias", [False, True])
def test_every_activation_as_the_general_way(hidden, shared_bias):
    problem = Problem((6, 20, 9, 4), 107, hidden=hidden, shared_bias=shared_bias)
    problem.same_both_ways(1e-12, batch_size=32, alpha=0.0)


@pytest.mark.parametrize(
    ("batch_size", "n_threads"), [(32, 2), (47, 2), (100, 2), (100, 3), (500, 3), (500, 8)]
)
@pytest.mark.parametrize("solver", ["sgd", "nesterov", "adam"])
@pytest.mark.parametrize("sizes", [(40, 100, 64, 3), (37, 93, 41, 17, 5)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_change_no_bit(dtype, sizes, solver, batch_size, n_threads):
    """Nor does it matter who makes which step: a trial has some by one thread, some by all."""
    same_by_threads(Problem(sizes, 1100, dtype), n_threads, solver=solver, batch_size=batch_size)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_change_no_bit_of_one_bias_a_layer(dtype):
    problem = Problem((37, 93, 41, 17, 5), 1100, dtype, shared_bias=True)
    same_by_threads(problem, 2, solver="adam", batch_size=47)


def test_threads_make_no_step_where_nothing_weighs():
    """Two calls in three: the copies of weights are made in the other ones."""
    weights = np.arange(1100) // 256 % 3 == 0
    same_by_threads(Problem((40, 100, 64, 3), 1100), 2, solver="adam", batch_size=32,
                    sample_weight=weights.astype(float), order=np.arange(1100))  # fmt: skip


def same_by_threads(problem, n_threads, **options):
    expected = problem.train(max_iter=20, **options)
    found = problem.train(max_iter=20, n_threads=n_threads, **options)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_order_and_a_batch_without_weight():
    """Rows 20 to 39 weigh nothing: the steps on all others are those of a training on them."""
    problem = Problem((6, 9, 4), 107)
    weights = np.ones(107)
    weights[20:40] = 0
    order = np.concatenate([np.arange(40), np.arange(106, 39, -1)])
    options = {"solver": "adam", "batch_size": 20, "max_iter": 1}
    found = problem.train(sample_weight=weights, order=order, **options)[0]
    expected = problem.train(order=np.delete(order, np.arange(20, 40)), **options)[0]
    np.testing.assert_array_equal(found, expected)


def test_weights_that_are_not_finite_are_seen():
    problem = Problem((6, 9, 4), 50, "float32", hidden=Activation.RELU)
    with np.errstate(all="ignore"):
        params, losses = problem.train(rate=1e30, batch_size=10, max_iter=5)
    assert not np.isfinite(params).all()
    assert len(losses) < 5


def test_what_is_small():
    def small(sizes, batch_size=32, hidden=Activation.RELU, output=Activation.SOFTMAX,
              loss=Loss.LOG_LOSS, **options):  # fmt: skip
        return prefers_small(Network(sizes, hidden, output), Objective(loss),
                             Optimizer(Solver.ADAM, 0.1, **options), batch_size)  # fmt: skip

    assert small((32, 64, 64, 2))
    assert not small((784, 100, 10))
    assert not small((32, 64, 64, 2), batch_size=1000)
    assert not small((32, 0, 2))
    assert not small((32, 64, 2), hidden=Activation.GELU)
    assert not small((32, 64, 2), output=Activation.EXP, loss=Loss.POISSON)
    assert not small((32, 64, 2), output=Activation.IDENTITY, loss=Loss.HUBER)
    assert not small((32, 64, 2), max_grad_norm=1.0)
