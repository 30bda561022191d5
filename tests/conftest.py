"""What all tests share."""

import pytest

from mlpcore.datasets import DatasetNotFoundError, fetch_mnist
from mlpcore.datasets import _fetch as chain


@pytest.fixture(scope="session")
def mnist():
    """Real MNIST, from a directory or the cache; tests load nothing from the network."""
    sources = chain._sources
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain, "_sources", lambda *a: (s for s in sources(*a) if s.is_local))
        try:
            return fetch_mnist()
        except DatasetNotFoundError:
            pytest.skip("no MNIST in $MLPCORE_DATA or the cache: make run fetches it")
