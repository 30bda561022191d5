"""Data sets that the experiments train on."""

from mlpcore.datasets._fashion_mnist import fetch_fashion_mnist
from mlpcore.datasets._fetch import DatasetNotFoundError
from mlpcore.datasets._mnist import fetch_mnist, load_report_split, report_split

__all__ = [
    "DatasetNotFoundError",
    "fetch_fashion_mnist",
    "fetch_mnist",
    "load_report_split",
    "report_split",
]
