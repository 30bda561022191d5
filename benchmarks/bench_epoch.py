"""One epoch of each workload beside the bare matrix products of that epoch.

The bare products are the ones of the epoch, on buffers of the same shape and with the
same threads; epochs and bare products are run in turn, and the ratio of their medians is
reported. An epoch has some of the rows, or all with --whole-epochs.
"""

from itertools import pairwise
from statistics import median

import numpy as np
import pytest

from mlpcore._activations import Activation
from mlpcore._blas import matmul
from mlpcore._first_layer import prefers_sparse
from mlpcore._losses import Loss
from mlpcore._network import Network
from mlpcore._optimizers import Optimizer, Solver
from mlpcore._rows import Rows
from mlpcore._run import Run
from mlpcore._threads import available_threads, blas_threads
from mlpcore._training import train

BLOCK_ROWS = 512
FEW = 12_800  # a multiple of all batches and blocks

# sizes, hidden, output, loss, solver, batch size
WORKLOADS = {
    "report_mb": ((784, 500, 10), "TANH", "TANH", Loss.MSE, Solver.SGD, 100),
    "report_full": ((784, 500, 10), "TANH", "TANH", Loss.MSE, Solver.SGD, 60_000),
    "mnist_adam": ((784, 100, 10), "RELU", "SOFTMAX", Loss.LOG_LOSS, Solver.ADAM, 200),
}


def bare_epoch(sizes, batch_size, n_samples, dtype):
    """Return a function that runs the matrix products of one epoch."""
    m = min(batch_size, BLOCK_ROWS)
    a = [np.full((m, size), 0.5, dtype) for size in sizes]
    W = [np.full(shape, 0.01, dtype) for shape in pairwise(sizes)]

    def run():
        for _ in range(n_samples // m):
            for i in range(len(W)):
                matmul(a[i], W[i], 1.0, 0.0, a[i + 1])
            for i in reversed(range(len(W))):
                if i > 0:
                    matmul(a[i + 1], W[i], 1.0, 0.0, a[i], trans_b=True)
                matmul(a[i], a[i + 1], 1e-9, 1.0, W[i], trans_a=True)

    return run


@pytest.mark.parametrize("rule", ["sparse rule", "dense"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", WORKLOADS)
def bench_epoch(benchmark, report, pytestconfig, images, some_of, seconds_of, name, dtype, rule):
    sizes, hidden, output, loss, solver, batch_size = WORKLOADS[name]
    n_samples = some_of(FEW, 60_000)
    X, labels = (of_images[:n_samples] for of_images in images)
    Y = np.eye(10, dtype=dtype)[labels]
    network = Network(sizes, Activation[hidden], Activation[output])
    params = np.random.default_rng(0).normal(0, 0.01, network.n_params).astype(dtype)
    rows, optimizer = Rows(X, 1 / 255), Optimizer(solver, 0.001)
    bare, bare_seconds = bare_epoch(sizes, batch_size, len(X), dtype), []
    bare()

    n_threads = available_threads()
    sparse = rule != "dense" and prefers_sparse(network, rows)

    def epoch():
        with blas_threads.limited_to(1 if sparse else n_threads):
            train(
                network,
                loss,
                optimizer,
                rows,
                Y,
                params,
                Run(0.0, np.inf),
                alpha=0.0,
                batch_size=min(batch_size, n_samples),
                max_iter=1,
                sparse=sparse,
                n_threads=n_threads,
            )

    rounds = pytestconfig.getoption("benchmark_min_rounds")
    benchmark.pedantic(
        epoch, setup=lambda: bare_seconds.append(seconds_of(bare)), rounds=rounds, warmup_rounds=1
    )
    bare_median, epoch_median = median(bare_seconds), benchmark.stats["median"]
    report(
        sparse=sparse,
        seconds=round(epoch_median, 3),
        bare_products=round(bare_median, 3),
        ratio=round(epoch_median / bare_median, 2),
    )
