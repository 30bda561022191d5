"""A fit on several ranks of MPI: what they tell each other, and how they fail together.

Every word between ranks is one allgather of an error and a value. A rank that fails says so
with its next word, the others hear of it with theirs, and all raise the same. Inside of an
epoch there are no words but the sums of the steps, which carry as much (`_mpi`).
"""

import builtins
import ctypes
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, NoReturn, TypeVar, cast

import numpy as np
import scipy.sparse as sp

from mlpcore._mpi import OtherRankError, Reduction

Fit = TypeVar("Fit", bound=Callable[..., Any])


class Ranks:
    """One process by itself, which needs nobody's word.

    Attributes
    ----------
    rank, size : int
        Which rank this is, of how many.
    are_given : bool
        Whether there is a communicator, even if of one rank.
    """

    rank, size, are_given = 0, 1, False

    def exchange(self, value: Any = None) -> list[Any]:
        """Return the values of all ranks, in their order.

        Raises
        ------
        Exception
            If a rank has failed: the same on all.
        """
        return [value]

    def rows(self, own: Any) -> Any:
        """Return the rows of all ranks, in their order; None of None."""
        return own

    @contextmanager
    def together(self) -> Iterator[None]:
        """End the body with the same error on all ranks, or with none."""
        yield

    @contextmanager
    def stepping(self, reduction: Reduction | None) -> Iterator[None]:
        """Do the same for a body that makes steps, and may exchange words between epochs."""
        yield

    def one_ends(self, ends: bool) -> bool:
        """Tell, between two epochs, whether a rank wants to end the training."""
        return ends

    def entry(self, dtype: np.dtype[Any]) -> dict[str, int]:
        """Return what the core calls."""
        raise NotImplementedError


class MpiRanks(Ranks):
    """The ranks of a communicator.

    Parameters
    ----------
    comm : mpi4py.MPI.Intracomm
        Words and sums go through a duplicate, and so never meet those of the caller.
    """

    are_given = True

    def __init__(self, comm: Any) -> None:
        self._comm = comm.Dup()
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self._reduction: Reduction | None = None
        self._common: BaseException | None = None
        self._interrupted = False

    def exchange(self, value: Any = None) -> list[Any]:
        """Return the values of all ranks, in their order."""
        return self._heard(self._own_word(None), value)

    def rows(self, own: Any) -> Any:
        """Return the rows of all ranks, in their order; None of None."""
        parts = self.exchange(own)
        if own is None:
            return None
        return sp.vstack(parts, format="csr") if sp.issparse(own) else np.concatenate(parts)

    @contextmanager
    def together(self) -> Iterator[None]:
        """End the body with the same error on all ranks, or with none."""
        with self._interrupts_noted():
            try:
                yield
                self.exchange()
            except BaseException as error:
                self._tell(error)
            finally:
                self._comm.Free()

    @contextmanager
    def stepping(self, reduction: Reduction | None) -> Iterator[None]:
        """Do the same for a body that makes steps, and may exchange words between epochs."""
        self.exchange()
        assert reduction is not None
        self._reduction, reduction.is_due = reduction, True
        reduction.interrupted = self._interrupted
        try:
            yield
        except BaseException as error:
            self._tell(error)
        finally:
            self._reduction = None

    def one_ends(self, ends: bool) -> bool:
        """Tell, between two epochs, whether a rank wants to end the training."""
        ends = any(self.exchange(ends))
        if self._reduction is not None:
            self._reduction.is_due = not ends
        return ends

    def _tell(self, error: BaseException) -> NoReturn:
        """Raise what all raise, after they have heard of an error unless they have."""
        if error is self._common:
            raise error
        if self._reduction is not None and self._reduction.is_due:
            self._reduction.fail()
        try:
            self._heard(self._own_word(error), None)
        except BaseException as common:
            raise common from error
        raise error

    def _own_word(self, error: BaseException | None) -> tuple[str, str] | None:
        """Return the kind of an error, as all know it, and its message."""
        if self._interrupted:
            self._interrupted = False
            return "KeyboardInterrupt", ""
        if error is None or isinstance(error, OtherRankError):
            return None
        known = (kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins")
        return next(known), str(error) or repr(error)

    def _heard(self, word: tuple[str, str] | None, value: Any) -> list[Any]:
        heard = self._comm.allgather((word, value))
        words = [word for word, _ in heard]
        failed = [rank for rank, word in enumerate(words) if word is not None]
        if failed:
            kind, message = words[failed[0]]
            if len(failed) < self.size or len(set(words)) > 1:
                message = f"on rank {failed[0]} of {self.size}: {message}"
            self._common = _error(kind, message)
            raise self._common
        return [value for _, value in heard]

    @contextmanager
    def _interrupts_noted(self) -> Iterator[None]:
        """Answer Ctrl-C where all ranks can: between two steps, or with the next word."""

        def note(number: int, frame: Any) -> None:
            self._interrupted = True
            if self._reduction is not None:
                self._reduction.interrupted = True

        is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        notes = is_default and threading.current_thread() is threading.main_thread()
        if notes:
            signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            if notes:
                signal.signal(signal.SIGINT, signal.default_int_handler)

    def entry(self, dtype: np.dtype[Any]) -> dict[str, int]:
        """Return what the core calls: the address of a function, and handles.

        Raises
        ------
        RuntimeError
            If the MPI of mpi4py cannot be called this way, as on Windows.
        """
        mpi = sys.modules["mpi4py.MPI"]
        try:
            function = ctypes.CDLL(mpi.__file__).MPI_Allreduce
        except (AttributeError, OSError) as error:
            raise RuntimeError(
                "comm: found no MPI_Allreduce in the MPI that mpi4py runs with, "
                f"{mpi.Get_library_version()!r}; needed is Open MPI or MPICH, on Linux or macOS"
            ) from error
        kind = mpi.FLOAT if dtype == np.float32 else mpi.DOUBLE
        address = ctypes.cast(function, ctypes.c_void_p).value
        assert address is not None
        return {
            "function": address,
            "in_place": int(mpi.IN_PLACE) % 2**64,
            "communicator": mpi._handleof(self._comm),
            "add": mpi._handleof(mpi.SUM),
            "kind": mpi._handleof(kind),
            "handle_bytes": mpi._sizeof(mpi.Comm),
        }


def _error(kind: str, message: str) -> BaseException:
    """Return an error of a built-in kind; of the nearest that is made of a message alone."""
    for own in getattr(builtins, kind).__mro__:
        try:
            return own(message) if message else own()
        except TypeError:
            continue
    return RuntimeError(message)


def ranks_of(comm: Any) -> Ranks:
    """Return the ranks of a communicator; of None, one process by itself.

    Raises
    ------
    TypeError
        If it is no communicator of mpi4py.
    """
    if comm is None:
        return Ranks()
    # Whoever has a communicator has imported it.
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is None or not isinstance(comm, mpi.Intracomm):
        raise TypeError(
            f"comm={comm!r}: needed is an intracommunicator of mpi4py, as MPI.COMM_WORLD, or None "
            "(pip install 'mlpcore[mpi]', and an MPI: see docs/scale.md)"
        )
    return MpiRanks(comm)


def on_ranks(fit: Fit) -> Fit:
    """Let a method take a communicator, as `comm`: it gets `Ranks`, and fails on all of them."""

    @wraps(fit)
    def wrapper(*args: Any, comm: Any = None, **kwargs: Any) -> Any:
        ranks = ranks_of(comm)
        with ranks.together():
            return fit(*args, comm=ranks, **kwargs)

    return cast(Fit, wrapper)
