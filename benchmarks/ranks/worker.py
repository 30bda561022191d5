"""One rank of a measurement: `worker.py JOBS`, on as many ranks as mpirun starts.

JOBS is a JSON list; rank 0 prints a list of the results, of each job what its function returns.
"""

import json
import sys
import time
import warnings
from contextlib import contextmanager
from ctypes import CFUNCTYPE, c_int, c_void_p, cast

import numpy as np
from mpi4py import MPI
from networks import NETWORKS, make_data

from mlpcore import MLPClassifier
from mlpcore._ranks import MpiRanks

ALLREDUCE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_void_p, c_void_p, c_void_p)


@contextmanager
def watched():
    """Note when each sum of a step ends."""
    ends, original, kept = [], MpiRanks.entry, []

    def entry(self, dtype):
        found = original(self, dtype)
        function = ALLREDUCE(found["function"])

        def noting(*arguments):
            status = function(*arguments)
            ends.append(time.perf_counter())
            return status

        kept.append(ALLREDUCE(noting))
        return found | {"function": cast(kept[-1], c_void_p).value}

    MpiRanks.entry = entry
    try:
        yield ends
    finally:
        MpiRanks.entry = original


def fit(comm, network, batch_size, threads, kind):
    """Return the seconds of a step: the lowest quartile, as other programs slow some.

    kind is "plain", without a communicator, where it is that of the mean of each epoch;
    "shared", a batch of all ranks; "alone", each rank by itself, at the same time.
    """
    how = NETWORKS[network]
    X, y = make_data(network)
    n_samples = how.steps * batch_size
    X, y = X[:n_samples], y[:n_samples]
    ranks = {"plain": None, "shared": comm, "alone": MPI.COMM_SELF}[kind]
    if kind == "shared":
        X, y = X[comm.rank :: comm.size], y[comm.rank :: comm.size]
    model = MLPClassifier(
        how.hidden, batch_size=batch_size, max_iter=how.epochs, n_iter_no_change=np.inf, tol=0.0,
        random_state=0, alpha=0.0, n_threads=threads, learning_rate_init=1e-4, **how.settings,
    )  # fmt: skip
    comm.Barrier()
    with watched() as ends:
        model.fit(X, y, comm=ranks)
    seconds = np.diff(ends) if ends else np.array(model.history_["seconds"]) / how.steps
    return max(comm.allgather(float(np.quantile(seconds, 0.25))))


def allreduce(comm, n_values):
    """Return the seconds that an Allreduce of so many float32 takes: the lowest quartile."""
    x = np.ones(n_values, np.float32)
    seconds = []
    for _ in range(max(8, min(400, 2 * 10**7 // n_values))):
        start = time.perf_counter()
        comm.Allreduce(MPI.IN_PLACE, x)
        seconds.append(time.perf_counter() - start)
    return float(np.quantile(seconds[2:], 0.25))


def overlap(comm, network, n_rows):
    """Return the seconds from the last layers' gradient to the end, in turn and overlapped.

    The first layer's gradient is a matrix product; overlapped, the sum of the others is on
    its way meanwhile.
    """
    sizes = NETWORKS[network].sizes
    n_first = sizes[0] * sizes[1]
    grads = np.ones(NETWORKS[network].n_params, np.float32)
    X, D = np.ones((n_rows, sizes[0]), np.float32), np.ones((n_rows, sizes[1]), np.float32)
    first, others = grads[:n_first], grads[n_first:]
    seconds = {"product": [], "in turn": [], "overlapped": []}
    for _ in range(30):
        for how, times in seconds.items():
            comm.Barrier()
            start = time.perf_counter()
            request = comm.Iallreduce(MPI.IN_PLACE, others) if how == "overlapped" else None
            np.matmul(X.T, D, out=first.reshape(sizes[0], sizes[1]))
            if request is not None:
                request.Wait()
                comm.Allreduce(MPI.IN_PLACE, first)
            elif how == "in turn":
                comm.Allreduce(MPI.IN_PLACE, grads)
            times.append(time.perf_counter() - start)
    return {how: float(np.quantile(times, 0.25)) for how, times in seconds.items()}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    jobs = {"fit": fit, "allreduce": allreduce, "overlap": overlap}
    results = []
    for job in json.loads(sys.argv[1]):
        what = jobs[job.pop("what")]
        results.append(what(MPI.COMM_WORLD, **job))
    if MPI.COMM_WORLD.rank == 0:
        print(json.dumps(results))
