"""How many threads a fit may use, and the number of BLAS threads while it runs."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from threadpoolctl import LibController, ThreadpoolController


class _BlasThreads:
    """The BLAS of this process and the fits that have set its number of threads.

    The number is one for the whole process. While fits overlap, the latest one to begin
    sets it; the last one to end restores what stood before the first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # The threads that fit, each as often as its fits are nested.
        self._fits: list[int] = []
        self._before: list[int] = []
        # Looking for the libraries takes milliseconds: done once, when first needed.
        self._libraries: list[LibController] | None = None

    def _blas(self) -> list[LibController]:
        if self._libraries is None:
            self._libraries = ThreadpoolController().select(user_api="blas").lib_controllers
        return self._libraries

    def allowed(self) -> int:
        """Return the number of threads that BLAS may use, fits in progress not counted."""
        with self._lock:
            now = self._before if self._fits else [b.num_threads for b in self._blas()]
        return min(now, default=1)

    @contextmanager
    def limited_to(self, n_threads: int) -> Iterator[None]:
        """Run the body with n_threads BLAS threads."""
        with self._lock:
            if not self._fits:
                self._before = [b.num_threads for b in self._blas()]
            self._fits.append(threading.get_ident())
            for blas in self._blas():
                blas.set_num_threads(n_threads)
        try:
            yield
        finally:
            with self._lock:
                self._fits.remove(threading.get_ident())
                self._restore_after_fits()

    def _restore_after_fits(self) -> None:
        if self._fits:
            return
        for blas, before in zip(self._blas(), self._before, strict=True):
            blas.set_num_threads(before)

    def forget_other_threads(self) -> None:
        """Begin anew in a forked child, where the thread that forked is the only one."""
        self._lock = threading.Lock()
        if self._fits:
            self._fits = [ident for ident in self._fits if ident == threading.get_ident()]
            self._restore_after_fits()


blas_threads = _BlasThreads()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=blas_threads.forget_other_threads)

_DESCRIBING = ("internal_api", "version", "architecture")


def available_threads() -> int:
    """Return what CPU affinity, OMP_NUM_THREADS and threadpoolctl currently allow.

    Within a task of Dask or Ray, its share of the worker takes the place of threadpoolctl's limit.
    """
    limits = [_threads_of_the_task() or blas_threads.allowed()]
    if hasattr(os, "sched_getaffinity"):
        limits.append(len(os.sched_getaffinity(0)))
    else:
        limits.append(os.cpu_count() or 1)
    # The variable may be a list, one number a nesting level.
    outermost = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if outermost.isdigit() and int(outermost) > 0:
        limits.append(int(outermost))
    return min(limits)


def _threads_of_the_task() -> int | None:
    """Return what Dask or Ray gives the task that runs in this thread, if one does."""
    # What has not been imported runs no task.
    dask, ray = sys.modules.get("distributed.utils"), sys.modules.get("ray")
    if dask is not None and hasattr(dask.thread_state, "execution_state"):
        return 1  # a worker runs as many tasks at a time as it has threads
    if ray is not None and ray.is_initialized():
        context = ray.get_runtime_context()
        if context.worker.mode == ray.WORKER_MODE:
            # Its processes have loaded the BLAS with one thread, however many a task has.
            return max(1, int(context.get_assigned_resources().get("CPU", 1)))
    return None


def blas_description() -> str:
    """Return library, version and kernel of the BLAS that the core calls."""
    controller = ThreadpoolController().select(user_api="blas")
    # NumPy may have loaded a BLAS of its own beside SciPy's.
    names = [
        " ".join(str(info[key]) for key in _DESCRIBING if info.get(key))
        for info in controller.info()
        if "numpy" not in Path(info["filepath"]).parent.name
    ]
    return ", ".join(names) or "unknown BLAS"
