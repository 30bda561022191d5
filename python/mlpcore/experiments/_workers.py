"""Who trains: processes of this machine, or the workers of a Dask or Ray cluster."""

from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from joblib import Parallel

from mlpcore._threads import available_threads

# A task is a training, and its result is wanted as soon as it is there.
TASK_BY_TASK = {"return_as": "generator_unordered", "batch_size": 1}


class Workers(Protocol):
    """What trainings are mapped over.

    Attributes
    ----------
    lost : tuple of exception types
        Raised while results are awaited, if workers died: the tasks in flight are lost, but
        another call of `parallel` may work.
    """

    lost: tuple[type[Exception], ...]

    def parallel(self, data: Any) -> tuple[Parallel, Any]:
        """Return what maps tasks, and what stands for data in their arguments.

        However many tasks there are, data are sent once. The first argument of a task, and
        the first item of what it returns, must be its place.
        """


class Processes:
    """Processes of this machine, or what `joblib.parallel_config` says; with one job, this one.

    Parameters
    ----------
    jobs : int
        Tasks at a time.
    """

    lost: tuple[type[Exception], ...] = (BrokenProcessPool,)

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs

    def parallel(self, data: Any) -> tuple[Parallel, Any]:
        """Return what maps tasks, and data as they are: joblib maps large arrays into memory."""
        options = TASK_BY_TASK | {"n_jobs": self._jobs, "pre_dispatch": "n_jobs"}
        try:
            return Parallel(**options), data
        except ValueError:  # joblib's "ray" and "multiprocessing" have all results at the end
            return Parallel(**options | {"return_as": "list"}), data


@dataclass(frozen=True)
class Backend:
    """Which workers are wanted.

    Parameters
    ----------
    name : str
        "loky", "dask" or "ray".
    jobs : int or None
        Trainings at a time. None: one a core, or what the cluster has room for.
    scheduler : str or None
        The cluster's address; "ray" without one starts a cluster on this machine.
    """

    name: str = "loky"
    jobs: int | None = None
    scheduler: str | None = None

    def connected(self) -> AbstractContextManager[Workers]:
        """Return the workers as a context manager, which leaves them at its end.

        Raises
        ------
        ValueError
            If the backend is not installed, or the address is none.
        OSError
            If there is no cluster at the address, or it has no worker.
        """
        try:
            if self.name == "dask":
                from mlpcore.experiments import _on_dask

                return _on_dask.connected(self.scheduler, self.jobs)
            if self.name == "ray":
                from mlpcore.experiments import _on_ray

                return _on_ray.connected(self.scheduler, self.jobs)
        except ImportError as error:
            raise ValueError(
                f'backend {self.name!r}: {error}: run pip install "mlpcore[{self.name}]"'
            ) from error
        return nullcontext(Processes(self.jobs or available_threads()))
