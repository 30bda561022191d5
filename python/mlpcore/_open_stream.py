"""`stream`: from what a user has to a stream of its rows."""

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpcore._source import ArrayStream, Stream

if TYPE_CHECKING:
    from mlpcore._arrow import ArrowStream

_UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def stream(
    source: Any,
    *,
    columns: Sequence[str] | None = None,
    target: str | Sequence[str] | None = None,
    buffer: int | str = "256MB",
    cache: str | os.PathLike[str] | None = None,
) -> Stream:
    """Return X of a fit or a prediction that is not to be in memory as a whole.

    `fit`, `partial_fit`, `predict` and `score` take it for X. In a fit a thread reads half a
    buffer of rows while the other half is trained on. Every epoch the blocks of the file are
    permuted, and then the rows in each half of the buffer, both by `random_state`; with
    ``shuffle=False`` rows come in the order of the file. Data that fits into the buffer is
    read once, and is X like any other.

    Parameters
    ----------
    source : ndarray, path-like, list of them, pyarrow.dataset.Dataset or pyarrow.Table
        An array that is mapped into memory, of any type of numbers; the path of an ``.npy``
        file; of a Parquet file, of several, or of a directory of them; a data set of Parquet
        files; an Arrow table, which may be mapped into memory as well.
    columns : sequence of str, default=None
        The columns of X, in order, of Parquet and Arrow. None: all but `target`.
    target : str or sequence of str, default=None
        Columns that do not belong to X: ``target()`` of the result reads them.
    buffer : int or str, default="256MB"
        Memory for rows, in bytes or, as "2GB" or "500MiB", with a unit. Blocks of an array
        are a sixteenth of half of it, 16 MiB at most; those of Parquet its row groups.
    cache : path-like, default=None
        A directory for what is decoded of Parquet and Arrow: every epoch but the first, and
        all that reads the stream later, takes it from there, as fast as from a mapped array.
        It lies in a file without a name, as large as X in memory, which is gone with the
        stream or its process. None: it is decoded every time.

    Returns
    -------
    Stream
        With `shape`, `dtype`, `window`, the number of rows in half of the buffer, and, for
        Parquet and Arrow, `names` and `target()`. Values are float32, float64 or uint8 if
        those of all columns are, and otherwise read as float64.

    Raises
    ------
    ImportError
        If Parquet or Arrow are to be read without pyarrow: ``pip install 'mlpcore[arrow]'``.
    TypeError
        If source or cache is something else.
    ValueError
        If a column is missing or not of numbers, or the buffer has no room for a row. In a
        fit or prediction, if a column has nulls, a value is NaN or infinite, or a Parquet
        file is no longer what it was when the stream was made.
    OSError
        If a file cannot be read, or there is no room for the cache.

    Examples
    --------
    >>> import numpy as np
    >>> import mlpcore
    >>> X = mlpcore.stream(np.zeros((1000, 20), np.float32), buffer="16KiB")
    >>> X
    <stream of 1000 x 20 float32 in 167 blocks, 102 rows at a time>
    """
    size = _n_bytes(buffer)
    if cache is not None and not isinstance(cache, (str, os.PathLike)):
        raise TypeError(f"cache={cache!r}: allowed are the path of a directory and None")
    if isinstance(source, (str, os.PathLike)) and os.fspath(source).endswith(".npy"):
        source = np.load(source, mmap_mode="r")
    if isinstance(source, np.ndarray):
        if cache is not None:
            raise ValueError(f"cache={str(cache)!r}: an array is read as it lies, and needs none")
        if columns is not None or target is not None:
            raise ValueError(
                f"columns={columns!r}, target={target!r}: an array has no names of columns"
            )
        return ArrayStream(source, size)
    made = _arrow_stream(source, columns, target, size)
    if cache is not None:
        made.keep_blocks(os.path.abspath(os.fspath(cache)))
    return made


def _arrow_stream(
    source: Any, columns: Sequence[str] | None, target: str | Sequence[str] | None, size: int
) -> "ArrowStream":
    try:
        import pyarrow as pa
        import pyarrow.dataset as pads

        from mlpcore._arrow import ParquetStream, TableStream
    except ImportError as error:
        raise ImportError(
            f"stream needs pyarrow for Parquet and Arrow (pip install 'mlpcore[arrow]'): {error}"
        ) from error
    if isinstance(source, pa.Table):
        return TableStream(source, columns, target, size)
    if isinstance(source, (str, os.PathLike)):
        source = pads.dataset(os.fspath(source), format="parquet")
    elif isinstance(source, list):
        source = pads.dataset([os.fspath(path) for path in source], format="parquet")
    if not isinstance(source, pads.Dataset):
        raise TypeError(
            f"source is {type(source).__name__}: allowed are an ndarray, paths of .npy or Parquet "
            "files, pyarrow.dataset.Dataset and pyarrow.Table"
        )
    return ParquetStream(source, columns, target, size)


def _n_bytes(buffer: int | str) -> int:
    """Return a number of bytes.

    Raises
    ------
    ValueError
        If it is none.
    """
    if isinstance(buffer, int) and not isinstance(buffer, bool) and buffer > 0:
        return buffer
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([A-Za-z]+)", str(buffer))
    if match is None or match[2] not in _UNITS:
        raise ValueError(
            f"buffer={buffer!r}: needed is a number of bytes, or one with a unit of "
            f"{', '.join(_UNITS)}, as in '256MB'"
        )
    return int(float(match[1]) * _UNITS[match[2]])
