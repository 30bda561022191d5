"""Data for the benchmarks, and the figures that they report beside their times."""

import time

import numpy as np
import pytest

from mlpcore.datasets import DatasetNotFoundError, fetch_mnist

# The threads of OpenBLAS spin for some 110 ms before they leave the cores to others.
UNTIL_BLAS_SLEEPS = 0.15

FIGURES = pytest.StashKey[list[str]]()


def pytest_addoption(parser):
    parser.addoption(
        "--whole-epochs",
        action="store_true",
        help="measure epochs of all rows, as README's tables do",
    )


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
def until_blas_sleeps():
    """Return a function that waits until the cores are free again."""
    return lambda: time.sleep(UNTIL_BLAS_SLEEPS)


@pytest.fixture(scope="session")
def seconds_of(until_blas_sleeps):
    """Return a function that calls another, waits for its threads, and returns its seconds."""

    def measure(function):
        start = time.perf_counter()
        function()
        seconds = time.perf_counter() - start
        until_blas_sleeps()
        return seconds

    return measure


@pytest.fixture(scope="session")
def some_of(pytestconfig):
    """Return which of two numbers to use: a few batches take as long a row as all."""
    return lambda few, n: n if pytestconfig.getoption("whole_epochs") else few


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
