"""What the parameters of the estimators may be, each by itself."""

import warnings
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

_COMMON_CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions({"identity", "logistic", "tanh", "relu"})],
    "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "weight_init": [StrOptions({"glorot_uniform", "normal"})],
    "init_scale": [Interval(Real, 0, None, closed="left")],
    "bias": [StrOptions({"unit", "layer"})],
    "dtype": [StrOptions({"float32", "float64"}), None],
    "input_scale": [Interval(Real, 0, None, closed="neither")],
    "n_threads": [Interval(Integral, 1, None, closed="left"), None],
}

CLASSIFIER_CONSTRAINTS = _COMMON_CONSTRAINTS | {
    "loss": [StrOptions({"log_loss", "mse"})],
    "out_activation": [StrOptions({"auto", "identity", "logistic", "tanh", "softmax"})],
    "target_coding": [StrOptions({"one_hot", "bipolar"})],
}

REGRESSOR_CONSTRAINTS = _COMMON_CONSTRAINTS | {
    "loss": [StrOptions({"squared_error", "poisson", "mse"})],
}


def hidden_sizes(hidden_layer_sizes: int | Iterable[int]) -> list[int]:
    """Return the number of units in each hidden layer, as a list.

    Raises
    ------
    ValueError
        If one is not a positive integer.
    """
    if not isinstance(hidden_layer_sizes, Iterable):
        hidden_layer_sizes = [hidden_layer_sizes]
    sizes = list(hidden_layer_sizes)
    if any(isinstance(size, bool) or not isinstance(size, Integral) for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be integers, got {sizes}.")
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [int(size) for size in sizes]


def batch_rows(batch_size: int | str, n_samples: int) -> int:
    """Return the samples a step; a size beyond n_samples is clipped with a warning."""
    if isinstance(batch_size, str):
        return min(200, n_samples)
    if batch_size > n_samples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=7,
        )
    return min(int(batch_size), n_samples)
