"""Fashion-MNIST: articles of clothing in the form of MNIST."""

import os

from sklearn.utils import Bunch

from mlpcore.datasets._fetch import Dataset, fetch
from mlpcore.datasets._idx import IdxFile
from mlpcore.datasets._mnist import (
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    as_bunch,
)

FASHION_MNIST = Dataset(
    name="fashion-mnist",
    files=(
        IdxFile(TRAIN_IMAGES, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
        IdxFile(TRAIN_LABELS, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        IdxFile(TEST_IMAGES, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
        IdxFile(TEST_LABELS, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    ),
    mirrors=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    ),
    # Where Debian's package dataset-fashion-mnist puts it.
    installed="/usr/share/datasets/fashion-mnist",
)


def fetch_fashion_mnist(data_home: str | os.PathLike[str] | None = None) -> Bunch:
    """Return the images and labels of Fashion-MNIST, from the first source that has them.

    Sources are those of `fetch_mnist`, with a folder ``fashion-mnist``; Debian's package
    dataset-fashion-mnist, where it is installed, instead of the Python package index.
    H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking
    machine learning algorithms", arXiv:1708.07747 (2017).

    Parameters
    ----------
    data_home : path-like, default=None
        A directory of one's own.

    Returns
    -------
    Bunch
        As from `fetch_mnist`; the labels are 0 T-shirt, 1 trouser, 2 pullover, 3 dress,
        4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle boot.

    Raises
    ------
    DatasetNotFoundError
        If no source has them; the message gives each one's reason.
    """
    return as_bunch(*fetch(FASHION_MNIST, data_home))
