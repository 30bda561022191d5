"""One epoch with and without walking the non-zeros, one by one or in pairs, and with and without
steps that wait.

The measurements behind the rules of `_first_layer`.
"""

import numpy as np
import pytest
import scipy.sparse as sp

from mlpcore import _first_layer, _training
from mlpcore._activations import Activation
from mlpcore._losses import Loss
from mlpcore._network import Network
from mlpcore._optimizers import Optimizer, Solver
from mlpcore._rows import Rows
from mlpcore._run import Run
from mlpcore._threads import available_threads

N_SAMPLES, N_FEATURES, BATCH_SIZE = 4_000, 784, 200
WORDS, WORDS_A_ROW = 20_000, 40


def epoch_of(X, units, **options):
    """Return a function that trains one epoch with Adam in float32."""
    rng = np.random.default_rng(0)
    network = Network((X.shape[1], units, 10), Activation.RELU, Activation.SOFTMAX)
    params = rng.normal(0, 0.01, network.n_params).astype(np.float32)
    Y = np.eye(10, dtype=np.float32)[rng.integers(0, 10, X.shape[0])]
    rows, optimizer = Rows(X), Optimizer(Solver.ADAM, 1e-4)

    def run():
        _training.train(
            network, Loss.LOG_LOSS, optimizer, rows, Y, params, Run(0.0, np.inf), alpha=0.0,
            batch_size=BATCH_SIZE, max_iter=1, n_threads=available_threads(), **options,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("path", ["sparse", "dense"])
@pytest.mark.parametrize("density", [0.1, 0.25, 0.4])
@pytest.mark.parametrize("units", [48, 500])
def bench_density(benchmark, units, density, path):
    rng = np.random.default_rng(0)
    X = rng.random((N_SAMPLES, N_FEATURES), dtype=np.float32)
    X[rng.random(X.shape, dtype=np.float32) > density] = 0
    benchmark.pedantic(epoch_of(X, units, sparse=path == "sparse"), rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("walk", ["pairs", "one by one"])
@pytest.mark.parametrize("run", [1, 2, 4])
@pytest.mark.parametrize("units", [100, 500])
def bench_pairs(benchmark, monkeypatch, units, run, walk):
    """Non-zeros in runs of so many features; of all values a fifth."""
    rng = np.random.default_rng(0)
    begins = rng.random((N_SAMPLES, N_FEATURES), dtype=np.float32) < 0.2 / run
    X = np.float32(sum(np.roll(begins, i, axis=1) for i in range(run)) > 0)
    monkeypatch.setattr(_first_layer, "PAIRS_MAX_SHARE", 1.0 if walk == "pairs" else -1.0)
    benchmark.pedantic(epoch_of(X, units, sparse=True), rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("steps", ["waiting", "at once"])
@pytest.mark.parametrize("law", ["uniform", "Zipf"])
def bench_waiting(benchmark, monkeypatch, law, steps):
    rng = np.random.default_rng(0)
    share = np.ones(WORDS) if law == "uniform" else 1 / np.arange(1, WORDS + 1)
    words = rng.choice(WORDS, N_SAMPLES * WORDS_A_ROW, p=share / share.sum())
    start = np.arange(0, N_SAMPLES * WORDS_A_ROW + 1, WORDS_A_ROW)
    X = sp.csr_array((np.ones(len(words), np.float32), words, start), (N_SAMPLES, WORDS))
    X.sum_duplicates()
    limit = np.inf if steps == "waiting" else -1.0
    monkeypatch.setattr(_first_layer, "WAITING_MAX_ENTRIES", limit)
    benchmark.pedantic(epoch_of(X, 100, sparse=True), rounds=3, warmup_rounds=1)
