"""The row-major matrix products of the workloads, our own and BLAS's, in GFLOP/s.

And as a share of the limit of multiply-adds, which is measured right after each; products in slices
of bfloat16 can be beyond it.
"""

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mlpcore._blas import matmul
from mlpcore._layers import product
from mlpcore._team import Team
from mlpcore._threads import available_threads

PEAK = Path(__file__).parent / "peers" / "peak.py"
# (m, n, k) of C (m, n) = op(A) op(B): what report_mb and wide ask for, and among the smallest that
# are computed in slices.
SHAPES = {
    "report_mb forward": ("nn", 100, 500, 784),
    "report_mb update": ("tn", 784, 500, 100),
    "report_mb output": ("nn", 100, 10, 500),
    "report_mb delta": ("nt", 100, 500, 10),
    "wide forward": ("nn", 512, 1024, 1024),
    "wide update": ("tn", 1024, 1024, 512),
    "128 units": ("nn", 128, 128, 128),
    "10 rows": ("nn", 10, 500, 784),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel", ["own", "blas"])
@pytest.mark.parametrize("name", SHAPES)
def bench_gemm(benchmark, report, until_blas_sleeps, name, kernel, dtype):
    kind, m, n, k = SHAPES[name]
    trans_a, trans_b = kind[0] == "t", kind[1] == "t"
    rng = np.random.default_rng(0)
    A = rng.random((k, m) if trans_a else (m, k)).astype(dtype)
    B = rng.random((n, k) if trans_b else (k, n)).astype(dtype)
    C = np.zeros((m, n), dtype)
    if kernel == "blas":
        run = partial(matmul, A, B, 1.0, 0.0, C)
    else:
        run = partial(product, Team(available_threads(), slices=True), A, B, C)
    until_blas_sleeps()
    benchmark(run, trans_a=trans_a, trans_b=trans_b)
    del run  # and its threads
    until_blas_sleeps()
    gflops = 2e-9 * m * n * k / benchmark.stats["median"]
    report(GFLOPS=round(gflops, 1), of_limit=round(gflops / limit(dtype), 2))


def limit(dtype):
    """Return the GFLOP/s of multiply-adds on all threads, measured now."""
    command = [sys.executable, str(PEAK), str(available_threads()), "9"]
    found = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found * 4 / np.dtype(dtype).itemsize
