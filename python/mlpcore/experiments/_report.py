"""What the report ran and printed, as data."""

from dataclasses import dataclass
from typing import Any

import numpy as np

# Run 6 of Table II, trained with batches of 100 (Table V): the report's best network.
BEST: dict[str, Any] = {
    "hidden_layer_sizes": (500,),
    "activation": "tanh",
    "out_activation": "tanh",
    "loss": "mse",
    "target_coding": "bipolar",
    "solver": "sgd",
    "momentum": 0.0,
    "nesterovs_momentum": False,
    "learning_rate_init": 0.09,
    "alpha": 0.0,
    "batch_size": 100,
    "max_iter": 100,
    "shuffle": False,
    "n_iter_no_change": np.inf,
    "weight_init": "normal",
    "bias": "layer",
    "dtype": "float32",
    "random_state": 42,
}

# Every image is divided by 255.
MNIST_SCALE = 1 / 255


@dataclass(frozen=True)
class Accuracies:
    """Shares of correct predictions."""

    train: float
    val: float
    test: float


# Table V, batch size 100: means over the seeds 42, 268 and 975.
BEST_ACCURACIES = Accuracies(0.997, 0.982, 0.981)

# Table IV; the full-batch run 6, not the one with batches of 100.
FULL_BATCH_MINUTES = 10.88
