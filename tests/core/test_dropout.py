"""Dropout: whole columns of zeros and doubles, the same from the same stream, no bias."""

import numpy as np
import pytest

from mlpcore._activations import Activation
from mlpcore._dropout import Dropout
from mlpcore._losses import Loss
from mlpcore._network import Network
from mlpcore._optimizers import Optimizer, Solver
from mlpcore._rows import Rows
from mlpcore._run import Run
from mlpcore._training import train

RATE = 0.4


def twin_step(X, Y, params, network, masks):
    """Plain SGD at rate 1 on half the squared error, with given masks."""
    (W1, W2), (b1, b2) = network.coefs(params), network.intercepts(params)
    z = X @ W1 + b1
    a = np.tanh(z) * masks
    d2 = (a @ W2 + b2 - Y) / len(X)
    d1 = d2 @ W2.T * (1 - np.tanh(z) ** 2) * masks
    return [W1 - X.T @ d1, W2 - a.T @ d2], [b1 - d1.sum(axis=0), b2 - d2.sum(axis=0)]


@pytest.mark.parametrize("n_rows", [7, 600])
def test_step_is_that_of_the_network_that_is_left(n_rows):
    rng = np.random.default_rng(0)
    network = Network((5, 6, 2), Activation.TANH, Activation.IDENTITY)
    X, Y = rng.normal(size=(n_rows, 5)), rng.normal(size=(n_rows, 2))
    params = rng.normal(size=network.n_params)
    drawn = np.random.Generator(np.random.PCG64(9)).random((n_rows, 6))
    masks = np.where(drawn >= RATE, 1 / (1 - RATE), 0.0)
    W, b = twin_step(X, Y, params, network, masks)
    train(network, Loss.SQUARED_ERROR, Optimizer(Solver.SGD, 1.0), Rows(X), Y, params,
          Run(0.0, np.inf), alpha=0.0, batch_size=n_rows, max_iter=1,
          dropout=Dropout([RATE], np.random.PCG64(9)))  # fmt: skip
    for ours, theirs in zip(network.coefs(params) + network.intercepts(params), W + b, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("hidden", [Activation.RELU, Activation.GELU, Activation.LEAKY_RELU])
def test_rate_of_zero_changes_nothing(hidden):
    rng = np.random.default_rng(0)
    network = Network((5, 6, 4, 2), hidden, Activation.SOFTMAX)
    X, Y = rng.normal(size=(90, 5)), np.eye(2)[rng.integers(0, 2, 90)]
    start, found = rng.normal(size=network.n_params), []
    for dropout in (None, Dropout([0.0, 0.0], np.random.PCG64(1))):
        params = start.copy()
        train(network, Loss.LOG_LOSS, Optimizer(Solver.ADAM, 0.01), Rows(X), Y, params,
              Run(0.0, np.inf), alpha=0.1, batch_size=30, max_iter=3, dropout=dropout)  # fmt: skip
        found.append(params)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12)
