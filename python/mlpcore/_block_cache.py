"""Rows that were decoded once, in a file from which they are mapped into memory."""

import errno
import mmap
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray


class BlockCache:
    """A file without a name, with a place for every row of a stream.

    Up to which row each block is in it is known to this object alone: none that was written in
    part is ever read. Threads and forked processes that write a block at once write the same to
    the same place. The file is gone with this object or its process, however that ends. A copy,
    also one that was pickled, begins with an empty file of its own.

    Parameters
    ----------
    directory : str
    starts : ndarray of intp, shape (n_blocks + 1,)
        The row with which each block begins, and the number of rows.
    n_features : int
    dtype : dtype

    Raises
    ------
    OSError
        If nothing can be written to the directory, or its disk has no room for all rows.
    """

    def __init__(
        self, directory: str, starts: NDArray[np.intp], n_features: int, dtype: np.dtype[Any]
    ) -> None:
        self._arguments = directory, starts, n_features, dtype
        self._directory, self._starts = directory, starts
        self._row_bytes = n_features * dtype.itemsize
        n_samples = int(starts[-1])
        self._n_bytes = max(1, n_samples * self._row_bytes)  # Nothing cannot be mapped.
        if not hasattr(os, "pwrite"):
            raise OSError(errno.ENOSYS, f"cache={directory!r}: not possible on {sys.platform}")
        try:
            with tempfile.TemporaryFile(dir=directory) as file:
                if shutil.disk_usage(directory).free < self._n_bytes:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                file.truncate(self._n_bytes)
                mapped = mmap.mmap(file.fileno(), self._n_bytes, access=mmap.ACCESS_READ)
                self._file = os.dup(file.fileno())
        except OSError as error:
            raise self._named(error) from error
        weakref.finalize(self, os.close, self._file)
        values = np.frombuffer(mapped, dtype, n_samples * n_features)
        self._rows = values.reshape(n_samples, n_features)
        self._ends = starts[:-1].copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return BlockCache, self._arguments

    def __contains__(self, block: int) -> bool:
        return bool(self._ends[block] == self._starts[block + 1])

    def pieces(self, block: int, n_rows: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """Return n_rows of a block at a time, each time with the number of the first row."""
        start, stop = (int(row) for row in self._starts[block : block + 2])
        for first in range(start, stop, n_rows):
            yield first, self._rows[first : min(first + n_rows, stop)]

    def write(self, first: int, rows: NDArray[Any]) -> None:
        """Write rows of one block to their place; first is the number of the first one.

        Raises
        ------
        OSError
            If the disk is full.
        """
        left, place = rows.reshape(-1).view(np.uint8).data, first * self._row_bytes
        while left:
            try:
                n_written = os.pwrite(self._file, left, place)
            except OSError as error:
                raise self._named(error) from error
            left, place = left[n_written:], place + n_written
        block = int(np.searchsorted(self._starts, first, "right")) - 1
        if first <= self._ends[block]:
            self._ends[block] = max(self._ends[block], first + len(rows))

    def _named(self, error: OSError) -> OSError:
        """Return the error as one that says whose it is, and what is needed."""
        return OSError(
            error.errno, f"cache={self._directory!r}: {error.strerror}; needed is a directory to "
            f"write to, on a disk with room for {self._n_bytes} bytes",
        )  # fmt: skip
