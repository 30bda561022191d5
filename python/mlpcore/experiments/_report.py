"""What the report ran and printed, as data."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

SEEDS = (42, 268, 975)

# Every image is divided by 255.
MNIST_SCALE = 1 / 255

# What all trainings of the report have in common.
_COMMON: dict[str, Any] = {
    "loss": "mse",
    "solver": "sgd",
    "momentum": 0.0,
    "nesterovs_momentum": False,
    "max_iter": 100,
    "shuffle": False,
    "n_iter_no_change": np.inf,
    "weight_init": "normal",
    "bias": "layer",
    "dtype": "float64",
}
_CASES: dict[int, dict[str, Any]] = {
    1: {"activation": "tanh", "out_activation": "tanh", "target_coding": "bipolar"},
    2: {"activation": "relu", "out_activation": "logistic", "target_coding": "one_hot"},
}
HIDDEN_UNITS = (300, 500, 1000)
LEARNING_RATES = (0.01, 0.05, 0.09)
FULL_BATCH = 60000


def _settings(
    case: int, n_units: int, rate: float, batch_size: int, alpha: float
) -> dict[str, Any]:
    return _COMMON | _CASES[case] | {
        "hidden_layer_sizes": (n_units,),
        "learning_rate_init": rate,
        "batch_size": batch_size,
        "alpha": alpha,
    }  # fmt: skip


# Table II: the settings of each run.
RUNS: dict[int, dict[str, Any]] = {
    9 * (case - 1) + 3 * i + j + 1: _settings(case, n_units, rate, FULL_BATCH, 0.0)
    for case in _CASES
    for i, n_units in enumerate(HIDDEN_UNITS)
    for j, rate in enumerate(LEARNING_RATES)
}

# Table IV: the run that the report went on with; Tables V and VI vary it.
BEST_RUN = 6
BATCH_SIZES = (10, 50, 100)
LAMBDAS = (0.01, 0.001)
MINI_BATCHES = {size: RUNS[BEST_RUN] | {"batch_size": size} for size in BATCH_SIZES}
REGULARIZED = {alpha: MINI_BATCHES[100] | {"alpha": alpha} for alpha in LAMBDAS}

# The best network of all, as the main job trains it.
BEST: dict[str, Any] = MINI_BATCHES[100] | {"dtype": "float32", "random_state": SEEDS[0]}


@dataclass(frozen=True)
class Accuracies:
    """Shares of correct predictions."""

    train: float
    val: float
    test: float


class Spread(NamedTuple):
    """Mean and population standard deviation over the seeds."""

    mean: float
    std: float


@dataclass(frozen=True)
class Printed:
    """A row of Tables III, V and VI as the report prints it."""

    train: Spread
    val: Spread
    test: Spread


def _printed(*values: float) -> Printed:
    return Printed(Spread(*values[:2]), Spread(*values[2:4]), Spread(*values[4:]))


# Samples of each label: training, validation, test. The Test column repeats Validation's;
# the real test half has 567 ones and 505 nines.
TABLE_I = {
    0: (5923, 490, 490),
    1: (6742, 568, 568),
    2: (5958, 516, 516),
    3: (6131, 505, 505),
    4: (5842, 491, 491),
    5: (5421, 446, 446),
    6: (5918, 479, 479),
    7: (6265, 514, 514),
    8: (5851, 487, 487),
    9: (5949, 504, 504),
}

# Seconds of each run, of one seed or of three: the report does not say.
TABLE_II = {
    1: 394.432828,
    2: 410.961058,
    3: 420.870059,
    4: 619.016482,
    5: 641.056748,
    6: 652.793084,
    7: 1195.384507,
    8: 1228.655823,
    9: 1240.340535,
    10: 254.276848,
    11: 245.894848,
    12: 244.450534,
    13: 373.389450,
    14: 367.175328,
    15: 366.020398,
    16: 725.415430,
    17: 712.224111,
    18: 715.124548,
}

TABLE_III = {
    1: _printed(0.480, 0.034, 0.490, 0.033, 0.477, 0.033),
    2: _printed(0.854, 0.001, 0.865, 0.001, 0.863, 0.001),
    3: _printed(0.879, 0.001, 0.885, 0.001, 0.886, 0.002),
    4: _printed(0.551, 0.008, 0.563, 0.011, 0.550, 0.011),
    5: _printed(0.864, 0.001, 0.875, 0.001, 0.873, 0.000),
    6: _printed(0.879, 0.001, 0.888, 0.002, 0.885, 0.001),
    7: _printed(0.674, 0.009, 0.687, 0.011, 0.669, 0.009),
    8: _printed(0.869, 0.003, 0.879, 0.003, 0.876, 0.003),
    9: _printed(0.623, 0.367, 0.629, 0.372, 0.627, 0.371),
    10: _printed(0.155, 0.056, 0.159, 0.058, 0.158, 0.059),
    11: _printed(0.243, 0.009, 0.255, 0.008, 0.247, 0.011),
    12: _printed(0.313, 0.004, 0.321, 0.006, 0.315, 0.003),
    13: _printed(0.145, 0.019, 0.148, 0.020, 0.145, 0.020),
    14: _printed(0.302, 0.002, 0.316, 0.003, 0.305, 0.003),
    15: _printed(0.381, 0.006, 0.384, 0.006, 0.382, 0.006),
    16: _printed(0.167, 0.016, 0.171, 0.014, 0.167, 0.014),
    17: _printed(0.406, 0.009, 0.418, 0.005, 0.410, 0.008),
    18: _printed(0.580, 0.002, 0.591, 0.006, 0.580, 0.004),
}

# Table IV; the time of the full-batch run 6, not of batches of 100.
FULL_BATCH_MINUTES = 10.88

TABLE_V = {
    10: _printed(0.101, 0.009, 0.101, 0.010, 0.101, 0.010),
    50: _printed(0.996, 0.000, 0.982, 0.001, 0.979, 0.001),
    100: _printed(0.997, 0.000, 0.982, 0.002, 0.981, 0.001),
}

TABLE_VI = {
    0.01: _printed(0.997, 0.000, 0.983, 0.001, 0.980, 0.001),
    0.001: _printed(0.997, 0.000, 0.981, 0.002, 0.980, 0.000),
}

# Table V, batch size 100: means over the three seeds.
BEST_ACCURACIES = Accuracies(TABLE_V[100].train.mean, TABLE_V[100].val.mean, TABLE_V[100].test.mean)
