"""What happens inside a network while it learns, epoch by epoch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore import MLPClassifier

TRACED_SAMPLES = 1000

# An output whose activation has less than this share of its largest slope is saturated.
SATURATED_SLOPE = 0.01


class Trace:
    """scikit-learn callback: accuracy, saturation and biases after each epoch.

    Parameters
    ----------
    X, y : ndarray
        Some samples that are not trained on; the first 1,000 are looked at.

    Attributes
    ----------
    curves : dict of list
        An entry an epoch: ``accuracy``; ``saturated``, the share of outputs whose
        activation is flat; ``hidden_bias`` and ``output_bias``, the layer's bias of
        largest size.
    """

    def __init__(self, X: NDArray[Any], y: NDArray[Any]) -> None:
        self._X, self._y = X[:TRACED_SAMPLES], y[:TRACED_SAMPLES]
        names = ("accuracy", "saturated", "hidden_bias", "output_bias")
        self.curves: dict[str, list[float]] = {name: [] for name in names}

    def setup(self, estimator: Any, context: Any) -> None:
        """Nothing to prepare."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Nothing to see yet."""

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: MLPClassifier
    ) -> None:
        """Look at the network after an epoch."""
        if context.task_name != "epoch":
            return
        for name, value in snapshot(fitted_estimator, self._X, self._y).items():
            self.curves[name].append(float(f"{value:.6g}"))

    def teardown(self, estimator: Any, context: Any) -> None:
        """Nothing to close."""


def snapshot(model: MLPClassifier, X: NDArray[Any], y: NDArray[Any]) -> dict[str, float]:
    """Return accuracy, saturation and biases of a fitted network, see `Trace`."""
    outputs = model.decision_function(X) if model.loss == "mse" else model.predict_proba(X)
    columns = outputs.reshape(len(X), -1)
    choice = columns.argmax(axis=1) if columns.shape[1] > 1 else model.predict(X)
    right = model.classes_[choice] == y if columns.shape[1] > 1 else choice == y
    hidden, output = model.intercepts_[0], model.intercepts_[-1]
    return {
        "accuracy": float(np.mean(right)),
        "saturated": float(
            np.mean(relative_slope(columns, model.out_activation_) < SATURATED_SLOPE)
        ),
        "hidden_bias": largest(hidden),
        "output_bias": largest(output),
    }


def relative_slope(outputs: NDArray[Any], activation: str) -> NDArray[Any]:
    """Return f'(z) / max f' from f(z), for each output."""
    if activation == "tanh":
        return 1 - outputs**2
    if activation in ("logistic", "softmax"):
        return 4 * outputs * (1 - outputs)
    return np.ones_like(outputs)


def largest(values: NDArray[Any]) -> float:
    """Return the value of the largest size."""
    return float(values[np.argmax(np.abs(values))])
