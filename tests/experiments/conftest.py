"""What the tests of the experiments share."""

import pytest

from mlpcore.datasets import DatasetNotFoundError
from mlpcore.experiments import _data, _named_data


@pytest.fixture(autouse=True)
def fresh_data():
    """No data left of another test."""
    _named_data.load_named.cache_clear()
    yield
    _named_data.load_named.cache_clear()


@pytest.fixture
def no_mnist(monkeypatch):
    """No source has MNIST."""

    def load_report_split(data_home=None):
        raise DatasetNotFoundError("no source has mnist. Tried:\n  the attic: has no attic")

    monkeypatch.setattr(_data, "load_report_split", load_report_split)
