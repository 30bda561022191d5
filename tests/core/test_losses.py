import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neural_network import _base as sklearn_losses

from mlpcore import _losses as kernels
from mlpcore._team import Team

DTYPES = ["float32", "float64"]
shapes = st.tuples(st.integers(0, 9), st.integers(1, 20))


def tolerance(dtype):
    return 1e-5 if dtype == "float32" else 1e-12


@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes)
@settings(deadline=None, max_examples=40)
def test_mse_and_residual(dtype, shape):
    rng = np.random.default_rng(shape)
    a, y = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    assert kernels.mse_forward(a, y) == pytest.approx(
        ((a - y).astype(float) ** 2).sum(), rel=tolerance(dtype)
    )
    d = np.full(shape, np.nan, dtype)
    kernels.residual(a, y, 2.0, d)
    np.testing.assert_allclose(d, 2 * (a - y))


@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=st.tuples(st.integers(1, 9), st.integers(2, 20)))
@settings(deadline=None, max_examples=40)
def test_log_losses_are_scikit_learns(dtype, shape):
    rng = np.random.default_rng(shape)
    a = rng.random(shape).astype(dtype)
    a[0, 0], a[0, 1] = 0, 1  # clipped
    one_hot = np.eye(shape[1], dtype=dtype)[rng.integers(0, shape[1], shape[0])]
    labels = rng.integers(0, 2, shape).astype(dtype)
    rel = tolerance(dtype)
    assert kernels.log_loss_forward(a, one_hot) / len(a) == pytest.approx(
        sklearn_losses.log_loss(one_hot, a), rel=rel
    )
    assert kernels.binary_log_loss_forward(a, labels) / len(a) == pytest.approx(
        sklearn_losses.binary_log_loss(labels, a), rel=rel
    )


@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=st.tuples(st.integers(1, 9), st.integers(1, 20)))
@settings(deadline=None, max_examples=40)
def test_losses_of_regression_are_scikit_learns(dtype, shape):
    rng = np.random.default_rng(shape)
    a, y = rng.uniform(0.1, 5, shape).astype(dtype), rng.poisson(2, shape).astype(dtype)
    rel = tolerance(dtype)
    assert kernels.squared_error_forward(a, y) / len(a) == pytest.approx(
        sklearn_losses.squared_loss(y, a), rel=rel
    )
    assert kernels.poisson_forward(a, y) / len(a) == pytest.approx(
        sklearn_losses.poisson_loss(y, a), rel=rel, abs=1e-5 if dtype == "float32" else 1e-12
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [0, 1, 1000, 300_001])
def test_l2_penalty(dtype, n):
    w = np.random.default_rng(n).normal(size=n).astype(dtype)
    expected = 0.05 * (w.astype(float) ** 2).sum()
    one, *others = (kernels.l2_penalty(Team(threads), w, 0.1) for threads in (1, 2, 5, 100))
    assert one == pytest.approx(expected, rel=tolerance(dtype))
    assert others == [one] * 3
    assert kernels.l2_penalty(Team(1), w, 0.0) == 0
