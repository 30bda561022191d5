import copy
import pickle

import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from mlpcore._activations import Activation
from mlpcore._losses import Loss
from mlpcore._network import Network
from mlpcore._optimizers import Optimizer, Solver, step
from mlpcore._rows import Rows
from mlpcore._run import Run
from mlpcore._team import zeros_on_lines
from mlpcore._training import loss_and_gradient, train

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


def stepped(optimizer, params, gradients):
    params = params.copy()
    for g in gradients:
        step(optimizer, g, SCALE, DECAY / SCALE, len(params), params)
    return params


def check(found, expected):
    tolerance = 1e-5 if found.dtype == "f4" else 1e-13
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_sgd(steps):
    params, gradients = steps
    expected = reference(SGDOptimizer([params], RATE, momentum=0.0), params, gradients)
    found = stepped(Optimizer(Solver.SGD, RATE), params, gradients)
    check(found, expected)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum(steps, nesterov):
    params, gradients = steps
    twin = SGDOptimizer([params.astype(float)], RATE, momentum=0.8, nesterov=nesterov)
    expected = reference(twin, params, gradients)
    optimizer = Optimizer(Solver.SGD, RATE, momentum=0.8, nesterov=nesterov)
    check(stepped(optimizer, params, gradients), expected)
    check(optimizer.state[0], twin.velocities[0])


def test_adam(steps):
    params, gradients = steps
    twin = AdamOptimizer([params.astype(float)], RATE, beta_1=0.8, beta_2=0.9, epsilon=1e-3)
    expected = reference(twin, params, gradients)
    optimizer = Optimizer(Solver.ADAM, RATE, beta_1=0.8, beta_2=0.9, epsilon=1e-3)
    check(stepped(optimizer, params, gradients), expected)


def test_decay_is_of_weights_only():
    params = np.ones(4)
    step(Optimizer(Solver.SGD, 0.5), np.zeros(4), SCALE, 1.0, 3, params)
    assert params.tolist() == [1 - 0.5 * SCALE] * 3 + [1]


def test_step_of_other_lengths():
    with pytest.raises(ValueError, match="3 gradients, 4 parameters"):
        step(Optimizer(Solver.SGD, 0.5), np.zeros(3), SCALE, 1.0, 3, np.ones(4))


@pytest.mark.parametrize(
    ("solver", "momentum", "n_state"), [("SGD", 0.0, 0), ("SGD", 0.9, 1), ("ADAM", 0.9, 2)]
)
def test_state_vectors(solver, momentum, n_state):
    assert Optimizer(Solver[solver], 0.1, momentum=momentum).n_state == n_state


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_adamw_shrinks_weights_by_themselves(dtype):
    """Without a gradient only the decay is left, and biases have none."""
    rng = np.random.default_rng(0)
    network = Network((2, 1, 2), Activation.IDENTITY, Activation.IDENTITY)
    params = rng.normal(size=network.n_params).astype(dtype)
    before = params.copy()
    X, Y = np.zeros((3, 2), dtype), np.zeros((3, 2), dtype)
    network.intercepts(params)[0][...] = 0
    network.intercepts(params)[1][...] = 0
    optimizer = Optimizer(Solver.ADAMW, 0.1, weight_decay=0.5)
    train(network, Loss.SQUARED_ERROR, optimizer, Rows(X), Y, params, Run(0.0, np.inf),
          alpha=0.0, batch_size=3, max_iter=4)  # fmt: skip
    for W, W_before in zip(network.coefs(params), network.coefs(before), strict=True):
        np.testing.assert_allclose(W, W_before * 0.95**4, rtol=1e-6)
    for b in network.intercepts(params):
        assert not b.any()


@pytest.mark.parametrize("limit", [np.inf, 0.3, 1e-3])
def test_gradient_is_shortened_to_its_limit(limit):
    rng = np.random.default_rng(0)
    network = Network((4, 3), [], Activation.IDENTITY)
    X, Y = rng.normal(size=(20, 4)), rng.normal(size=(20, 3))
    params = rng.normal(size=network.n_params)
    _, gradient = loss_and_gradient(network, Loss.SQUARED_ERROR, Rows(X), Y, params, 0.7)
    norm = np.linalg.norm(gradient)
    expected = params - 0.1 * gradient * min(1.0, limit / norm)
    run = Run(0.0, np.inf)
    optimizer = Optimizer(Solver.SGD, 0.1, max_grad_norm=limit, measures_norm=True)
    train(network, Loss.SQUARED_ERROR, optimizer, Rows(X), Y, params, run, alpha=0.7,
          batch_size=20, max_iter=1)  # fmt: skip
    np.testing.assert_allclose(params, expected, rtol=1e-12)
    assert run.gradient_norms == [pytest.approx(norm, rel=1e-12)]
    assert run.learning_rates == [0.1]
    assert 0 <= run.seconds[0] < 5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [7, (2, 7), (2, 1024), (2, 300_001)])
def test_rows_of_zeros_begin_on_cache_lines(dtype, shape):
    for zeros in [zeros_on_lines(shape, dtype) for _ in range(3)]:
        assert zeros.shape == np.zeros(shape).shape
        assert zeros.dtype == dtype
        assert not zeros.any()
        for row in np.atleast_2d(zeros):
            assert row.flags.c_contiguous
            assert row.ctypes.data % 64 == 0
        assert zeros.ndim == 1 or zeros.strides[0] // 64 % 2 == 1


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda optimizer: pickle.loads(pickle.dumps(optimizer))]
)
def test_a_copy_goes_on_where_it_was_copied(copied):
    optimizer = Optimizer(Solver.ADAM, 0.1, beta_1=0.8)
    state = optimizer.require_state(5, np.float32)
    state[...], optimizer.t = np.arange(10).reshape(2, 5), 3
    twin = copied(optimizer)
    assert (twin.t, twin.learning_rate, twin.beta_1) == (3, 0.1, 0.8)
    np.testing.assert_array_equal(twin.state, state)
    assert not np.shares_memory(twin.state, state)
    assert all(row.ctypes.data % 64 == 0 for row in twin.state)
    assert copied(Optimizer(Solver.SGD, 0.1)).state is None
