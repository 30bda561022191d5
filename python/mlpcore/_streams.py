"""The random stream of a fit: a copy of one that other threads may be using too."""

import copy
import os
import threading
from typing import Any, Self

import numpy as np


class _StreamsInUse:
    """The streams that fits in progress have copied, each with the thread that fits."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.streams: list[tuple[int, np.random.RandomState]] = []

    def forget_other_threads(self) -> None:
        """Begin anew in a forked child, where the thread that forked is the only one."""
        self.lock = threading.Lock()
        self.streams = [used for used in self.streams if used[0] == threading.get_ident()]


_in_use = _StreamsInUse()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_use.forget_other_threads)


class BorrowedStream:
    """A context in which a fit draws from its own copy of a stream.

    The fit draws without the GIL, so nobody else may draw from what it draws from. It begins
    where the stream stands; but while another fit has a copy of the same one, with a seed
    drawn from it: fits that overlap are as independent as fits that follow each other.

    Parameters
    ----------
    stream : RandomState

    Attributes
    ----------
    copy : RandomState
    """

    def __init__(self, stream: np.random.RandomState) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        with _in_use.lock:
            if any(stream is self._stream for _, stream in _in_use.streams):
                seed = self._stream.randint(2**32, size=4, dtype=np.uint64)
                self.copy = np.random.RandomState(type(self._stream._bit_generator)(seed))
            else:
                self.copy = copy.deepcopy(self._stream)
            self._before = self._stream.get_state(legacy=False)
            self._used = (threading.get_ident(), self._stream)
            _in_use.streams.append(self._used)
        return self

    def __exit__(self, *exception: object) -> None:
        with _in_use.lock:
            _in_use.streams = [used for used in _in_use.streams if used is not self._used]

    def give_back(self, state: np.random.RandomState) -> None:
        """Move the stream on to such a state, unless others have drawn from it meanwhile."""
        with _in_use.lock:
            if _are_equal(self._stream.get_state(legacy=False), self._before):
                self._stream.set_state(state.get_state(legacy=False))


def _are_equal(state: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(
        _are_equal(value, other[name]) if isinstance(value, dict)
        else np.array_equal(value, other[name])
        for name, value in state.items()
    )  # fmt: skip
