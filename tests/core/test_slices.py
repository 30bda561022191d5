"""Products of float32 in slices of bfloat16, beside NumPy: as exact as multiply-adds of float32."""

import numpy as np
import pytest

from mlpcore._activations import Activation
from mlpcore._layers import product
from mlpcore._levels import may_use_tiles, simd_level
from mlpcore._losses import Loss
from mlpcore._network import Network
from mlpcore._rows import Rows
from mlpcore._team import Team
from mlpcore._training import loss_and_gradient

needs_tiles = pytest.mark.skipif(
    simd_level() != "amx" or not may_use_tiles(), reason="no tiles here"
)
RNG = np.random.default_rng(0)


def in_slices(A, B, kind="nn", n_threads=1):
    C = np.full((len(A), B.shape[1]), np.nan, "f4")
    own_A = np.ascontiguousarray(A.T if kind[0] == "t" else A)
    own_B = np.ascontiguousarray(B.T if kind[1] == "t" else B)
    team = Team(n_threads, slices=True)
    product(team, own_A, own_B, C, trans_a=kind[0] == "t", trans_b=kind[1] == "t", slices=True)
    return C


@needs_tiles
@pytest.mark.parametrize("kind", ["nn", "tn", "nt", "tt"])
@pytest.mark.parametrize(
    "shape",
    [(1, 1, 1), (2, 3, 5), (15, 33, 31), (16, 16, 32), (17, 31, 33), (33, 500, 40), (100, 17, 785),
     (784, 500, 7), (29, 65, 1537), (900, 40, 1000), (33, 1100, 48), (2100, 33, 513),
     (3, 9000, 1), (20, 16, 16384)],
)  # fmt: skip
@pytest.mark.parametrize("n_threads", [1, 3])
def test_product(n_threads, shape, kind):
    m, n, k = shape
    A, B = RNG.normal(size=(m, k)).astype("f4"), RNG.normal(size=(k, n)).astype("f4")
    exact, size = A.astype(float) @ B, np.abs(A).astype(float) @ np.abs(B)
    found = in_slices(A, B, kind, n_threads)
    assert (np.abs(found - exact) <= 2**-21 * size).all()


@needs_tiles
@pytest.mark.parametrize("draw", [RNG.normal, RNG.random, RNG.standard_cauchy])
@pytest.mark.parametrize("k", [64, 100, 784, 2000])
def test_as_exact_as_blas(k, draw):
    A, B = draw(size=(200, k)).astype("f4"), draw(size=(k, 300)).astype("f4")
    exact, size = A.astype(float) @ B, np.abs(A).astype(float) @ np.abs(B)

    def error(C):
        return np.sqrt(np.mean(((C - exact) / size) ** 2))

    assert error(in_slices(A, B)) <= error(A @ B)


@needs_tiles
def test_slices_lose_nothing():
    """x * 1 and 1 * x are x, whatever its 24 bits are, if the last one is a normal number."""
    most = np.finfo("f4").max
    x = RNG.integers(1 << 23, 1 << 24, 2000).astype("f4") * 2.0 ** RNG.integers(-126, 104, 2000)
    x = np.concatenate([x * RNG.choice([-1, 1], 2000), [0, most, -most, 1 + 2**-23, 1 - 2**-24]])
    x, one = x.astype("f4").reshape(-1, 1), np.ones((1, 1), "f4")
    np.testing.assert_array_equal(in_slices(x, one), x)
    np.testing.assert_array_equal(in_slices(one, x.T), x.T)


@needs_tiles
def test_lower_bits_are_multiplied():
    """A product of 24 by 24 bits is about as close as a rounded one: 0.29 of the last bit."""
    a, b = (RNG.integers(1 << 23, 1 << 24, 1000).astype("f4") for _ in range(2))
    exact = np.outer(a.astype(float), b)
    off = np.abs(in_slices(a.reshape(-1, 1), b.reshape(1, -1)) - exact)
    off /= np.spacing(exact.astype("f4"))
    assert np.sqrt(np.mean(off**2)) < 0.45
    assert off.max() < 3


@needs_tiles
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("in_A", [True, False])
def test_what_is_not_finite_is_not_finite_after(in_A, value):
    A, B = RNG.normal(size=(40, 70)).astype("f4"), RNG.normal(size=(70, 50)).astype("f4")
    (A if in_A else B)[3, 5] = value
    expected = np.isfinite(A @ B)
    assert not expected.all()
    np.testing.assert_array_equal(np.isfinite(in_slices(A, B)), expected)


@needs_tiles
def test_what_is_not_there_is_not_multiplied():
    """Rows, columns and terms beyond the last are zeros, whatever lay there before."""
    team = Team(1, slices=True)
    A, B = np.full((40, 70), np.nan, "f4"), np.full((70, 50), np.nan, "f4")
    product(team, A, B, np.empty((40, 50), "f4"), slices=True)
    for m, n, k in [(1, 1, 1), (17, 33, 33), (31, 15, 65)]:
        C = np.empty((m, n), "f4")
        product(team, np.ones((m, k), "f4"), np.ones((k, n), "f4"), C, slices=True)
        np.testing.assert_array_equal(C, k)


@needs_tiles
@pytest.mark.parametrize(
    ("shape", "pays"),
    [((128, 128, 64), True), ((100, 500, 784), True), ((784, 100, 100), True),
     ((100, 100, 784), False), ((1000, 1000, 63), False), ((32, 1000, 1000), False)],
)  # fmt: skip
def test_where_they_pay(shape, pays):
    m, n, k = shape
    A, B = RNG.normal(size=(m, k)).astype("f4"), RNG.normal(size=(k, n)).astype("f4")
    by_itself, plain = np.empty((m, n), "f4"), np.empty((m, n), "f4")
    product(Team(1, slices=True), A, B, by_itself)
    product(Team(1), A, B, plain, slices=True)
    assert (by_itself == in_slices(A, B)).all() == pays
    assert (by_itself == plain).all() != pays


@pytest.mark.parametrize("n_rows", [130, 700])
def test_gradient_of_a_network(twin, n_rows):
    """Of one block of rows, and of two."""
    sizes = (140, 200, 150, 3)
    network = Network(sizes, Activation.TANH, Activation.SOFTMAX)
    X, Y = RNG.normal(size=(n_rows, 140)).astype("f4"), np.eye(3, dtype="f4")[np.arange(n_rows) % 3]
    params = RNG.normal(scale=0.05, size=network.n_params).astype("f4")
    plain = twin(sizes, Activation.TANH, Activation.SOFTMAX, Loss.LOG_LOSS, alpha=0.1)
    value, gradient = plain.loss_and_gradient(params.astype(float), X.astype(float), Y)
    found = loss_and_gradient(network, Loss.LOG_LOSS, Rows(X), Y, params, 0.1, n_threads=2)
    assert found[0] == pytest.approx(value, rel=1e-6)
    np.testing.assert_allclose(found[1], gradient, atol=1e-7)
