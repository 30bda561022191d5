"""The gradient of every loss, activation and bias against finite differences and the twin."""

import numpy as np
import pytest

from mlpcore._activations import Activation
from mlpcore._losses import Loss, Objective
from mlpcore._network import Network
from mlpcore._rows import Rows
from mlpcore._training import loss_and_gradient

OUTPUTS = [
    (Loss.MSE, Activation.IDENTITY),
    (Loss.MSE, Activation.LOGISTIC),
    (Loss.MSE, Activation.TANH),
    (Loss.LOG_LOSS, Activation.SOFTMAX),
    (Loss.BINARY_LOG_LOSS, Activation.LOGISTIC),
]
REGRESSION = [
    (Loss.SQUARED_ERROR, Activation.IDENTITY),
    (Loss.POISSON, Activation.EXP),
    (Loss.ABSOLUTE_ERROR, Activation.IDENTITY),
    (Objective(Loss.HUBER, 0.4), Activation.IDENTITY),
]
HIDDEN = [
    Activation.IDENTITY, Activation.RELU, Activation.LOGISTIC, Activation.TANH,
    Activation.LEAKY_RELU, Activation.GELU, Activation.SILU,
]  # fmt: skip
SIZES = (5, 4, 3, 3)


def problem(loss, n_rows, dtype="float64"):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n_rows, SIZES[0]))
    Y = np.eye(3)[rng.integers(0, 3, n_rows)]
    if loss == Loss.MSE:
        Y = rng.normal(size=Y.shape)
    if loss in (Loss.SQUARED_ERROR, Loss.POISSON, Loss.ABSOLUTE_ERROR) or type(loss) is Objective:
        Y = rng.poisson(2.0, Y.shape)
    return X.astype(dtype), Y.astype(dtype)


def draw(network, dtype="float64"):
    return np.random.default_rng(1).normal(scale=0.7, size=network.n_params).astype(dtype)


@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize("shared", [False, True], ids=["unit", "layer"])
@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda a: a.name)
@pytest.mark.parametrize(("loss", "output"), OUTPUTS, ids=lambda a: a.name)
def test_finite_differences(loss, output, hidden, shared, alpha):
    assert_gradient(Network(SIZES, hidden, output, shared), loss, alpha)


@pytest.mark.parametrize("output", REGRESSION, ids=lambda o: str(o[1].name))
def test_finite_differences_of_regression(output):
    assert_gradient(Network(SIZES, Activation.TANH, output[1]), output[0], 0.0)


def test_finite_differences_of_several_activations():
    hidden = (Activation.GELU, Activation.TANH)
    assert_gradient(Network(SIZES, hidden, Activation.SOFTMAX), Loss.LOG_LOSS, 0.1)


def assert_gradient(network, loss, alpha):
    X, Y = problem(loss, 7)
    rows, params = Rows(X), draw(network)
    _, gradient = loss_and_gradient(network, loss, rows, Y, params, alpha)
    numeric, step = np.empty_like(params), 1e-6
    for i in range(len(params)):
        shifted = params.copy()
        shifted[i] += step
        above = loss_and_gradient(network, loss, rows, Y, shifted, alpha)[0]
        shifted[i] -= 2 * step
        below = loss_and_gradient(network, loss, rows, Y, shifted, alpha)[0]
        numeric[i] = (above - below) / (2 * step)
    # scikit-learn's squared_error averages over the outputs, its gradient does not.
    outputs = SIZES[-1] if loss == Loss.SQUARED_ERROR else 1
    np.testing.assert_allclose(gradient / outputs, numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("n_rows", [1, 512, 1300], ids=["one row", "one block", "blocks"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("loss", "output"), OUTPUTS, ids=lambda a: a.name)
def test_equals_twin(twin, loss, output, dtype, n_rows):
    network = Network(SIZES, Activation.TANH, output)
    X, Y = problem(loss, n_rows, dtype)
    params = draw(network, dtype)
    value, gradient = loss_and_gradient(network, loss, Rows(X), Y, params, 0.2)
    plain = twin(SIZES, Activation.TANH, output, loss, alpha=0.2)
    expected = plain.loss_and_gradient(*(a.astype("float64") for a in (params, X, Y)))
    rtol = 2e-5 if dtype == "float32" else 1e-12
    assert value == pytest.approx(expected[0], rel=rtol)
    np.testing.assert_allclose(gradient, expected[1], atol=rtol)
    assert gradient.dtype == dtype


@pytest.mark.parametrize("n_in", range(293, 303))
def test_any_width_of_scratch(twin, n_in):
    """Rows of 512 columns lie further apart than they are long: no layer has what is between."""
    rng = np.random.default_rng(0)
    sizes, ends = (n_in, 100, 4), (Activation.SOFTMAX, Loss.LOG_LOSS)
    X, Y = rng.normal(size=(20, n_in)), np.eye(4)[rng.integers(0, 4, 20)]
    network = Network(sizes, Activation.TANH, ends[0])
    params = rng.normal(scale=0.1, size=network.n_params)
    expected = twin(sizes, Activation.TANH, *ends, alpha=0.0).loss_and_gradient(params, X, Y)
    value, gradient = loss_and_gradient(network, ends[1], Rows(X), Y, params)
    assert value == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(gradient, expected[1], atol=1e-12)


def test_shapes_that_do_not_fit():
    network = Network(SIZES, Activation.TANH, Activation.IDENTITY)
    X, Y = problem(Loss.MSE, 4)
    params = draw(network)
    for bad in [(X[:, :4].copy(), Y, params), (X, Y[:3], params), (X, Y, params[1:])]:
        with pytest.raises(ValueError, match=r"needs?|takes|has"):
            loss_and_gradient(network, Loss.MSE, Rows(bad[0]), *bad[1:])
    with pytest.raises(ValueError, match="no rows"):
        loss_and_gradient(network, Loss.MSE, Rows(X[:0]), Y[:0], params)


def test_biases_behind_a_layer_without_units():
    network = Network((3, 0, 2), Activation.TANH, Activation.IDENTITY)
    params, Y = np.array([0.5, -1.0]), np.arange(10.0).reshape(5, 2)
    gradient = loss_and_gradient(network, Loss.SQUARED_ERROR, Rows(np.ones((5, 3))), Y, params)[1]
    np.testing.assert_allclose(gradient, params - Y.mean(axis=0))
