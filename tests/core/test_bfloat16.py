"""Products of operands rounded to bfloat16, beside NumPy, which rounds them itself."""

import subprocess
import sys

import numpy as np
import pytest

from mlpcore._activations import Activation
from mlpcore._layers import product
from mlpcore._levels import has_bfloat16, simd_level
from mlpcore._losses import Loss
from mlpcore._network import Network
from mlpcore._optimizers import Optimizer, Solver
from mlpcore._rows import Rows
from mlpcore._run import Run
from mlpcore._team import Team
from mlpcore._training import train

needs_bfloat16 = pytest.mark.skipif(not has_bfloat16(), reason="no products of bfloat16 here")
RNG = np.random.default_rng(0)


def rounded(x):
    """x to the nearest number of bfloat16, the even one of two: the upper 16 bits of a float."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32).astype(np.uint64)
    bits += 0x7FFF + ((bits >> 16) & 1)
    return (bits & 0xFFFF0000).astype(np.uint32).view(np.float32)


def trained(X, Y, network, params, n_threads=1, **options):
    params = params.copy()
    options = {"alpha": 0.0, "batch_size": len(X), "max_iter": 1, "bfloat16": True} | options
    optimizer = options.pop("optimizer", None) or Optimizer(Solver.SGD, 1.0)
    run = Run(0.0, np.inf)
    train(network, Loss.LOG_LOSS, optimizer, Rows(X, options.pop("scale", 1.0)), Y, params, run,
          n_threads=n_threads, **options)  # fmt: skip
    return params, run.loss_curve


@needs_bfloat16
@pytest.mark.parametrize("kind", ["nn", "tn", "nt", "tt"])
@pytest.mark.parametrize(
    "shape",
    [(1, 1, 1), (2, 3, 5), (14, 32, 32), (15, 33, 31), (3, 500, 40), (100, 17, 785),
     (784, 500, 7), (29, 65, 1537), (900, 40, 1000), (33, 1100, 48),
     (2100, 33, 1025), (3, 9000, 1), (20, 16, 16384)],
)  # fmt: skip
@pytest.mark.parametrize("n_threads", [1, 3])
def test_product(n_threads, shape, kind):
    m, n, k = shape
    A, B = RNG.normal(size=(m, k)).astype("f4"), RNG.normal(size=(k, n)).astype("f4")
    C = np.full((m, n), np.nan, "f4")
    own_A = np.ascontiguousarray(A.T) if kind[0] == "t" else A
    own_B = np.ascontiguousarray(B.T) if kind[1] == "t" else B
    product(Team(n_threads, True), own_A, own_B, C, trans_a=kind[0] == "t", trans_b=kind[1] == "t")
    expected = rounded(A).astype(float) @ rounded(B)
    np.testing.assert_allclose(C, expected, atol=1e-6 + 1e-7 * k, rtol=1e-5)


@needs_bfloat16
@pytest.mark.parametrize("kind", ["nn", "tn", "nt"])
@pytest.mark.parametrize("n_threads", [2, 4])
def test_threads_copy_rows_together(n_threads, kind):
    """Several pieces of the sums, and more rows than there is room for: nobody may be early."""
    A, B = RNG.normal(size=(1030, 900)).astype("f4"), RNG.normal(size=(900, 530)).astype("f4")
    own_A = np.ascontiguousarray(A.T if kind[0] == "t" else A)
    own_B = np.ascontiguousarray(B.T if kind[1] == "t" else B)
    alone, together = np.empty((1030, 530), "f4"), np.empty((1030, 530), "f4")
    how, team = {"trans_a": kind[0] == "t", "trans_b": kind[1] == "t"}, Team(n_threads, True)
    product(Team(1, True), own_A, own_B, alone, **how)
    for _ in range(2):
        together[...] = np.nan
        product(team, own_A, own_B, together, **how)
        np.testing.assert_array_equal(together, alone)


@needs_bfloat16
def test_halves_go_to_the_even_number():
    exact = np.array([1, 1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8, 1 + 2**-8 + 2**-20, np.inf], "f4")
    C = np.empty((6, 1), "f4")
    product(Team(1, True), exact.reshape(6, 1), np.ones((1, 1), "f4"), C)
    np.testing.assert_array_equal(C[:, 0], [1, 1, 1 + 2**-6, -1, 1 + 2**-7, np.inf])
    np.testing.assert_array_equal(C[:, 0], rounded(exact))


@needs_bfloat16
@pytest.mark.parametrize(("sizes", "first_exact"), [((37, 50, 33, 3), 1), ((37, 150, 130, 3), 2)])
def test_gradient_of_a_network(sizes, first_exact):
    """One step of plain SGD with rate 1: what is subtracted is the gradient.

    Small last layers round nothing.
    """
    network = Network(sizes, Activation.RELU, Activation.SOFTMAX)
    X, Y = RNG.normal(size=(70, 37)).astype("f4"), np.eye(3, dtype="f4")[RNG.integers(3, size=70)]
    params = RNG.normal(scale=0.1, size=network.n_params).astype("f4")
    r = [rounded if i < first_exact else np.asarray for i in range(3)]
    W = [r[i](w).astype(float) for i, w in enumerate(network.coefs(params))]
    b = network.intercepts(params)
    a = [X]
    for i in range(3):
        a.append(np.maximum(r[i](a[i]).astype(float) @ W[i] + b[i], 0 if i < 2 else -np.inf))
    exps = np.exp(a[3] - a[3].max(1, keepdims=True))
    d = exps / exps.sum(1, keepdims=True) - Y
    expected = []
    for i in (2, 1, 0):
        expected.append(r[i](a[i]).astype(float).T @ r[i](d))
        d = r[i](d) @ W[i].T * (a[i] > 0)
    new, _ = trained(X, Y, network, params)
    for before, after, gradient in zip(
        network.coefs(params), network.coefs(new), reversed(expected), strict=True
    ):
        # A delta that stands at the edge between two numbers may be rounded to the other.
        np.testing.assert_allclose(before - after, gradient / 70, atol=2e-5)


@needs_bfloat16
def test_bytes_are_exact():
    """Scaled after the product: by 1 / 255, which bfloat16 does not hold."""
    network = Network((784, 3), [], Activation.SOFTMAX)
    X = RNG.integers(0, 256, (50, 784), dtype=np.uint8)
    Y = np.eye(3, dtype="f4")[RNG.integers(3, size=50)]
    params = rounded(RNG.normal(scale=0.05, size=network.n_params))
    z = X / 255 @ network.coefs(params)[0].astype(float) + network.intercepts(params)[0]
    softmax = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    loss = -np.log((softmax * Y).sum(1)).mean()
    gradient = X.T / 255 @ rounded(softmax - Y) / 50
    new, losses = trained(X, Y, network, params, scale=1 / 255)
    assert losses[0] == pytest.approx(loss, rel=1e-6)
    np.testing.assert_allclose(
        network.coefs(params)[0] - network.coefs(new)[0], gradient, atol=2e-5
    )
    scaled_before = trained((X / 255).astype("f4"), Y, network, params)[1]
    assert scaled_before[0] != pytest.approx(loss, rel=1e-5)


@needs_bfloat16
@pytest.mark.parametrize("solver", [Solver.SGD, Solver.ADAM])
def test_bits_do_not_depend_on_the_threads(solver):
    network = Network((300, 500, 10), Activation.TANH, Activation.SOFTMAX)
    X, Y = RNG.normal(size=(150, 300)).astype("f4"), np.eye(10, dtype="f4")[np.arange(150) % 10]
    params = RNG.normal(scale=0.1, size=network.n_params).astype("f4")
    results = [
        trained(X, Y, network, params, n_threads, batch_size=60, max_iter=2, alpha=0.1,
                optimizer=Optimizer(solver, 0.01))[0]
        for n_threads in (1, 2, 3, 40)
    ]  # fmt: skip
    assert all((results[0] == other).all() for other in results[1:])
    assert (results[0] != params).any()


@needs_bfloat16
def test_double_is_refused():
    network = Network((2, 2), [], Activation.SOFTMAX)
    with pytest.raises(ValueError, match="needed is float32"):
        trained(np.ones((3, 2)), np.eye(3, 2), network, np.zeros(network.n_params))


@pytest.mark.skipif(has_bfloat16(), reason="this processor has products of bfloat16")
def test_other_processors():
    with pytest.raises(ValueError, match="needs AVX-512 BF16"):
        Team(1, True)


ASKED_FOR_TILES = """
import ctypes
import numpy as np
import mlpcore
from mlpcore._team import Team

def may_use_tiles():
    permitted = ctypes.c_ulong()
    ctypes.CDLL(None).syscall(158, 0x1022, ctypes.byref(permitted))  # arch_prctl
    return bool(permitted.value & 1 << 18)

assert not may_use_tiles()
mlpcore.MLP((8,), max_iter=1).fit(np.eye(4, dtype="f4"), range(4))
X, y = np.random.default_rng(0).normal(size=(200, 128)), np.arange(200) % 3
mlpcore.MLP((128,), max_iter=1).fit(X, y)
mlpcore.MLP((128,), max_iter=1).fit(np.where(X > 1.5, X, 0).astype("f4"), y)
assert not may_use_tiles() and not Team(2).tiles
mlpcore.MLP((128,), max_iter=1).fit(X.astype("f4"), y)
assert may_use_tiles() and Team(2, True).tiles
"""


@pytest.mark.skipif(simd_level() != "amx", reason="no tiles here")
def test_tiles_are_asked_for_where_they_are_needed():
    subprocess.run([sys.executable, "-W", "ignore", "-c", ASKED_FOR_TILES], check=True)


@needs_bfloat16
@pytest.mark.skipif(simd_level() == "amx", reason="tiles here")
def test_no_tiles_below_their_level():
    assert not Team(1, True).tiles


@needs_bfloat16
def test_what_is_not_there_is_not_multiplied():
    """Rows, columns and terms beyond the last are zeros, whatever lay there before."""
    team = Team(1, True)
    A, B = np.full((40, 70), np.inf, "f4"), np.full((70, 50), np.inf, "f4")
    product(team, A, B, np.empty((40, 50), "f4"))
    for shape in [(1, 1, 1), (17, 33, 33), (31, 15, 65)]:
        m, n, k = shape
        C = np.empty((m, n), "f4")
        product(team, np.ones((m, k), "f4"), np.ones((k, n), "f4"), C)
        np.testing.assert_array_equal(C, k)
