"""The data of the main job: MNIST, or what is at hand without it."""

import os
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from mlpcore.datasets import DatasetNotFoundError, load_report_split
from mlpcore.experiments._report import MNIST_SCALE

MNIST, DIGITS = "MNIST", "digits"
DIGITS_SCALE = 1 / 16


@dataclass(frozen=True)
class Split:
    """Data in three parts; X are bytes that `scale` brings to [0, 1]."""

    name: str
    source: str
    scale: float
    train: tuple[NDArray[Any], NDArray[Any]]
    val: tuple[NDArray[Any], NDArray[Any]]
    test: tuple[NDArray[Any], NDArray[Any]]

    @property
    def is_mnist(self) -> bool:
        """Whether the report's figures are for these data."""
        return self.name == MNIST


def load_split(data_home: str | os.PathLike[str] | None = None) -> Split:
    """Return MNIST as the report divides it, or scikit-learn's digits if there is none."""
    try:
        mnist = load_report_split(data_home)
    except DatasetNotFoundError:
        return digits_split()
    return Split(
        name=MNIST,
        source=mnist.source,
        scale=MNIST_SCALE,
        train=(mnist.X_train, mnist.y_train),
        val=(mnist.X_val, mnist.y_val),
        test=(mnist.X_test, mnist.y_test),
    )


def digits_split() -> Split:
    """Return scikit-learn's 1,797 digits of 8 x 8 pixels, a fifth each for val and test."""
    X, y = load_digits(return_X_y=True)
    X = X.astype("uint8")
    X_train, X_rest, y_train, y_rest = train_test_split(
        X, y, test_size=0.4, stratify=y, random_state=42
    )
    X_test, X_val, y_test, y_val = train_test_split(
        X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=42
    )
    return Split(
        name=DIGITS,
        source="scikit-learn",
        scale=DIGITS_SCALE,
        train=(X_train, y_train),
        val=(X_val, y_val),
        test=(X_test, y_test),
    )
