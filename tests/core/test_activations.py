import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import norm

from mlpcore import _activations as kernels
from mlpcore._activations import Activation

DTYPES = ["float32", "float64"]
PAIRS = {
    "relu": (lambda z: np.maximum(z, 0), lambda a, d: d * (a > 0)),
    "logistic": (expit, lambda a, d: d * a * (1 - a)),
    "tanh": (np.tanh, lambda a, d: d * (1 - a * a)),
}


def leaky(z):
    return np.where(z < 0, z.dtype.type(0.01) * z, z)


PAIRS["leaky_relu"] = (leaky, lambda a, d: np.where(a > 0, d, d.dtype.type(0.01) * d))

# With a slope: a, and da/dz.
SLOPED = {
    "gelu": (
        lambda z: z * norm.cdf(z),
        lambda z: norm.cdf(z) + z * norm.pdf(z),
    ),
    "silu": (
        lambda z: z * expit(z),
        lambda z: expit(z) * (1 + z * (1 - expit(z))),
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SLOPED)
def test_activations_with_a_slope(name, dtype):
    z = np.concatenate([np.linspace(-12, 12, 401), [-1e4, 1e4, 0.0]]).reshape(4, -1).astype(dtype)
    value, slope = SLOPED[name]
    a, found = z.copy(), np.empty_like(z)
    getattr(kernels, f"{name}_forward")(a, found)
    tolerance = 1e-6 if dtype == "float32" else 1e-13
    exact = z.astype(float)
    np.testing.assert_allclose(a, value(exact), rtol=tolerance, atol=tolerance / 100)
    np.testing.assert_allclose(found, slope(exact), atol=tolerance)
    again = z.copy()
    getattr(kernels, f"{name}_forward")(again, np.empty((4, 0), dtype))
    np.testing.assert_array_equal(again, a)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def applied(name, z):
    """The kernel's result, z itself left alone."""
    a = np.ascontiguousarray(z).copy()
    if name in PAIRS:
        kernels.rows_forward(Activation[name.upper()], a)
    else:
        getattr(kernels, f"{name}_forward")(a)
    return a


shapes = st.tuples(st.integers(0, 9), st.integers(1, 67))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PAIRS)
@given(shape=shapes)
@settings(deadline=None, max_examples=40)
def test_forward_and_backward(name, dtype, shape):
    forward, backward = PAIRS[name]
    rng = np.random.default_rng(shape)
    z, d = (rng.normal(scale=3, size=shape).astype(dtype) for _ in range(2))
    a = applied(name, z)
    np.testing.assert_allclose(a, forward(z), rtol=1e-6 if dtype == "float32" else 1e-14)
    expected = backward(a, d)
    kernels.rows_backward(Activation[name.upper()], a, d)
    # 1 - a * a loses digits where a is near 1, unless it is one instruction.
    close = {"rtol": 1e-5, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-13, "atol": 1e-15}
    np.testing.assert_allclose(d, expected, **close)


@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes)
@settings(deadline=None, max_examples=40)
def test_softmax(dtype, shape):
    z = np.random.default_rng(shape).normal(scale=10, size=shape).astype(dtype)
    rtol = 2e-6 if dtype == "float32" else 1e-14
    tiny = np.finfo(dtype).tiny
    np.testing.assert_allclose(applied("softmax", z), softmax(z), rtol=rtol, atol=tiny)


def sweep(dtype):
    """Values of either sign over every magnitude that the functions tell apart."""
    magnitudes = np.concatenate(
        [np.logspace(-37, 0, 200_001), np.linspace(0, 100, 400_001), np.linspace(100, 1e4, 10_001)]
    )
    return np.concatenate([-magnitudes, magnitudes]).astype(dtype)


def exp_of_negative(z):
    """exp as softmax computes it, for z <= 0: of a row (0, z), the ratio of the two."""
    a = applied("softmax", np.stack([np.zeros_like(z), z], axis=1))
    return a[:, 1], np.exp(z.astype(np.longdouble)) / (1 + np.exp(z.astype(np.longdouble)))


def results(name, z):
    """The kernel's values and the true ones."""
    if name == "softmax":
        return exp_of_negative(-np.abs(z))
    wide = z.astype(np.longdouble)
    true = np.tanh(wide) if name == "tanh" else 1 / (1 + np.exp(-wide))
    return applied(name, z[None])[0], true


@pytest.mark.parametrize("name", ["tanh", "logistic", "softmax"])
def test_accuracy(name):
    for dtype in DTYPES:
        found, true = results(name, sweep(dtype))
        normal = np.abs(true) >= np.finfo(dtype).tiny
        assert np.isfinite(found).all()
        assert (np.abs(found[~normal]) <= np.finfo(dtype).tiny).all()
        found, true = found[normal], true[normal]
        error = np.abs(found - true)
        if dtype == "float32":
            assert (error / np.spacing(np.abs(true).astype("float32"))).max() <= 4
        else:
            assert (error / np.abs(true)).max() <= 2e-15


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["tanh", "logistic", "relu", "softmax"])
def test_extremes(name, dtype):
    z = np.array([[-1e4, -100, -0.0, 0.0, 100, 1e4]], dtype)
    a = applied(name, z)
    assert np.isfinite(a).all()
    assert (np.diff(a[0]) >= 0).all()
    z[0, 2] = np.nan
    assert np.isnan(applied(name, z)[0, 2])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["tanh", "logistic"])
def test_infinities(name, dtype):
    low = -1 if name == "tanh" else 0
    assert applied(name, np.array([[-np.inf, np.inf]], dtype)).tolist() == [[low, 1]]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["tanh", "logistic"])
def test_value_does_not_depend_on_position(name, dtype):
    z = np.random.default_rng(0).normal(scale=3, size=(1, 67)).astype(dtype)
    whole = applied(name, z)
    for start in (1, 16, 50, 66):
        assert (applied(name, z[:, start:]) == whole[:, start:]).all()


def test_relu_passes_no_gradient_at_zero():
    a, d = np.zeros((1, 1)), np.ones((1, 1))
    kernels.rows_backward(Activation.RELU, a, d)
    assert d[0, 0] == 0
