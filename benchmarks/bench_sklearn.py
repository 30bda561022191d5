"""An epoch of fit beside scikit-learn's, on the same data with the same BLAS threads.

Both classes get the same parameters; their fits are run in turn, and the ratio of the
medians is reported: how many times faster this package is.
"""

import time
import warnings
from statistics import median

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.neural_network import MLPClassifier as SklearnMLP

from mlpcore import MLPClassifier

# n_samples, n_features, classes; hidden units, batch size, epochs a fit.
WORKLOADS = {
    "mnist_adam": (None, (100,), 200, 3),
    "tabular": ((20_000, 32, 2), (64, 64), 32, 2),
    "tiny": ((2_000, 4, 3), (16,), 16, 10),
    "wide": ((16_384, 512, 10), (1024, 1024), 512, 1),
    "sparse_text": ((20_000, 50_000, 2), (100,), 200, 1),
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


def problem(name, dtype, images):
    """Return X and y."""
    if name == "mnist_adam":
        return (images[0] / 255).astype(dtype), images[1]
    n_samples, n_features, n_classes = WORKLOADS[name][0]
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, n_samples)
    if name == "sparse_text":
        return text(n_samples, n_features, dtype), y
    return rng.normal(size=(n_samples, n_features)).astype(dtype), y


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", WORKLOADS)
def bench_fit(benchmark, report, pytestconfig, images, name, dtype):
    X, y = problem(name, dtype, images)
    _, hidden, batch_size, epochs = WORKLOADS[name]
    params = {"hidden_layer_sizes": hidden, "batch_size": batch_size, "max_iter": epochs,
              "random_state": 0}  # fmt: skip
    seconds = []

    def fit(estimator):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator(**params).fit(X, y)

    def time_scikit_learn():
        start = time.perf_counter()
        fit(SklearnMLP)
        seconds.append(time.perf_counter() - start)

    rounds = pytestconfig.getoption("benchmark_min_rounds")
    benchmark.pedantic(
        lambda: fit(MLPClassifier), setup=time_scikit_learn, rounds=rounds, warmup_rounds=1
    )
    ours, theirs = benchmark.stats["median"] / epochs, median(seconds) / epochs
    report(
        epoch=f"{ours:.4g} s", scikit_learn=f"{theirs:.4g} s", times_faster=round(theirs / ours, 1)
    )
