"""The networks whose scaling is measured and foretold."""

from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from mlpcore.datasets import fetch_mnist


@dataclass(frozen=True)
class HowTrained:
    """A network, its batches and its solver.

    Parameters
    ----------
    sizes : tuple of int
        Features, hidden units, outputs.
    batch_size : int
    steps, epochs : int
        Of a measurement.
    settings : dict
        Of the estimator.
    """

    sizes: tuple[int, ...]
    batch_size: int
    steps: int
    epochs: int
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of the hidden layers."""
        return self.sizes[1:-1]

    @property
    def n_params(self) -> int:
        """Weights and biases."""
        return sum(n * m + m for n, m in pairwise(self.sizes))

    @property
    def n_bytes(self) -> int:
        """Of the gradient and what goes with it."""
        return 4 * (self.n_params + 3)

    @property
    def flops_a_row(self) -> int:
        """Of a step: forward, both products backward, without the gradient of the input."""
        weights = [n * m for n, m in pairwise(self.sizes)]
        return 6 * sum(weights) - 2 * weights[0]


NETWORKS = {
    "report_mb": HowTrained(
        (784, 500, 10), 100, 60, 15,
        settings={"activation": "tanh", "loss": "mse", "out_activation": "tanh",
                  "target_coding": "bipolar", "solver": "sgd", "momentum": 0.0},
    ),
    "wide": HowTrained((512, 1024, 1024, 10), 512, 8, 3),
    "100M": HowTrained((3072, 8600, 8600, 10), 512, 1, 3),
}  # fmt: skip


@cache
def make_data(network: str) -> tuple[Any, Any]:
    """Return X, float32, and labels: MNIST in [0, 1], or normal deviates."""
    how = NETWORKS[network]
    if how.sizes[0] == 784:
        data = fetch_mnist()
        return np.float32(data.train_images) / np.float32(255), data.train_labels
    rng, n_samples = np.random.default_rng(0), 2 * how.steps * how.batch_size
    X = rng.standard_normal((n_samples, how.sizes[0]), dtype=np.float32)
    return X, rng.integers(0, how.sizes[-1], n_samples)
