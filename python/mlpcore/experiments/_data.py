"""The data of the experiments, each in three parts."""

import os
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch

from mlpcore.datasets import (
    DatasetNotFoundError,
    fetch_fashion_mnist,
    load_report_split,
    report_split,
)
from mlpcore.experiments._report import MNIST_SCALE

MNIST, FASHION_MNIST, DIGITS = "MNIST", "Fashion-MNIST", "digits"
DIGITS_SCALE = 1 / 16

DataHome = str | os.PathLike[str] | None


@dataclass(frozen=True)
class Split:
    """Data in three parts; `scale` brings X to [0, 1], or leaves it as it is."""

    name: str
    source: str
    scale: float
    train: tuple[NDArray[Any], NDArray[Any]]
    val: tuple[NDArray[Any], NDArray[Any]]
    test: tuple[NDArray[Any], NDArray[Any]]

    def __sizeof__(self) -> int:
        """Return the arrays' bytes: joblib's "dask" sends what is large once, not per task."""
        parts = (self.train, self.val, self.test)
        return object.__sizeof__(self) + sum(a.nbytes for part in parts for a in part)

    @property
    def is_mnist(self) -> bool:
        """Whether the report's figures are for these data."""
        return self.name == MNIST


def load_split(data_home: DataHome = None) -> Split:
    """Return MNIST as the report divides it, or scikit-learn's digits if there is none."""
    try:
        return mnist_split(data_home)
    except DatasetNotFoundError:
        return digits_split()


def mnist_split(data_home: DataHome = None) -> Split:
    """Return MNIST as the report divides it."""
    return _images(MNIST, load_report_split(data_home))


def fashion_mnist_split(data_home: DataHome = None) -> Split:
    """Return Fashion-MNIST, divided as the report divides MNIST."""
    return _images(FASHION_MNIST, report_split(fetch_fashion_mnist(data_home)))


def digits_split() -> Split:
    """Return scikit-learn's 1,797 digits of 8 x 8 pixels, a fifth each for val and test."""
    X, y = load_digits(return_X_y=True)
    return in_fifths(DIGITS, "scikit-learn", DIGITS_SCALE, X.astype("uint8"), y)


def in_fifths(name: str, source: str, scale: float, X: NDArray[Any], y: NDArray[Any]) -> Split:
    """Return data of which a fifth each is for validation and test, all classes in each."""
    X_train, X_rest, y_train, y_rest = train_test_split(
        X, y, test_size=0.4, stratify=y, random_state=42
    )
    X_test, X_val, y_test, y_val = train_test_split(
        X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=42
    )
    return Split(name, source, scale, (X_train, y_train), (X_val, y_val), (X_test, y_test))


def _images(name: str, images: Bunch) -> Split:
    return Split(
        name=name,
        source=images.source,
        scale=MNIST_SCALE,
        train=(images.X_train, images.y_train),
        val=(images.X_val, images.y_val),
        test=(images.X_test, images.y_test),
    )
