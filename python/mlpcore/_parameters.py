"""What the parameters of the estimators may be, each by itself."""

import os
import warnings
from collections.abc import Iterable, Sequence
from functools import cache
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import Interval, Options, StrOptions, make_constraint

ACTIVATIONS = ("identity", "logistic", "tanh", "relu", "leaky_relu", "gelu", "silu")
LEARNING_RATES = ("constant", "invscaling", "adaptive", "cosine", "one_cycle", "plateau")

COMMON_CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions(set(ACTIVATIONS)), "array-like"],
    "solver": [StrOptions({"lbfgs", "sgd", "adam", "adamw"})],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions(set(LEARNING_RATES)), callable],
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
    "compute_dtype": [StrOptions({"bfloat16"}), None],
    "skip_zeros": ["boolean", None],
    "input_scale": [Interval(Real, 0, None, closed="neither")],
    "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
    "record_grad_norm": ["boolean"],
    "warmup_epochs": [Interval(Integral, 0, None, closed="left")],
    "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
    "scoring": [StrOptions({"loss", *get_scorer_names()}), callable, None],
    "restore_best": ["boolean"],
    "resume": ["boolean"],
    "checkpoint": [str, os.PathLike, None],
    "checkpoint_every": [Interval(Integral, 1, None, closed="left"), str],
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


def hidden_activations(activation: str | Sequence[str], n_hidden: int) -> list[str]:
    """Return the activation of each hidden layer.

    Raises
    ------
    ValueError
        If there is another number of them, or one has an unknown name.
    """
    # Without a hidden layer the name still tells how the output layer is drawn.
    names = [activation] * max(1, n_hidden) if isinstance(activation, str) else list(activation)
    for name in names:
        if name not in ACTIVATIONS:
            raise ValueError(f"activation={name!r}: allowed are {', '.join(ACTIVATIONS)}")
    if len(names) != n_hidden and not isinstance(activation, str):
        raise ValueError(
            f"activation={names!r} is for {len(names)} hidden layers: there are {n_hidden}"
        )
    return names


def dropout_rates(dropout: float | Sequence[float], n_hidden: int) -> list[float]:
    """Return the dropout rate of each hidden layer.

    Raises
    ------
    ValueError
        If there is another number of them, or one is not in [0, 1).
    """
    rates = np.asarray(dropout, dtype=float)
    if rates.ndim == 0:
        rates = np.full(n_hidden, rates)
    if rates.shape != (n_hidden,):
        raise ValueError(
            f"dropout={dropout!r} is of shape {rates.shape}: there are {n_hidden} hidden layers"
        )
    if not ((rates >= 0) & (rates < 1)).all():
        raise ValueError(f"dropout={dropout!r}: needs rates in [0, 1)")
    return rates.tolist()


def are_valid(estimator: Any) -> bool:
    """Tell whether each parameter by itself is what scikit-learn would let pass."""
    kind: Any = type(estimator)
    for name, allowed in _allowed(kind):
        value = getattr(estimator, name)
        if not any(constraint.is_satisfied_by(value) for constraint in allowed):
            return False
    return True


@cache
def _allowed(kind: Any) -> list[tuple[str, list[Any]]]:
    """Return what the parameters of a class may be: made once, as that takes a small fit's time."""
    named = ((name, kind._parameter_constraints.get(name)) for name in kind._get_param_names())
    return [
        (name, [make_constraint(constraint) for constraint in constraints])
        for name, constraints in named
        if constraints not in (None, "no_validation")
    ]


def check_parameters(estimator: Any) -> None:
    """Check all parameters that can be checked without data.

    Raises
    ------
    ValueError
        If one is not valid.
    """
    estimator._validate_params()
    sizes = hidden_sizes(estimator.hidden_layer_sizes)
    hidden_activations(estimator.activation, len(sizes))
    dropout_rates(estimator.dropout, len(sizes))


def batch_rows(batch_size: int | str, n_samples: int) -> int:
    """Return the samples a step; a size beyond n_samples is clipped with a warning."""
    if isinstance(batch_size, str):
        return min(200, n_samples)
    if batch_size > n_samples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=8,
        )
    return min(int(batch_size), n_samples)
