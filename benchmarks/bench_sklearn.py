"""An epoch of fit beside scikit-learn's, on the same data with the same BLAS threads.

Both classes get the same parameters; their fits are run in turn, and the ratio of the
medians is reported: how many times faster this package is. An epoch has the rows of a few
batches, or all with --whole-epochs.
"""

import warnings
from statistics import median

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.neural_network import MLPClassifier as SklearnMLP

from mlpcore import MLPClassifier

# n_samples, n_features, classes; hidden units, batch size, epochs a fit, rows of a few batches.
WORKLOADS = {
    "mnist_adam": ((60_000, 784, 10), (100,), 200, 3, 6_000),
    "tabular": ((20_000, 32, 2), (64, 64), 32, 2, 8_000),
    "tiny": ((2_000, 4, 3), (16,), 16, 10, 2_000),
    "wide": ((16_384, 512, 10), (1024, 1024), 512, 1, 2_048),
    "sparse_text": ((20_000, 50_000, 2), (100,), 200, 1, 2_000),
}
DRAWS_A_ROW = 80


def text(n_samples, n_features, dtype):
    """Word counts: draws from Zipf's law."""
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, n_features + 1)
    words = rng.choice(n_features, n_samples * DRAWS_A_ROW, p=share / share.sum())
    start = np.arange(0, n_samples * DRAWS_A_ROW + 1, DRAWS_A_ROW)
    X = sp.csr_matrix((np.ones(len(words), dtype), words, start), (n_samples, n_features))
    X.sum_duplicates()
    return X


def problem(name, dtype, images, n_samples):
    """Return X and y."""
    if name == "mnist_adam":
        return (images[0][:n_samples] / 255).astype(dtype), images[1][:n_samples]
    _, n_features, n_classes = WORKLOADS[name][0]
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, n_samples)
    if name == "sparse_text":
        return text(n_samples, n_features, dtype), y
    return rng.normal(size=(n_samples, n_features)).astype(dtype), y


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", WORKLOADS)
def bench_fit(benchmark, report, pytestconfig, images, some_of, seconds_of, name, dtype):
    shape, hidden, batch_size, epochs, few = WORKLOADS[name]
    X, y = problem(name, dtype, images, some_of(few, shape[0]))
    params = {"hidden_layer_sizes": hidden, "batch_size": batch_size, "max_iter": epochs,
              "random_state": 0}  # fmt: skip
    seconds = []

    def fit(estimator):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator(**params).fit(X, y)

    rounds = pytestconfig.getoption("benchmark_min_rounds")
    benchmark.pedantic(
        lambda: fit(MLPClassifier),
        setup=lambda: seconds.append(seconds_of(lambda: fit(SklearnMLP))),
        rounds=rounds, warmup_rounds=1,
    )  # fmt: skip
    ours, theirs = benchmark.stats["median"] / epochs, median(seconds) / epochs
    report(
        epoch=f"{ours:.4g} s", scikit_learn=f"{theirs:.4g} s", times_faster=round(theirs / ours, 1)
    )
