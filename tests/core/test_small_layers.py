"""Small last layers behind a large one: beside the general way and the twin."""

import numpy as np
import pytest

from mlpcore._activations import Activation
from mlpcore._losses import Loss, Objective
from mlpcore._network import Network
from mlpcore._optimizers import Optimizer, Solver, step
from mlpcore._rows import Rows
from mlpcore._run import Run
from mlpcore._small import prefers_small
from mlpcore._small_layers import first_small_layer
from mlpcore._training import loss_and_gradient, train

CLOSE = {"float32": 2e-5, "float64": 1e-12}
RULES = {
    "sgd": (Solver.SGD, {}),
    "nesterov": (Solver.SGD, {"momentum": 0.9, "nesterov": True}),
    "adam": (Solver.ADAM, {"epsilon": 1e-3}),
}
ENDS = [
    (Activation.SOFTMAX, Loss.LOG_LOSS),
    (Activation.LOGISTIC, Loss.BINARY_LOG_LOSS),
    (Activation.TANH, Loss.MSE),
    (Activation.IDENTITY, Loss.SQUARED_ERROR),
]


class Problem:
    """A network with data, mostly zeros; `train` returns the parameters and the losses."""

    def __init__(self, sizes, dtype="float64", hidden=Activation.RELU, end=ENDS[0],
                 shared_bias=False, n_rows=107):  # fmt: skip
        rng = np.random.default_rng(0)
        self.loss = end[1]
        self.network = Network(sizes, hidden, end[0], shared_bias)
        X = rng.normal(size=(n_rows, sizes[0])) * (rng.random((n_rows, sizes[0])) < 0.3)
        self.X = X.astype(dtype)
        self.Y = np.eye(sizes[-1], dtype=dtype)[rng.integers(0, sizes[-1], n_rows)]
        self.weights = rng.integers(0, 3, n_rows).astype(dtype)
        self.params = rng.normal(scale=0.1, size=self.network.n_params).astype(dtype)

    def train(self, *, rule="sgd", rate=0.05, general=False, batch_size=50, **options):
        """`general`: each gradient is asked for, and so computed layer by layer."""
        solver, settings = RULES[rule]
        optimizer = Optimizer(solver, rate, **settings)
        objective = Objective(self.loss)
        assert not prefers_small(self.network, objective, optimizer, batch_size)
        assert first_small_layer(self.network, objective, batch_size) < self.network.n_layers
        params, run = self.params.copy(), Run(0.0, np.inf)
        options = {"alpha": 0.1, "max_iter": 2} | options
        if general:
            return self.train_layer_by_layer(optimizer, batch_size, **options)
        train(self.network, self.loss, optimizer, Rows(self.X), self.Y, params, run,
              batch_size=batch_size, **options)  # fmt: skip
        return params, run.loss_curve

    def train_layer_by_layer(self, optimizer, batch_size, *, alpha, max_iter, sparse=False,
                             sample_weight=None):  # fmt: skip
        params, losses, n = self.params.copy(), np.zeros(max_iter), len(self.X)
        for epoch in range(max_iter):
            for start in range(0, n, batch_size):
                at = slice(start, start + batch_size)
                weights = None if sample_weight is None else sample_weight[at]
                loss, gradient = loss_and_gradient(
                    self.network, self.loss, Rows(self.X[at]), self.Y[at], params, alpha,
                    sample_weight=weights, sparse=sparse)  # fmt: skip
                losses[epoch] += loss * len(self.X[at]) / n
                step(optimizer, gradient, 1.0, 0.0, self.network.n_weights, params)
        return params, losses

    def same_both_ways(self, close, **options):
        found, expected = self.train(**options), self.train(general=True, **options)
        assert not np.array_equal(found[0], self.params)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=close, atol=close)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("outputs", [1, 10, 17, 33])
def test_gradient_is_the_twins(twin, outputs, sparse, dtype):
    """A step of plain SGD at rate 1 takes the gradient away."""
    end = ENDS[0] if outputs > 1 else ENDS[1]
    for n_rows in (1, 16, 33, 107):
        sizes = (70, 250, outputs)
        p = Problem(sizes, dtype, Activation.TANH, end, n_rows=n_rows)
        plain = twin(sizes, Activation.TANH, *end, alpha=0.1)
        value, gradient = plain.loss_and_gradient(p.params.astype(float), p.X, p.Y)
        params, losses = p.train(rate=1.0, max_iter=1, batch_size=n_rows, sparse=sparse)
        assert losses == pytest.approx([value], rel=CLOSE[dtype])
        np.testing.assert_allclose(p.params - params, gradient, atol=CLOSE[dtype])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end[1].name)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_rule_and_loss_as_the_general_way(rule, end, weighted, dtype):
    problem = Problem((70, 250, 20, 4), dtype, end=end)
    weights = problem.weights if weighted else None
    problem.same_both_ways(10 * CLOSE[dtype], rule=rule, sparse=True, sample_weight=weights)


# Batches of one block and of several, whose gradient is added up.
@pytest.mark.parametrize("batch_size", [250, 600])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_batches_of_several_blocks(batch_size, sparse, n_threads):
    problem = Problem((70, 250, 20, 4), n_rows=1200)
    found = problem.train(rule="adam", batch_size=batch_size, sparse=sparse, n_threads=n_threads)
    expected = problem.train(rule="adam", batch_size=batch_size, general=True)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-11)


def test_weights_of_one_change_no_bit():
    problem = Problem((70, 250, 20, 4))
    for a, b in zip(problem.train(), problem.train(sample_weight=np.ones(107)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("hidden", [Activation.IDENTITY, Activation.TANH, Activation.LEAKY_RELU])
@pytest.mark.parametrize("shared_bias", [False, True])
@pytest.mark.parametrize("sizes", [(70, 250, 4), (9, 150, 130, 4), (70, 250, 30, 30, 4)])
def test_every_activation_and_depth_as_the_general_way(sizes, hidden, shared_bias):
    problem = Problem(sizes, hidden=hidden, shared_bias=shared_bias)
    problem.same_both_ways(1e-12, alpha=0.0)


# Some threads have no row of the last layer, be it narrow or not.
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("n_outputs", [10, 32])
def test_threads_change_no_bit(n_outputs, sparse):
    problem = Problem((200, 300, 40, n_outputs), "float32", n_rows=700)
    options = {"rule": "adam", "batch_size": 300, "sparse": sparse}
    expected = problem.train(**options)
    for n_threads in (2, 3, 40):
        for a, b in zip(problem.train(n_threads=n_threads, **options), expected, strict=True):
            np.testing.assert_array_equal(a, b)


def test_which_layers_are_small():
    def first(sizes, batch_size=100, hidden=Activation.RELU, loss=Loss.LOG_LOSS):
        return first_small_layer(Network(sizes, hidden, Activation.SOFTMAX), Objective(loss),
                                 batch_size)  # fmt: skip

    assert first((784, 500, 10)) == 1
    assert first((784, 500, 500, 10)) == 2
    assert first((784, 500, 20, 10)) == 1
    assert first((784, 500, 10), batch_size=1000) == 2
    assert first((784, 500, 10), loss=Loss.HUBER) == 2
    assert first((784, 500, 10), hidden=Activation.GELU) == 2
    assert first((784, 10)) == 1
