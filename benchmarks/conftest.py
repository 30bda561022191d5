"""Data for the benchmarks, and the figures that they report beside their times."""

import numpy as np
import pytest

from mlpcore.datasets import DatasetNotFoundError, fetch_mnist

FIGURES = pytest.StashKey[list[str]]()


def pytest_configure(config):
    config.stash[FIGURES] = []


@pytest.fixture
def report(request, benchmark):
    """Return a function that records figures: in the JSON, and for the terminal."""

    def record(**figures):
        benchmark.extra_info.update(figures)
        values = ", ".join(f"{name} {value}" for name, value in figures.items())
        request.config.stash[FIGURES].append(f"{request.node.name}: {values}")

    return record


def pytest_terminal_summary(terminalreporter, config):
    if config.stash[FIGURES]:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(config.stash[FIGURES]))


@pytest.fixture(scope="session")
def images():
    """MNIST's 60,000 images and labels; without it, random bytes with its share of zeros."""
    try:
        mnist = fetch_mnist()
        return mnist.train_images, mnist.train_labels
    except DatasetNotFoundError:
        rng = np.random.default_rng(0)
        X = rng.integers(1, 256, (60_000, 784), dtype=np.uint8)
        X[rng.random(X.shape) > 0.19] = 0
        return X, rng.integers(0, 10, 60_000)
