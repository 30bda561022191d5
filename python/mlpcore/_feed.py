"""The buffer of a fit on a stream: rows are read into one half while the other is trained on."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config

from mlpcore._rows import Rows
from mlpcore._source import Stream

# Returns the targets of the rows with these numbers, as the network sees them.
Encode = Callable[[NDArray[np.intp]], NDArray[Any]]
_NONE = np.empty(0, np.intp)


class Feed:
    """What the core trains on: the buffer, and which of its rows come next.

    In front of the two halves is room for the rows that a batch lacked: they are trained on
    with those of the next half.

    Parameters
    ----------
    source : Stream
    encode : callable
    sample_weight : ndarray of shape (n_samples,) or None
    batch_size : int
    input_scale : float

    Attributes
    ----------
    rows, Y, weights : Rows, ndarray, ndarray or None
        The buffer.

    Raises
    ------
    ValueError
        If half of the buffer is smaller than a batch.
    """

    def __init__(
        self, source: Stream, encode: Encode, sample_weight: NDArray[Any] | None,
        batch_size: int, input_scale: float,
    ) -> None:  # fmt: skip
        if batch_size > source.window:
            raise ValueError(
                f"batch_size={batch_size}: half of the buffer has room for {source.window} rows; "
                "pass a smaller batch_size, or stream(..., buffer=...) with a larger buffer"
            )
        self._source, self._encode, self._sample_weight = source, encode, sample_weight
        self._batch_size, self._n_before = batch_size, batch_size - 1
        n_rows = self._n_before + 2 * source.window
        # Until rows are read others like them: the core counts their zeros.
        self._X = np.resize(source.sample(), (n_rows, source.shape[1]))
        first = encode(np.arange(1))
        self.Y = np.zeros((n_rows, first.shape[1]), first.dtype)
        self.weights = None if sample_weight is None else np.empty(n_rows, first.dtype)
        self.rows = Rows(self._X, input_scale)
        self._n_windows = -(-source.shape[0] // source.window)
        self._checks = not get_config()["assume_finite"]

    def begin(
        self, generator: np.random.RandomState | None, blocks: NDArray[np.intp],
        kept: NDArray[np.intp], n_epochs: int,
    ) -> Self:  # fmt: skip
        """Begin to read.

        Parameters
        ----------
        generator : RandomState or None
            Permutes blocks and rows; None leaves them in their order.
        blocks : ndarray of intp
            Their order in the first epoch; between two epochs it is that of the next one.
        kept : ndarray of intp
            Rows that are not to be trained on, in order.
        n_epochs : int
        """
        self._generator, self._blocks, self._kept = generator, blocks, kept
        self._epochs_left = n_epochs
        self._window, self._half, self._left = 0, 0, _NONE
        self._ended = False
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="mlpcore-reader")
        self._begin_epoch()
        self._read_on()
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._ended = True
        self._reader.shutdown()

    def refill(self) -> NDArray[np.intp]:
        """Return the rows of the buffer to train on next; none at the end of an epoch.

        They are whole batches, but for the last ones of an epoch.
        """
        while self._window < self._n_windows:
            index = np.concatenate([self._carry(), self._next_window.result()])
            self._window += 1
            is_last = self._window == self._n_windows
            if self._generator is not None:
                self._generator.shuffle(index)
            if is_last:
                # Drawn now, to be read ahead: what is kept of a training has it.
                if self._generator is not None:
                    self._generator.shuffle(self._blocks)
                self._begin_epoch()
            self._read_on()
            n = len(index) if is_last else len(index) // self._batch_size * self._batch_size
            self._left = index[n:]
            if n > 0:
                return index[:n]
        self._window = 0
        return _NONE

    def _carry(self) -> NDArray[np.intp]:
        """Move the rows that a batch lacked out of the half that is read into next."""
        n = len(self._left)
        for array in (self._X, self.Y, self.weights):
            if array is not None:
                array[:n] = array[self._left]
        return np.arange(n)

    def _begin_epoch(self) -> None:
        self._windows = self._fill(self._blocks.copy())

    def _read_on(self) -> None:
        """Let the reader fill the half of the buffer that is free."""
        if self._window == self._n_windows:
            self._epochs_left -= 1
            self._checks = False
        if self._epochs_left > 0:
            self._next_window: Future[NDArray[np.intp]] = self._reader.submit(next, self._windows)

    def _fill(self, order: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
        """Fill one half of the buffer after the other; returns which rows are to be trained on."""
        window, checks = self._source.window, self._checks
        numbers: list[NDArray[np.intp]] = []
        at = 0
        for first, piece in self._source.walk(order):
            done = 0
            while done < len(piece):
                if self._ended:
                    return
                part = piece[done : done + window - at]
                start, number = self._start + at, first + done
                rows = self._X[start : start + len(part)]
                self._source.read(number, part, rows, checks=checks)
                numbers.append(np.arange(number, number + len(part)))
                at, done = at + len(part), done + len(part)
                if at == window:
                    yield self._filled(np.concatenate(numbers))
                    at, numbers = 0, []
        if at > 0:
            yield self._filled(np.concatenate(numbers))

    @property
    def _start(self) -> int:
        """Where the half begins that is read into."""
        return self._n_before + self._half * self._source.window

    def _filled(self, numbers: NDArray[np.intp]) -> NDArray[np.intp]:
        """Write the targets of rows with these numbers; returns where those to train on are."""
        here = slice(self._start, self._start + len(numbers))
        self.Y[here] = self._encode(numbers)
        if self.weights is not None and self._sample_weight is not None:
            self.weights[here] = self._sample_weight[numbers]
        self._half = 1 - self._half
        found = np.arange(here.start, here.stop)
        if len(self._kept) == 0:
            return found
        nearest = np.minimum(np.searchsorted(self._kept, numbers), len(self._kept) - 1)
        return found[self._kept[nearest] != numbers]
