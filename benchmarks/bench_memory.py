"""Memory of a full-batch fit, beyond its data and parameters."""

import subprocess
import sys

# Peak resident memory is a process's own, so the measurement gets one. Linux tells it.
PROGRAM = """
import numpy as np
from mlpcore._activations import Activation
from mlpcore._losses import Loss
from mlpcore._network import Network
from mlpcore._optimizers import Optimizer, Solver
from mlpcore._rows import Rows
from mlpcore._run import Run
from mlpcore._training import train

def resident(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field))

n, dtype = 60_000, "float64"
X = np.random.default_rng(0).integers(0, 256, (n, 784), dtype=np.uint8)
Y = np.eye(10, dtype=dtype)[np.arange(n) % 10]
network = Network((784, 1000, 10), Activation.TANH, Activation.TANH)
params = np.random.default_rng(0).normal(0, 0.01, network.n_params)
before = resident('VmRSS')
train(network, Loss.MSE, Optimizer(Solver.SGD, 0.01), Rows(X, 1 / 255), Y, params,
      Run(0.0, np.inf), alpha=0.0, batch_size=n, max_iter=1)
print(resident('VmHWM') - before)
"""


def bench_memory_of_full_batch(benchmark, report):
    def measure():
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
        )
        return float(done.stdout)

    report(MiB=round(benchmark.pedantic(measure, rounds=1), 1))
