"""The first layer over non-zeros: to rounding what the dense one gives, for any threads."""

import numpy as np
import pytest
import scipy.sparse as sp

from mlpcore import _first_layer
from mlpcore._activations import Activation
from mlpcore._first_layer import prefers_pairs, prefers_sparse
from mlpcore._losses import Loss
from mlpcore._network import Network
from mlpcore._optimizers import Optimizer, Solver
from mlpcore._rows import Rows
from mlpcore._run import Run
from mlpcore._training import loss_and_gradient, predict, train


def bytes_with_zeros(n_rows, n_features, density=0.2, seed=0):
    """Random bytes, most of them zero; the first rows and columns are all zeros."""
    rng = np.random.default_rng(seed)
    X = rng.integers(1, 256, (n_rows, n_features), dtype=np.uint8)
    X[rng.random(X.shape) > density] = 0
    X[: n_rows // 10] = 0
    X[:, : n_features // 10] = 0
    return X


@pytest.fixture(params=["pairs", "one by one"])
def walk(request, monkeypatch):
    """Whether features are walked in pairs, whatever the rule says."""
    share = 1.0 if request.param == "pairs" else -1.0
    monkeypatch.setattr(_first_layer, "PAIRS_MAX_SHARE", share)


def trained(
    X,
    units,
    dtype,
    *,
    sparse,
    n_threads=1,
    solver=(Solver.SGD, 0.3),
    shared=False,
    shrinks=False,
    **options,
):
    """The parameters after two epochs, and the losses; a report may shrink them in between."""
    rng = np.random.default_rng(1)
    network = Network((X.shape[1], units, 3), Activation.TANH, Activation.SOFTMAX, shared)
    params = rng.normal(scale=0.3, size=network.n_params).astype(dtype)
    Y = np.eye(3, dtype=dtype)[rng.integers(0, 3, X.shape[0])]
    run = Run(0.0, np.inf)
    options = {"alpha": 0.0, "batch_size": 50, "max_iter": 2} | options
    if shrinks:
        options |= {"every_epoch": True, "report": lambda: params.__imul__(0.5) is None}
    train(network, Loss.LOG_LOSS, Optimizer(*solver), Rows(X, 1 / 255), Y, params, run,
          sparse=sparse, n_threads=n_threads, **options)  # fmt: skip
    return params, run.loss_curve


def assert_same(X, units, dtype, **options):
    dense, dense_losses = trained(X, units, dtype, sparse=False, **options)
    options = {"n_threads": 2} | options
    sparse, sparse_losses = trained(X, units, dtype, sparse=True, **options)
    tolerance = 2e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(sparse, dense, atol=tolerance)
    np.testing.assert_allclose(sparse_losses, dense_losses, rtol=tolerance)


# Every combination of tiles: 1, 4 and 8 lines of 16 floats or 8 doubles, and what remains.
@pytest.mark.usefixtures("walk")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("units", [16, 17, 31, 33, 63, 64, 65, 100, 127, 128, 129, 250, 300])
def test_every_width(units, dtype):
    assert_same(bytes_with_zeros(120, 37), units, dtype)


# A row is walked in stretches; W is packed for batches of several blocks, otherwise copied; the
# rows are added up at once, or one part after another.
@pytest.mark.usefixtures("walk")
@pytest.mark.parametrize("n_threads", [1, 2, 3, 4])
@pytest.mark.parametrize("batch_size", [30, 200, 400])
@pytest.mark.parametrize("units", [16, 60, 100, 256, 300])
def test_several_stretches(units, batch_size, n_threads):
    X = bytes_with_zeros(400, 355)
    assert_same(X, units, "float32", batch_size=batch_size, n_threads=n_threads)


# Tiles of several widths at each level; more threads than processors are held up at any place.
@pytest.mark.usefixtures("walk")
@pytest.mark.parametrize("units", [100, 150, 170, 250, 500])
def test_threads_that_are_held_up(units):
    X = np.float32(bytes_with_zeros(256, 300))
    network = Network((300, units, 3), Activation.TANH, Activation.SOFTMAX)
    params = np.random.default_rng(1).normal(scale=0.3, size=network.n_params).astype("float32")
    Y = np.eye(3, dtype="float32")[np.arange(256) % 3]
    alone, *others = (
        loss_and_gradient(network, Loss.LOG_LOSS, Rows(X, 1 / 255), Y, params, sparse=True,
                          n_threads=n_threads)[1]
        for n_threads in [1, *[2, 4, 8] * 30]
    )  # fmt: skip
    assert all((alone == other).all() for other in others)


@pytest.mark.usefixtures("walk")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("n_features", [1, 7, 8, 9, 33, 100])
def test_every_type_of_row(kind, n_features, dtype):
    X = bytes_with_zeros(100, n_features, density=0.5).astype(kind)
    if kind != "uint8":
        X = X - (X > 128) * X.dtype.type(256)  # negative values too
    assert_same(X, 40, dtype)


@pytest.mark.parametrize("density", [0.0, 0.01, 1.0])
def test_every_density(density):
    assert_same(bytes_with_zeros(120, 40, density), 32, "float64")


# Each feature alone, the last of an odd number among them; what stands beside it is no value of X.
@pytest.mark.usefixtures("walk")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("n_features", [64, 65, 163])
def test_one_value_in_a_row(kind, n_features, dtype):
    X = (7 * np.eye(n_features)).astype(kind)
    X.T[X.T == 0] = np.array(-0.0).astype(kind)
    assert_same(X, 20, dtype)
    network = Network((n_features, 64, 3), Activation.TANH, Activation.SOFTMAX)
    assert prefers_sparse(network, Rows(X))
    params = np.random.default_rng(0).normal(size=network.n_params).astype(dtype)
    as_csr = predict(network, Rows(sp.csr_array(np.float32(X))), params)
    np.testing.assert_allclose(predict(network, Rows(X), params), as_csr, rtol=1e-5)


# In place, several blocks of rows, a batch of one row, a smaller last batch.
@pytest.mark.parametrize("batch_size", [1, 50, 256, 257, 700])
@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("solver", [(Solver.SGD, 0.02), (Solver.ADAM, 0.01)], ids=["sgd", "adam"])
def test_every_step(solver, alpha, batch_size):
    X = bytes_with_zeros(700 if batch_size > 1 else 60, 30)
    for shared in (False, True):
        assert_same(
            X, 48, "float64", solver=solver, alpha=alpha, batch_size=batch_size, shared=shared
        )


# So few that the steps of most features wait; those of a pair are made together.
@pytest.mark.usefixtures("walk")
@pytest.mark.parametrize("n_features", [300, 301])
def test_steps_that_wait(n_features):
    X = bytes_with_zeros(400, n_features, density=0.01)
    assert_same(X, 48, "float64", solver=(Solver.ADAM, 0.01), max_iter=4)


# A feature that rows have, have not, and have again, beside threads that read copies elsewhere.
@pytest.mark.usefixtures("walk")
def test_steps_that_wait_of_threads():
    X = bytes_with_zeros(1600, 4000, density=0.004)
    options = {"solver": (Solver.ADAM, 0.01), "batch_size": 200, "max_iter": 4, "sparse": True}
    one, two = (trained(X, 100, "float32", n_threads=n, **options)[0] for n in (1, 2))
    assert (one == two).all()


@pytest.mark.usefixtures("walk")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("units", [16, 100, 500])
@pytest.mark.parametrize("batch_size", [50, 250, 600])
def test_bits_do_not_depend_on_the_threads(batch_size, units, dtype):
    X = bytes_with_zeros(600, 50)
    options = {"sparse": True, "batch_size": batch_size}
    for alpha in (0.0, 0.5):
        one, *others = (
            trained(X, units, dtype, n_threads=n, alpha=alpha, **options)[0] for n in (1, 2, 3, 40)
        )
        assert all((one == other).all() for other in others)


# Threads that keep copies of each other's weights must not take them for the weights then.
@pytest.mark.usefixtures("walk")
def test_weights_that_a_report_changes():
    X = bytes_with_zeros(400, 300)
    one, two = (
        trained(
            X, 100, "float32", sparse=True, n_threads=n, batch_size=100, max_iter=4, shrinks=True
        )[0]
        for n in (1, 2)
    )
    assert (one == two).all()


def test_shuffled():
    X = bytes_with_zeros(200, 30)
    dense, sparse = (
        trained(X, 64, "float64", sparse=s, bit_generator=np.random.RandomState(3)._bit_generator)
        for s in (False, True)
    )
    np.testing.assert_allclose(dense[0], sparse[0], atol=1e-13)


def test_layer_too_narrow_for_a_tile():
    with pytest.raises(ValueError, match=r"sparse=True with 15 units.*16 or more"):
        trained(bytes_with_zeros(20, 5), 15, "float32", sparse=True)


@pytest.mark.parametrize(
    ("sizes", "density", "expected"),
    [
        ((784, 500, 10), 0.19, True),
        ((784, 500, 10), 0.6, False),
        ((784, 20, 10), 0.19, False),
        ((784, 500, 500, 10), 0.19, False),
        ((200, 500, 10), 0.0, True),
    ],
)
@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
def test_rule(sizes, density, expected, kind):
    X = bytes_with_zeros(2000, sizes[0], density).astype(kind)
    network = Network(sizes, Activation.TANH, Activation.SOFTMAX)
    assert prefers_sparse(network, Rows(X)) is expected


@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
def test_rule_for_pairs(kind):
    scattered = bytes_with_zeros(2000, 301).astype(kind)
    in_runs = scattered.copy()
    for i in range(1, 5):
        in_runs[:, i:] += scattered[:, :-i]
    assert not prefers_pairs(Rows(scattered))
    assert prefers_pairs(Rows(in_runs))
    assert not prefers_pairs(Rows(sp.csr_array(np.float32(in_runs))))


def test_rule_for_no_rows():
    network = Network((784, 500, 10), Activation.TANH, Activation.SOFTMAX)
    assert not prefers_sparse(network, Rows(np.empty((0, 784))))


def csr(dtype, n_rows=120, n_features=40):
    """A CSR matrix with entries out of order, one of them in two pieces, and empty rows."""
    rng = np.random.default_rng(3)
    X = sp.random_array((n_rows, n_features), density=0.1, rng=rng, format="csr", dtype=dtype)
    for i in range(n_rows):
        row = slice(X.indptr[i], X.indptr[i + 1])
        order = rng.permutation(X.indptr[i + 1] - X.indptr[i])
        X.indices[row], X.data[row] = X.indices[row][order], X.data[row][order]
    entry = X.indptr[5]
    data = np.insert(X.data, entry, X.data[entry] / 2)
    data[entry + 1] /= 2
    indices = np.insert(X.indices, entry, X.indices[entry])
    indptr = X.indptr + (np.arange(n_rows + 1) > 5)
    return sp.csr_array((data, indices, indptr), X.shape)


@pytest.mark.parametrize("index_dtype", ["int32", "int64"])
@pytest.mark.parametrize("values", ["float32", "float64"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sparse", [False, True])
def test_csr_is_its_dense_twin(sparse, dtype, values, index_dtype):
    X = csr(values)
    X.indices, X.indptr = X.indices.astype(index_dtype), X.indptr.astype(index_dtype)
    dense, losses = trained(X.toarray(), 33, dtype, sparse=False)
    found, found_losses = trained(X, 33, dtype, sparse=sparse, n_threads=2 if sparse else 1)
    tolerance = 2e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(found, dense, atol=tolerance)
    np.testing.assert_allclose(found_losses, losses, rtol=tolerance)


@pytest.mark.parametrize("units", [5, 33])
def test_prediction_of_csr(units):
    X = csr("float64")
    network = Network((X.shape[1], units, 3), Activation.TANH, Activation.SOFTMAX)
    params = np.random.default_rng(0).normal(size=network.n_params)
    assert prefers_sparse(network, Rows(X)) == (units == 33)
    found = predict(network, Rows(X, 0.5), params)
    np.testing.assert_allclose(found, predict(network, Rows(X.toarray(), 0.5), params), rtol=1e-12)


@pytest.mark.parametrize("shape", [(0, 5), (4, 0), (4, 5)])
def test_prediction_of_csr_without_entries(shape):
    network = Network((shape[1], 20, 3), Activation.TANH, Activation.SOFTMAX)
    params = np.random.default_rng(0).normal(size=network.n_params)
    found = predict(network, Rows(sp.csr_array(shape)), params)
    np.testing.assert_array_equal(found, predict(network, Rows(np.zeros(shape)), params))


@pytest.mark.parametrize("X", [sp.csc_array((3, 3)), sp.csr_array((3, 3), dtype="int64")])
def test_other_sparse_matrices_are_refused(X):
    with pytest.raises(TypeError, match="allowed is csr of float32 or float64"):
        Rows(X)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sparse", [False, True])
def test_whole_weights_are_repeated_rows(sparse, dtype):
    """A weight of k is the row k times, in one batch; over several blocks, too."""
    X = bytes_with_zeros(300, 40)
    k = np.random.default_rng(5).integers(0, 4, len(X))
    rng = np.random.default_rng(1)
    network = Network((40, 20, 3), Activation.TANH, Activation.SOFTMAX)
    params = rng.normal(scale=0.3, size=network.n_params).astype(dtype)
    Y = np.eye(3, dtype=dtype)[rng.integers(0, 3, len(X))]
    weighted = loss_and_gradient(
        network, Loss.LOG_LOSS, Rows(X, 1 / 255), Y, params, 0.1,
        sample_weight=k.astype(dtype), sparse=sparse,
    )  # fmt: skip
    repeated = loss_and_gradient(
        network, Loss.LOG_LOSS, Rows(np.repeat(X, k, axis=0), 1 / 255), np.repeat(Y, k, axis=0),
        params, 0.1,
    )  # fmt: skip
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    assert weighted[0] == pytest.approx(repeated[0], rel=tolerance)
    np.testing.assert_allclose(weighted[1], repeated[1], atol=tolerance)
