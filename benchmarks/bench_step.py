"""One step of small and large networks: what a batch costs, fixed costs included.

With all threads a step should take no longer than with one: who makes it is tried.
"""

import numpy as np
import pytest

from mlpcore._activations import Activation
from mlpcore._losses import Loss
from mlpcore._network import Network
from mlpcore._optimizers import Optimizer, Solver
from mlpcore._rows import Rows
from mlpcore._run import Run
from mlpcore._threads import available_threads
from mlpcore._training import train

# sizes, solver, batch size
STEPS = {
    "tiny 4-16-3, 16 rows, adam": ((4, 16, 3), Solver.ADAM, 16),
    "tabular 32-64-64-2, 32 rows, adam": ((32, 64, 64, 2), Solver.ADAM, 32),
    "256-256-256-10, 10 rows, adam": ((256, 256, 256, 10), Solver.ADAM, 10),
    "784-500-10, 100 rows, sgd": ((784, 500, 10), Solver.SGD, 100),
}
N_STEPS = 200


@pytest.mark.parametrize("threads", ["one", "all"])
@pytest.mark.parametrize("name", STEPS)
def bench_step(benchmark, report, name, threads):
    sizes, solver, batch_size = STEPS[name]
    n_threads = available_threads() if threads == "all" else 1
    rng = np.random.default_rng(0)
    X = rng.random((batch_size, sizes[0])).astype(np.float32)
    Y = np.eye(sizes[-1], dtype=np.float32)[rng.integers(0, sizes[-1], batch_size)]
    network = Network(sizes, Activation.RELU, Activation.SOFTMAX)
    params = rng.normal(0, 0.1, network.n_params).astype(np.float32)
    rows, optimizer = Rows(X), Optimizer(solver, 1e-4)

    def steps():
        train(network, Loss.LOG_LOSS, optimizer, rows, Y, params, Run(0.0, np.inf),
              alpha=0.0, batch_size=batch_size, max_iter=N_STEPS, n_threads=n_threads)  # fmt: skip

    benchmark(steps)
    report(us_a_step=round(1e6 * benchmark.stats["median"] / N_STEPS, 2))
