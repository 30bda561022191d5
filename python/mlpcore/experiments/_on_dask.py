"""Trainings on a Dask cluster, through joblib's backend for it."""

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from typing import Any

from distributed import Client
from joblib import Parallel
from joblib._dask import DaskDistributedBackend

from mlpcore.experiments._workers import TASK_BY_TASK

# Seconds that a scheduler has to answer, and its first worker to appear.
ANSWER, APPEAR = 3, 10


@contextmanager
def connected(scheduler: str | None, jobs: int | None) -> Iterator["Cluster"]:
    """Yield the workers of the scheduler at an address.

    Raises
    ------
    ValueError
        If the address is none.
    OSError
        If nobody answers there, or there is no worker.
    """
    try:
        client = Client(scheduler, timeout=ANSWER, set_as_default=False)
    except ValueError as error:
        raise ValueError(f"scheduler {scheduler!r}: no address: {error}") from error
    except OSError as error:
        raise OSError(
            f"scheduler {scheduler!r}: no answer in {ANSWER} seconds; is it running there?"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=APPEAR)
        except TimeoutError as error:
            raise OSError(f"scheduler {scheduler!r}: no worker in {APPEAR} seconds") from error
        yield Cluster(client, jobs)


class Cluster:
    """The workers of a Dask cluster, see `Workers`.

    Dask gives the task of a worker that died to another one, and gives it up after some deaths.
    """

    lost: tuple[type[Exception], ...] = (CancelledError,)

    def __init__(self, client: Client, jobs: int | None) -> None:
        self._client, self._jobs = client, jobs

    def parallel(self, data: Any) -> tuple[Parallel, Any]:
        """Return what maps tasks, and data: a copy goes to every worker, so that one may die."""
        backend = _Backend(client=self._client, scatter=[data])
        # Dask has all tasks at once if it may: workers that come later find some to do.
        ahead = self._jobs or "all"
        return Parallel(n_jobs=-1, backend=backend, pre_dispatch=ahead, **TASK_BY_TASK), data


class _Backend(DaskDistributedBackend):
    """joblib's, but where it waits for ever, or computes in this process."""

    def effective_n_jobs(self, n_jobs: int) -> int:
        # With one, joblib takes this process for the worker.
        return max(2, super().effective_n_jobs(n_jobs))

    def submit(self, func: Any, callback: Callable[[Any], None]) -> "Future[Any]":
        """Start a task; that Dask has given it up is its result."""
        ((_, arguments, _),) = func.items

        def given_up(done: "Future[Any]") -> None:
            if (error := done.exception()) is not None:
                callback([(arguments[0], " ".join(str(error).split()))])

        future = super().submit(func, callback)
        future.add_done_callback(given_up)
        return future

    def retrieve_result_callback(self, out: Any) -> Any:
        if isinstance(out, CancelledError):  # the scheduler is gone, or all copies of the data
            raise out
        return super().retrieve_result_callback(out)
