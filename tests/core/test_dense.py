"""The products with what follows them: every size of tile, any threads, every step."""

import platform

import numpy as np
import pytest

from mlpcore._activations import Activation
from mlpcore._layers import product
from mlpcore._losses import Loss
from mlpcore._network import Network
from mlpcore._optimizers import Optimizer, Solver, step
from mlpcore._rows import Rows
from mlpcore._run import Run
from mlpcore._team import Team
from mlpcore._training import loss_and_gradient, train

CLOSE = {"float32": 2e-4, "float64": 1e-11}


def problem(sizes, n_rows, dtype, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, sizes[0])).astype(dtype)
    Y = np.eye(sizes[-1], dtype=dtype)[rng.integers(0, sizes[-1], n_rows)]
    network = Network(sizes, Activation.TANH, Activation.SOFTMAX)
    return X, Y, network, rng.normal(scale=0.3, size=network.n_params).astype(dtype)


# One row more or less than a tile, one unit more or less than a vector or two of them.
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("units", [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65])
@pytest.mark.parametrize("n_rows", [1, 5, 6, 7, 8, 9, 13, 14, 15, 29])
def test_every_tile(twin, n_rows, units, dtype):
    for n_in in (1, 14, 15, units):
        sizes = (n_in, units, units, 3)
        X, Y, network, params = problem(sizes, n_rows, dtype)
        plain = twin(sizes, Activation.TANH, Activation.SOFTMAX, Loss.LOG_LOSS, alpha=0.1)
        value, gradient = plain.loss_and_gradient(params, X, Y)
        found = loss_and_gradient(network, Loss.LOG_LOSS, Rows(X), Y, params, 0.1)
        assert found[0] == pytest.approx(value, rel=CLOSE[dtype])
        np.testing.assert_allclose(found[1], gradient, atol=CLOSE[dtype])


@pytest.mark.parametrize("hidden", [a for a in Activation if a.name not in ("SOFTMAX", "EXP")])
def test_every_activation_in_several_blocks(hidden):
    """Rows beyond a block, where the gradient is added up: as the sum of two halves."""
    sizes = (20, 40, 30, 3)
    network = Network(sizes, hidden, Activation.SOFTMAX)
    X, Y, _, params = problem(sizes, 1200, "float64")
    whole = loss_and_gradient(network, Loss.LOG_LOSS, Rows(X), Y, params, n_threads=2)[1]
    halves = [
        loss_and_gradient(network, Loss.LOG_LOSS, Rows(X[part]), Y[part], params)[1]
        for part in (slice(600), slice(600, None))
    ]
    np.testing.assert_allclose(whole, (halves[0] + halves[1]) / 2, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["nn", "tn", "nt", "tt"])
@pytest.mark.parametrize(
    "shape",
    [(1, 1, 1), (3, 500, 40), (100, 33, 784), (784, 500, 7), (60, 530, 1100), (200, 1300, 600)],
)
@pytest.mark.parametrize("n_threads", [1, 2, 4, 5, 12, 16])
def test_product(n_threads, shape, kind, dtype):
    m, n, k = shape
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    C = np.full((m, n), np.nan, dtype)
    own_A = np.ascontiguousarray(A.T) if kind[0] == "t" else A
    own_B = np.ascontiguousarray(B.T) if kind[1] == "t" else B
    product(Team(n_threads), own_A, own_B, C, trans_a=kind[0] == "t", trans_b=kind[1] == "t")
    np.testing.assert_allclose(C, A @ B, atol=CLOSE[dtype])


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 3), (4, 5), (2, 5)),
        ((2, 3), (3, 5), (2, 4)),
        ((0, 3), (3, 5), (0, 5)),
        ((1, 16385), (16385, 1), (1, 1)),
    ],
)
def test_product_of_other_shapes(shapes):
    with pytest.raises(ValueError, match="needed are"):
        product(Team(1), *map(np.ones, shapes))


SOLVERS = {
    "sgd": {"solver": Solver.SGD},
    "momentum": {"solver": Solver.SGD, "momentum": 0.9},
    "nesterov": {"solver": Solver.SGD, "momentum": 0.9, "nesterov": True},
    "adam": {"solver": Solver.ADAM},
    "adamw": {"solver": Solver.ADAMW, "weight_decay": 0.1},
}


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("sizes", [(30, 70, 33, 3), (140, 200, 150, 3)])
def test_fused_step_is_the_gradient_and_a_step(sizes, solver, dtype, sparse):
    """Of layers that AMX computes in slices of float32 as well."""
    X, Y, network, params = problem(sizes, 130, dtype)
    params *= (30 / sizes[0]) ** 0.5
    X[np.random.default_rng(1).random(X.shape) < 0.7] = 0
    expected, optimizer = params.copy(), Optimizer(learning_rate=0.01, **SOLVERS[solver])
    for _ in range(5):
        gradient = loss_and_gradient(network, Loss.LOG_LOSS, Rows(X), Y, expected)[1]
        step(optimizer, gradient * 130, 1 / 130, 0.3, network.n_weights, expected)
    train(network, Loss.LOG_LOSS, Optimizer(learning_rate=0.01, **SOLVERS[solver]), Rows(X), Y,
          params, Run(0.0, np.inf), alpha=0.3, batch_size=130, max_iter=5,
          sparse=sparse)  # fmt: skip
    np.testing.assert_allclose(params, expected, atol=2e-4 if dtype == "float32" else 1e-10)


@pytest.mark.parametrize("sizes", [(300, 500, 10), (64, 64, 64, 2), (200, 100, 3)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", [Solver.SGD, Solver.ADAM])
def test_bits_do_not_depend_on_the_threads(solver, sizes, dtype):
    trained = []
    for n_threads in (1, 2, 3, 40):
        X, Y, network, params = problem(sizes, 150, dtype)
        train(network, Loss.LOG_LOSS, Optimizer(solver, 0.01), Rows(X), Y, params,
              Run(0.0, np.inf), alpha=0.1, batch_size=130, max_iter=2,
              n_threads=n_threads)  # fmt: skip
        trained.append(params)
    assert all((trained[0] == other).all() for other in trained[1:])


@pytest.mark.parametrize("k", [40, 2_100])
@pytest.mark.parametrize("kind", ["nn", "nt", "tn"])
def test_threads_help_each_other(kind, k):
    """Some of more threads than processors wait, and others do what is theirs."""
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(150, k)).astype("f4"), rng.normal(size=(k, 1_100)).astype("f4")
    own_A = np.ascontiguousarray(A.T if kind[0] == "t" else A)
    own_B = np.ascontiguousarray(B.T if kind[1] == "t" else B)
    alone, together = np.empty((150, 1_100), "f4"), np.empty((150, 1_100), "f4")
    how, team = {"trans_a": kind[0] == "t", "trans_b": kind[1] == "t"}, Team(8)
    product(Team(1), own_A, own_B, alone, **how)
    np.testing.assert_allclose(alone, A @ B, atol=1e-3)
    for _ in range(20):
        together[...] = np.nan
        product(team, own_A, own_B, together, **how)
        np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_too_long_for_a_panel(twin, dtype):
    sizes = (16_385, 3, 2)
    X, Y, network, params = problem(sizes, 5, dtype)
    params *= 0.01
    plain = twin(sizes, Activation.TANH, Activation.SOFTMAX, Loss.LOG_LOSS)
    gradient = plain.loss_and_gradient(params, X, Y)[1]
    found = loss_and_gradient(network, Loss.LOG_LOSS, Rows(X), Y, params)[1]
    np.testing.assert_allclose(found, gradient, atol=CLOSE[dtype])


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="denormals cost nothing")
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(("dtype", "small", "tiny"), [("f4", 1e-30, 1e-10), ("f8", 1e-200, 1e-110)])
def test_denormals_are_zeros_in_tasks_alone(n_threads, dtype, small, tiny):
    A, B = np.full((80, 80), small, dtype), np.full((80, 80), tiny, dtype)
    C = np.full((80, 80), np.nan, dtype)
    product(Team(n_threads), A, B, C)
    assert (C == 0).all()
    assert (A * B != 0).all()
