import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from mlpcore import _optimizers as kernels
from mlpcore._optimizers import Optimizer, Solver

DTYPES = ["float32", "float64"]
SCALE, DECAY, RATE = 0.25, 0.01, 0.1


@pytest.fixture(params=DTYPES)
def steps(request):
    """Parameters, and the sums of gradients of five steps."""
    rng = np.random.default_rng(0)
    params = rng.normal(size=37).astype(request.param)
    return params, rng.normal(size=(5, 37)).astype(request.param)


def reference(optimizer, params, gradients):
    """What scikit-learn's optimizer makes of the same gradients."""
    params = [params.astype(float)]
    for g in gradients:
        optimizer.update_params(params, [SCALE * g + DECAY * params[0]])
    return params[0]


def check(found, expected):
    tolerance = 1e-5 if found.dtype == "f4" else 1e-13
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_sgd(steps):
    params, gradients = steps
    expected = reference(SGDOptimizer([params], RATE, momentum=0.0), params, gradients)
    for g in gradients:
        kernels.sgd_step(g, SCALE, DECAY, RATE, params)
    check(params, expected)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum(steps, nesterov):
    params, gradients = steps
    twin = SGDOptimizer([params.astype(float)], RATE, momentum=0.8, nesterov=nesterov)
    expected = reference(twin, params, gradients)
    velocity = np.zeros_like(params)
    for g in gradients:
        kernels.momentum_step(g, SCALE, DECAY, RATE, 0.8, nesterov, params, velocity)
    check(params, expected)
    check(velocity, twin.velocities[0])


def test_adam(steps):
    params, gradients = steps
    twin = AdamOptimizer([params.astype(float)], RATE, beta_1=0.8, beta_2=0.9, epsilon=1e-3)
    expected = reference(twin, params, gradients)
    mean, square = np.zeros_like(params), np.zeros_like(params)
    for t, g in enumerate(gradients, 1):
        rate = RATE * np.sqrt(1 - 0.9**t) / (1 - 0.8**t)
        kernels.adam_step(g, SCALE, DECAY, rate, 0.8, 0.9, 1e-3, 1.0, params, mean, square)
    check(params, expected)


@pytest.mark.parametrize(
    ("solver", "momentum", "n_state"), [("SGD", 0.0, 0), ("SGD", 0.9, 1), ("ADAM", 0.9, 2)]
)
def test_state_vectors(solver, momentum, n_state):
    assert Optimizer(Solver[solver], 0.1, momentum=momentum).n_state == n_state
