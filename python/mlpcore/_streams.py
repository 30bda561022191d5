"""The random stream of a fit: a copy of one that other threads may be using too."""

import os
import threading
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from sklearn.utils import check_random_state


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


class _NoSeed(ISeedSequence):
    """What a Mersenne Twister begins with whose state is set next: to draw a seed takes longer."""

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        return np.zeros(n_words, dtype)


_no_seed: Any = _NoSeed()


def seeded(seed: int) -> np.random.RandomState:
    """Return RandomState(seed), in a third of its time."""
    stream = np.random.RandomState(np.random.MT19937(_no_seed))
    stream.seed(seed)
    return stream


def copied(stream: np.random.RandomState) -> np.random.RandomState:
    """Return a stream of the same kind that stands where this one does."""
    return _standing_at(stream.get_state(legacy=False), type(stream._bit_generator))


def _standing_at(state: dict[str, Any], kind: Any) -> np.random.RandomState:
    twin = seeded(0) if kind is np.random.MT19937 else np.random.RandomState(kind(0))
    twin.set_state(state)
    return twin


class BorrowedStream:
    """A context in which a fit draws from its own copy of a stream.

    The fit draws without the GIL, so nobody else may draw from what it draws from. It begins
    where the stream stands; but while another fit has a copy of the same one, with a seed
    drawn from it: fits that overlap are as independent as fits that follow each other. That of
    a seed is nobody else's, and no copy.

    Parameters
    ----------
    random_state : int, RandomState or None
        As of an estimator.

    Attributes
    ----------
    copy : RandomState
    """

    copy: np.random.RandomState

    def __init__(self, random_state: int | np.random.RandomState | None) -> None:
        self._stream: np.random.RandomState | None = None
        if isinstance(random_state, Integral):
            self.copy = seeded(int(random_state))
        else:
            self._stream = check_random_state(random_state)

    def __enter__(self) -> Self:
        if self._stream is None:
            return self
        kind = type(self._stream._bit_generator)
        with _in_use.lock:
            if any(stream is self._stream for _, stream in _in_use.streams):
                seed = self._stream.randint(2**32, size=4, dtype=np.uint64)
                self.copy = np.random.RandomState(kind(seed))
                self._before = self._stream.get_state(legacy=False)
            else:
                self._before = self._stream.get_state(legacy=False)
                self.copy = _standing_at(self._before, kind)
            self._used = (threading.get_ident(), self._stream)
            _in_use.streams.append(self._used)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._stream is None:
            return
        with _in_use.lock:
            _in_use.streams = [used for used in _in_use.streams if used is not self._used]

    def give_back(self, state: np.random.RandomState) -> None:
        """Move the stream on to such a state, unless others have drawn from it meanwhile."""
        if self._stream is None:
            return
        with _in_use.lock:
            if _are_equal(self._stream.get_state(legacy=False), self._before):
                self._stream.set_state(state.get_state(legacy=False))


def _are_equal(state: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(
        _are_equal(value, other[name]) if isinstance(value, dict)
        else np.array_equal(value, other[name])
        for name, value in state.items()
    )  # fmt: skip
