"""Run 12 of the report's Table III on real MNIST, against a NumPy program of its rules."""

import numpy as np

from mlpcore._activations import Activation
from mlpcore._losses import Loss
from mlpcore._network import Network
from mlpcore._optimizers import Optimizer, Solver
from mlpcore._rows import Rows
from mlpcore._run import Run
from mlpcore._training import train

N, RATE, EPOCHS = 300, 0.09, 3


def initial_weights(seed):
    """W1 (N, 784), then W2 (10, N), from one stream."""
    stream = np.random.RandomState(seed)
    return stream.normal(0, 0.01, (N, 784)), stream.normal(0, 0.01, (10, N))


def report_program(X, Y, W1, W2):
    """Full-batch gradient descent, ReLU and sigmoid, one tied bias a layer."""
    W1, W2, b1, b2, m = W1.copy(), W2.copy(), 0.0, 0.0, len(X)
    for _ in range(EPOCHS):
        a1 = np.maximum(X @ W1.T + b1, 0)
        a2 = 1 / (1 + np.exp(-(a1 @ W2.T + b2)))
        d2 = 2 * (a2 - Y) * a2 * (1 - a2)
        d1 = d2 @ W2 * (a1 > 0)
        W2 -= RATE / m * d2.T @ a1
        b2 -= RATE / m * d2.sum()
        W1 -= RATE / m * d1.T @ X
        b1 -= RATE / m * d1.sum()
    return W1, W2, b1, b2


def test_run_12(mnist):
    X, Y = mnist.train_images, np.eye(10)[mnist.train_labels]
    W1, W2 = initial_weights(42)
    network = Network((784, N, 10), Activation.RELU, Activation.LOGISTIC, True)
    params = np.concatenate([W1.T.ravel(), W2.T.ravel(), [0.0, 0.0]])
    train(network, Loss.MSE, Optimizer(Solver.SGD, RATE), Rows(X, 1 / 255), Y, params,
          Run(0.0, np.inf), alpha=0.0, batch_size=len(X), max_iter=EPOCHS)  # fmt: skip
    expected = report_program(X / 255, Y, W1, W2)
    found = [W.T for W in network.coefs(params)] + [b[0] for b in network.own_biases(params)]
    for a, b in zip(found, expected, strict=True):
        assert np.abs(a - b).max() <= 1e-9 * np.abs(b).max()
