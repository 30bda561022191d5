"""What the tests of the experiments share."""

import io

import pytest
from rich.console import Console

from mlpcore.datasets import DatasetNotFoundError
from mlpcore.experiments import _data, _named_data
from mlpcore.experiments._reproduce import Request, reproduce
from mlpcore.experiments._workers import Backend


@pytest.fixture
def no_mnist(monkeypatch):
    """No source has MNIST."""

    def load_report_split(data_home=None):
        raise DatasetNotFoundError("no source has mnist. Tried:\n  the attic: has no attic")

    monkeypatch.setattr(_data, "load_report_split", load_report_split)


@pytest.fixture(scope="session")
def split(mnist):
    """MNIST as the experiments have it, without the network."""
    return _named_data.load_named("mnist")


@pytest.fixture(scope="session")
def short():
    """A reproduction of seconds."""
    return {"tables": range(1, 7), "runs": [1, 12], "seeds": [42], "dtypes": ["float32"],
            "biases": ["layer"], "epochs": 2, "data_home": None, "backend": Backend(jobs=1),
            }  # fmt: skip


@pytest.fixture(scope="session")
def shortened(split, short, tmp_path_factory):
    """The directory of such a reproduction, and what it printed."""
    out = tmp_path_factory.mktemp("report")
    console = Console(file=io.StringIO(), width=200, markup=False, emoji=False, highlight=False)
    assert reproduce(Request(**short, out=out), console) == []
    return out, console.file.getvalue()
