"""Data by the name that the command line knows them by: a data set, or a file of arrays."""

import hashlib
import zlib
from pathlib import Path
from zipfile import BadZipFile, is_zipfile

import numpy as np
from numpy.typing import NDArray

from mlpcore.experiments._data import (
    Split,
    digits_split,
    fashion_mnist_split,
    in_fifths,
    mnist_split,
)

NAMES = ("mnist", "fashion-mnist", "digits")
_PARTS = ("train", "val", "test")
_BYTES_SCALE = 1 / 255


def load_named(name: str, data_home: Path | None = None) -> Split:
    """Return data by their name.

    Parameters
    ----------
    name : str
        One of `NAMES`, or the path of a file ``*.npz`` with arrays X and y, or X_train,
        y_train, X_val, y_val, X_test and y_test. X may have any shape behind the samples;
        bytes are divided by 255.
    data_home : Path or None
        Where the files of a data set are looked for first.

    Raises
    ------
    DatasetNotFoundError
        If no source has the data set.
    OSError
        If the file cannot be read.
    ValueError
        If nothing has that name, or the file is not as above.
    """
    if name == "mnist":
        return mnist_split(data_home)
    if name == "fashion-mnist":
        return fashion_mnist_split(data_home)
    if name == "digits":
        return digits_split()
    if name.endswith(".npz"):
        return _from_file(Path(name))
    raise ValueError(f"data={name!r}: allowed are {', '.join(NAMES)}, FILE.npz")


def identity(name: str) -> str:
    """Return what stands for data in results: the name; of a file, its content's SHA-256 too."""
    if name in NAMES:
        return name
    path = Path(name)
    return f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"


def _from_file(path: Path) -> Split:
    if path.is_file() and not is_zipfile(path):
        raise ValueError(f"{path}: not a file that numpy.savez wrote")
    try:
        with np.load(path) as file:
            arrays = dict(file)
    except (BadZipFile, EOFError, ValueError, zlib.error) as error:
        raise ValueError(f"{path}: damaged, or not of plain arrays: {error}") from error
    if {"X", "y"} <= arrays.keys():
        X, y = _checked(path, arrays, "X", "y")
        try:
            return in_fifths(path.name, str(path), _scale(X), X, y)
        except ValueError as error:
            raise ValueError(f"{path}: cannot be divided: {error}") from error
    pairs = {part: (f"X_{part}", f"y_{part}") for part in _PARTS}
    missing = [name for pair in pairs.values() for name in pair if name not in arrays]
    if missing:
        raise ValueError(
            f"{path}: has {', '.join(sorted(arrays)) or 'no array'}; needs X and y, or "
            f"X_train, y_train, X_val, y_val, X_test, y_test"
        )
    parts = {part: _checked(path, arrays, *pair) for part, pair in pairs.items()}
    return Split(path.name, str(path), _scale(parts["train"][0]), **parts)


def _checked(
    path: Path, arrays: dict[str, NDArray[np.generic]], X_name: str, y_name: str
) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    X, y = arrays[X_name], arrays[y_name]
    if X.ndim < 2 or y.ndim != 1 or len(X) != len(y) or X.size == 0:
        raise ValueError(
            f"{path}: {X_name} of shape {X.shape} and {y_name} of shape {y.shape}; "
            f"needed are (n_samples, n_features) and (n_samples,)"
        )
    return X.reshape(len(X), -1), y


def _scale(X: NDArray[np.generic]) -> float:
    return _BYTES_SCALE if X.dtype == np.uint8 else 1.0
