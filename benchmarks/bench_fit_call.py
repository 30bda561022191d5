"""What a call of fit costs beside its training: one epoch of a small network, by each way to call.

The network is 4-16-3 with Adam. scikit-learn's class makes the same calls in turn with ours, and
the ratio of the medians is reported: how many times faster this package is.
"""

import warnings
from statistics import median

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier as SklearnMLP
from sklearn.utils import assert_all_finite

from mlpcore import MLPClassifier
from mlpcore._finite import all_finite
from mlpcore._threads import available_threads

N_CALLS = 20
# Rows of X; how a model is made, and what is called on it.
CALLS = {
    "cold_fit": (2000, False, lambda model, X, y: model.fit(X, y)),
    "warm_fit": (2000, True, lambda model, X, y: model.fit(X, y)),
    "partial_fit": (100, False, lambda model, X, y: model.partial_fit(X, y)),
}
LABELS = {"integers": np.arange(3), "strings": np.array(["setosa", "versicolor", "virginica"])}


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", CALLS)
def bench_fit_call(benchmark, report, pytestconfig, seconds_of, name, labels):
    n_rows, warm_start, call = CALLS[name]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 4)).astype(np.float32)
    y = LABELS[labels][rng.integers(0, 3, n_rows)]
    params = {"hidden_layer_sizes": (16,), "max_iter": 1, "random_state": 0,
              "warm_start": warm_start}  # fmt: skip
    ours, theirs = (estimator(**params) for estimator in (MLPClassifier, SklearnMLP))
    seconds = []

    def calls(model):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(N_CALLS):
                call(model, X, y)

    for model in (ours, theirs):
        model.partial_fit(X, y, classes=LABELS[labels])
    rounds = pytestconfig.getoption("benchmark_min_rounds")
    benchmark.pedantic(
        lambda: calls(ours),
        setup=lambda: seconds.append(seconds_of(lambda: calls(theirs))),
        rounds=rounds, warmup_rounds=1,
    )  # fmt: skip
    own, other = (1e3 * t / N_CALLS for t in (benchmark.stats["median"], median(seconds)))
    report(call=f"{own:.3f} ms", scikit_learn=f"{other:.3f} ms", times_faster=round(other / own, 1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def bench_search_for_nan(benchmark, report, pytestconfig, seconds_of, dtype):
    """MNIST is searched by all threads, and in turn by scikit-learn."""
    X, n_threads, seconds = np.ones((60_000, 784), dtype), available_threads(), []

    rounds = pytestconfig.getoption("benchmark_min_rounds")
    benchmark.pedantic(
        lambda: all_finite(X, n_threads),
        setup=lambda: seconds.append(seconds_of(lambda: assert_all_finite(X))),
        rounds=rounds, warmup_rounds=1,
    )  # fmt: skip
    own, other = (1e3 * t for t in (benchmark.stats["median"], median(seconds)))
    report(
        search=f"{own:.1f} ms", scikit_learn=f"{other:.1f} ms", times_faster=round(other / own, 1)
    )
