"""Trainings on a Ray cluster, through its backend for joblib."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from joblib import Parallel
from ray.exceptions import RayError
from ray.util.joblib.ray_backend import RayBackend

from mlpcore.experiments._workers import TASK_BY_TASK

# Seconds that a cluster has to answer.
ANSWER = 3

# A training holds a processor, and begins anew on another worker if its own dies, but not for ever.
_TASK = {"num_cpus": 1, "max_restarts": -1, "max_task_retries": 3}


@contextmanager
def connected(address: str | None, jobs: int | None) -> Iterator["Cluster"]:
    """Yield the workers of the cluster at an address, or of a new one on this machine.

    Raises
    ------
    ValueError
        If the address is none.
    OSError
        If there is no cluster.
    """
    if address and ":" in address and "/" not in address:
        _answers(address)
    try:
        ray.init(address, log_to_driver=False, ignore_reinit_error=True)
    except (ConnectionError, RuntimeError) as error:
        raise OSError(f"scheduler {address!r}: no Ray cluster: {error}") from error
    try:
        yield Cluster(jobs)
    finally:
        ray.shutdown()


def _answers(address: str) -> None:
    """Raise if nobody listens: Ray itself tries for more than a minute."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER).close()
    except ValueError as error:
        raise ValueError(f"scheduler {address!r}: no address: {error}") from error
    except OSError as error:
        raise OSError(f"scheduler {address!r}: no answer; is it running there? {error}") from error


class Cluster:
    """The workers of a Ray cluster, see `Workers`."""

    lost: tuple[type[Exception], ...] = (RayError,)

    def __init__(self, jobs: int | None) -> None:
        self._jobs = jobs or int(ray.cluster_resources().get("CPU", 1))

    def parallel(self, data: Any) -> tuple[Parallel, Any]:
        """Return what maps tasks, and a reference to data in Ray's store."""
        backend = _Backend(ray_remote_args=_TASK)
        parallel = Parallel(
            n_jobs=self._jobs, backend=backend, pre_dispatch="n_jobs", **TASK_BY_TASK
        )
        return parallel, _Stored(ray.put(data))


class _Backend(RayBackend):
    # Its results come one by one; the pool of joblib that it derives from is why it says no.
    supports_return_generator = True


class _Stored:
    """Data in Ray's store: pickled as a reference, and whole again where that is unpickled."""

    def __init__(self, reference: "ray.ObjectRef[Any]") -> None:
        self._reference = reference

    def __reduce__(self) -> tuple[Any, tuple["ray.ObjectRef[Any]"]]:
        return ray.get, (self._reference,)
