"""X that stays in its file: read in blocks, of which a buffer of rows is in memory."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sklearn import get_config

from mlpcore._finite import all_finite

# Rows are copied, decoded and predicted for so many bytes at a time.
_PIECE_BYTES = 2**24
# A window has rows of this many blocks, where blocks can be chosen.
_BLOCKS_A_WINDOW = 16
_SAMPLED_ROWS = 500


def row_type(dtypes: Iterable[DTypeLike]) -> np.dtype[Any]:
    """Return in what values of such types are read: themselves, or float64."""
    common = np.result_type(*dtypes)
    return common if common in (np.float32, np.float64, np.uint8) else np.dtype(np.float64)


class Stream(ABC):
    """X of a fit or a prediction, whose rows are read when they are needed; `stream` makes one.

    Parameters
    ----------
    n_features : int
    dtype : dtype
        float32, float64 or uint8: what its values are read as.
    buffer : int
        Bytes of rows in memory: a half is trained on while the other one is read.

    Attributes
    ----------
    shape : (n_samples, n_features)
    dtype : dtype
    window : int
        Rows in half of the buffer: those that are shuffled together.
    starts : ndarray of intp, shape (n_blocks + 1,)
        The row with which each block begins, and the number of rows.
    names : list of str or None
        The columns, if they have names.
    """

    ndim = 2
    names: list[str] | None = None

    def __init__(self, n_features: int, dtype: np.dtype[Any], buffer: int) -> None:
        self._row_bytes = max(1, n_features * dtype.itemsize)
        self.dtype, self._buffer, self._n_features = dtype, buffer, n_features
        self.window = buffer // 2 // self._row_bytes
        if self.window < 1:
            raise ValueError(
                f"buffer={buffer}: half of it has no room for a row of {self._row_bytes} bytes"
            )
        self.piece_rows = max(1, min(_PIECE_BYTES // self._row_bytes, self.window // 2))
        self.starts = np.zeros(1, np.intp)

    def _even_blocks(self, n_samples: int) -> NDArray[np.intp]:
        """Return where blocks begin that need not be those of a file."""
        n_rows = max(1, min(self.piece_rows, self.window // _BLOCKS_A_WINDOW))
        return np.append(np.arange(0, n_samples, n_rows), n_samples)

    @abstractmethod
    def pieces(self, block: int) -> Iterator[Any]:
        """Return the rows of a block in turn, as what `copy` takes; they have len and slices."""

    @abstractmethod
    def copy(self, piece: Any, out: NDArray[Any]) -> None:
        """Write the rows of a piece to out, (len(piece), n_features)."""

    @abstractmethod
    def head(self) -> Any:
        """Return data with the columns of X and few rows or none, as scikit-learn knows it."""

    @property
    def shape(self) -> tuple[int, int]:
        """Of X: (n_samples, n_features)."""
        return int(self.starts[-1]), self._n_features

    @property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return len(self.starts) - 1

    @property
    def fits(self) -> bool:
        """Whether all rows have room in the buffer."""
        return self.shape[0] * self._row_bytes <= self._buffer

    def walk(self, order: Iterable[int]) -> Iterator[tuple[int, Any]]:
        """Return the pieces of blocks in this order, each with the number of its first row."""
        for block in order:
            first = int(self.starts[block])
            for piece in self.pieces(block):
                yield first, piece
                first += len(piece)

    def read(self, first: int, piece: Any, out: NDArray[Any], *, checks: bool) -> None:
        """Write the rows of a piece to out; first is the number of the first row.

        Raises
        ------
        ValueError
            If checks is true and a value is not finite.
        """
        self.copy(piece, out)
        if checks:
            self._check_finite(first, out)

    def chunks(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """Return all rows in their order, each array with the number of its first row.

        The next array takes the memory of the one before.

        Raises
        ------
        ValueError
            If a value is not finite.
        """
        room = np.empty((0, self._n_features), self.dtype)
        checks = not get_config()["assume_finite"]
        for first, piece in self.walk(range(self.n_blocks)):
            if len(piece) > len(room):
                room = np.empty((len(piece), self._n_features), self.dtype)
            rows = room[: len(piece)]
            self.read(first, piece, rows, checks=checks)
            yield first, rows

    def _check_finite(self, first: int, rows: NDArray[Any]) -> None:
        """Raise ValueError if a value is not finite; first is the number of the first row."""
        if self.dtype.kind == "f" and not all_finite(rows):
            i, j = np.argwhere(~np.isfinite(rows))[0]
            column = j if self.names is None else repr(self.names[j])
            what = "NaN" if np.isnan(rows[i, j]) else "infinity"
            raise ValueError(f"X contains {what}: in row {first + i}, column {column}")

    def take(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """Return the given rows, whose numbers rise, as an array."""
        taken = np.empty((len(rows), self._n_features), self.dtype)
        for first, chunk in self.chunks():
            start, stop = np.searchsorted(rows, [first, first + len(chunk)])
            taken[start:stop] = chunk[rows[start:stop] - first]
        return taken

    def whole(self) -> NDArray[Any]:
        """Return all rows as an array."""
        return self.take(np.arange(self.shape[0]))

    def kept_aside(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """Return the given rows, which are to be in memory beside the buffer.

        Raises
        ------
        ValueError
            If the buffer has no room for as many.
        """
        if len(rows) * self._row_bytes > self._buffer:
            raise ValueError(
                f"early_stopping=True keeps {len(rows)} rows of {self._row_bytes} bytes in memory, "
                f"more than the buffer of {self._buffer}: pass a smaller validation_fraction, or "
                "X_val and y_val"
            )
        return self.take(rows)

    def sample(self) -> NDArray[Any]:
        """Return some rows, by which zeros can be counted."""
        return next(self.chunks())[1][:_SAMPLED_ROWS].copy()

    def __repr__(self) -> str:
        n_samples, n_features = self.shape
        return (
            f"<stream of {n_samples} x {n_features} {self.dtype} in {self.n_blocks} blocks, "
            f"{self.window} rows at a time>"
        )


class ArrayStream(Stream):
    """The rows of an array, which is mapped into memory or else as large as it is.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    buffer : int
    """

    def __init__(self, X: NDArray[Any], buffer: int) -> None:
        if X.ndim != 2 or X.dtype.kind not in "fiub":
            raise ValueError(
                f"source is an array of {X.dtype} of shape {X.shape}: allowed are numbers and "
                "booleans of shape (n_samples, n_features)"
            )
        super().__init__(X.shape[1], row_type([X.dtype]), buffer)
        self._X = X
        self.starts = self._even_blocks(len(X))

    def pieces(self, block: int) -> Iterator[NDArray[Any]]:
        """Return the rows of a block."""
        yield self._X[self.starts[block] : self.starts[block + 1]]

    def copy(self, piece: NDArray[Any], out: NDArray[Any]) -> None:
        """Write the rows of a piece to out."""
        out[...] = piece

    def head(self) -> NDArray[Any]:
        """Return no row, with all columns."""
        return self._X[:0]

    def sample(self) -> NDArray[Any]:
        """Return some rows, from all over X."""
        return np.array(self._X[:: max(1, len(self._X) // _SAMPLED_ROWS)], self.dtype)
