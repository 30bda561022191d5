"""A multi-layer perceptron in plain NumPy: the twin that the core is compared with."""

from itertools import pairwise

import numpy as np
import pytest

from mlpcore._activations import Activation
from mlpcore._losses import Loss


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


FORWARD = {
    Activation.IDENTITY: lambda z: z,
    Activation.RELU: lambda z: np.maximum(z, 0),
    Activation.LOGISTIC: lambda z: 1 / (1 + np.exp(-z)),
    Activation.TANH: np.tanh,
    Activation.SOFTMAX: softmax,
}
DERIVATIVE = {
    Activation.IDENTITY: np.ones_like,
    Activation.RELU: lambda a: (a > 0).astype(a.dtype),
    Activation.LOGISTIC: lambda a: a * (1 - a),
    Activation.TANH: lambda a: 1 - a * a,
}
VALUE = {
    Loss.MSE: lambda a, y: ((a - y) ** 2).sum(),
    Loss.LOG_LOSS: lambda a, y: -(y * np.log(a)).sum(),
    Loss.BINARY_LOG_LOSS: lambda a, y: -(y * np.log(a) + (1 - y) * np.log(1 - a)).sum(),
}


class Twin:
    """Forward pass, loss and gradient of a network, as a textbook writes them."""

    def __init__(self, sizes, hidden, output, loss, shared_bias=False, alpha=0.0):
        self.sizes, self.loss, self.alpha = sizes, loss, alpha
        self.activations = [hidden] * (len(sizes) - 2) + [output]
        self.shared_bias = shared_bias

    def layers(self, params):
        shapes = list(pairwise(self.sizes))
        start, W, b = 0, [], []
        for n_in, n_out in shapes:
            W.append(params[start : start + n_in * n_out].reshape(n_in, n_out))
            start += n_in * n_out
        for _, n_out in shapes:
            n = 1 if self.shared_bias else n_out
            b.append(params[start : start + n])
            start += n
        return W, b

    def forward(self, params, X):
        W, b = self.layers(params)
        a = [X]
        for i, f in enumerate(self.activations):
            a.append(FORWARD[f](a[-1] @ W[i] + b[i]))
        return a

    def loss_and_gradient(self, params, X, Y):
        W, _ = self.layers(params)
        a, m = self.forward(params, X), len(X)
        value = VALUE[self.loss](a[-1], Y) + self.alpha / 2 * sum((w * w).sum() for w in W)
        d = a[-1] - Y
        if self.loss == Loss.MSE:
            d = 2 * d * DERIVATIVE[self.activations[-1]](a[-1])
        d_W, d_b = [], []
        for i in reversed(range(len(W))):
            d_W.insert(0, a[i].T @ d + self.alpha * W[i])
            d_b.insert(0, d.sum(keepdims=True)[0] if self.shared_bias else d.sum(axis=0))
            if i > 0:
                d = d @ W[i].T * DERIVATIVE[self.activations[i - 1]](a[i])
        gradient = np.concatenate([g.ravel() for g in d_W + d_b])
        return value / m, gradient / m


@pytest.fixture(scope="session")
def twin():
    return Twin
