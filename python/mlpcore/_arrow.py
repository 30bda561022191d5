"""Streams from Parquet files and Arrow tables; needs pyarrow."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow.fs import LocalFileSystem

from mlpcore._block_cache import BlockCache
from mlpcore._columns import interleave
from mlpcore._source import Stream, row_type

Names = str | Sequence[str]


class ArrowStream(Stream):
    """Rows whose values lie by columns, and are decoded and interleaved every time.

    With `keep_blocks` they are only the first time: then they are mapped from a file of rows.

    Parameters
    ----------
    schemas : list of pyarrow.Schema
        Of all files.
    columns : sequence of str or None
        The features, in order. None: all columns but the targets.
    target : str, sequence of str or None
    buffer : int

    Raises
    ------
    ValueError
        If a column is missing, or holds no numbers.
    """

    def __init__(
        self, schemas: list[Any], columns: Sequence[str] | None, target: Names | None, buffer: int
    ) -> None:
        self._target = target
        targets = [] if target is None else [target] if isinstance(target, str) else list(target)
        first = schemas[0].names
        names = [n for n in first if n not in targets] if columns is None else list(columns)
        for name in [*names, *targets]:
            if any(schema.names.count(name) != 1 for schema in schemas):
                raise ValueError(f"column {name!r} is not there once: there are {first}")
        if not names:
            raise ValueError(f"columns={columns!r}, target={target!r}: no column is left for X")
        types = {_numpy_type(schema.field(name)) for schema in schemas for name in names}
        super().__init__(len(names), row_type(types), buffer)
        self.names, self._targets, self._schema = names, targets, schemas[0]
        self._cache: BlockCache | None = None

    def keep_blocks(self, directory: str) -> None:
        """Keep every block that has been read in a file in this directory."""
        self._cache = BlockCache(directory, self.starts, len(self.names or ()), self.dtype)

    def walk(self, order: Iterable[int]) -> Iterator[tuple[int, Any]]:
        """Return the pieces of blocks in this order; those of blocks that are kept are arrays."""
        cache = self._cache
        for block in order:
            if cache is not None and block in cache:
                yield from cache.pieces(block, self.piece_rows)
            else:
                yield from super().walk([block])

    def read(self, first: int, piece: Any, out: NDArray[Any], *, checks: bool) -> None:
        """Write the rows of a piece to out, and keep them; first is the number of the first row."""
        super().read(first, piece, out, checks=checks)
        if self._cache is not None and not isinstance(piece, np.ndarray):
            self._cache.write(first, out)

    def copy(self, piece: Any, out: NDArray[Any]) -> None:
        """Write the rows of a record batch, or of an array, to out."""
        if isinstance(piece, np.ndarray):
            out[...] = piece
            return
        columns = [self._values(*column) for column in zip(self.names or (), piece, strict=True)]
        interleave(columns, out)

    def _values(self, name: str, column: Any) -> NDArray[Any]:
        if column.null_count:
            raise ValueError(
                f"column {name!r} has nulls: fill them, or leave it out by columns=[...]"
            )
        return np.ascontiguousarray(column.to_numpy(zero_copy_only=False), self.dtype)

    def head(self) -> Any:
        """Return a table without rows."""
        return self._schema.empty_table().select(self.names)

    def target(self) -> NDArray[Any]:
        """Read the target column: all of it, for it is to be in memory.

        Returns
        -------
        ndarray of shape (n_samples,) or, of several columns, (n_samples, n_columns)

        Raises
        ------
        ValueError
            If there is none, or it has nulls.
        """
        if self._target is None:
            raise ValueError("target=None: stream(..., target=...) names what is to be read")
        table = self._read_targets()
        columns = [_labels(name, table[name]) for name in self._targets]
        return columns[0] if isinstance(self._target, str) else np.stack(columns, axis=1)

    def _read_targets(self) -> Any:
        """Return a table with the targets."""
        raise NotImplementedError


class ParquetStream(ArrowStream):
    """The rows of Parquet files; their row groups are the blocks.

    Parameters
    ----------
    dataset : pyarrow.dataset.FileSystemDataset
    columns, target, buffer
        As for `ArrowStream`.

    Raises
    ------
    ValueError
        If the data set is filtered, or not of Parquet files; when rows are read, if a file is
        no longer what it was.
    """

    def __init__(
        self, dataset: Any, columns: Sequence[str] | None, target: Names | None, buffer: int
    ) -> None:
        if not isinstance(getattr(dataset, "format", None), pads.ParquetFileFormat):
            raise ValueError(f"source={dataset!r}: needed is a data set of Parquet files")
        files = dataset.filesystem
        self._filesystem = (
            LocalFileSystem(use_mmap=True) if isinstance(files, LocalFileSystem) else files
        )
        self._states = dict(zip(dataset.files, _states(files, dataset.files), strict=True))
        self._files = [(path, pq.read_metadata(path, filesystem=files)) for path in dataset.files]
        if dataset.count_rows() != sum(metadata.num_rows for _, metadata in self._files):
            raise ValueError(f"source={dataset!r} is filtered: needed are whole files")
        schemas = [metadata.schema.to_arrow_schema() for _, metadata in self._files]
        if not schemas:
            raise ValueError(f"source={dataset!r} has no files")
        super().__init__(schemas, columns, target, buffer)
        self._groups = [
            (file, group) for file in self._files for group in range(file[1].num_row_groups)
        ]
        sizes = [metadata.row_group(group).num_rows for (_, metadata), group in self._groups]
        self.starts = np.cumsum([0, *sizes], dtype=np.intp)

    def walk(self, order: Iterable[int]) -> Iterator[tuple[int, Any]]:
        """Return the pieces of blocks in this order."""
        self._check_unchanged([path for path, _ in self._files])
        yield from super().walk(order)

    def _check_unchanged(self, paths: list[str]) -> None:
        """Raise ValueError if a file is not the one whose metadata are known, and blocks kept."""
        for path, state in zip(paths, _states(self._filesystem, paths), strict=True):
            if state != self._states[path]:
                raise ValueError(
                    f"source: {path} has been changed or removed since stream(...) was called: "
                    "call it again"
                )

    def pieces(self, block: int) -> Iterator[Any]:
        """Return the rows of a row group, decoded piece by piece."""
        file, group = self._groups[block]
        with self._open(*file) as parquet:
            for batch in parquet.iter_batches(
                self.piece_rows, row_groups=[group], columns=self.names, use_threads=False
            ):
                yield batch.select(self.names)

    def _open(self, path: str, metadata: Any) -> Any:
        self._check_unchanged([path])
        return pq.ParquetFile(path, metadata=metadata, filesystem=self._filesystem)

    def _read_targets(self) -> Any:
        tables = []
        for file in self._files:
            with self._open(*file) as parquet:
                tables.append(parquet.read(self._targets))
        return pa.concat_tables(tables, promote_options="permissive")


class TableStream(ArrowStream):
    """The rows of an Arrow table, which may lie in a file that is mapped into memory.

    Parameters
    ----------
    table : pyarrow.Table
    columns, target, buffer
        As for `ArrowStream`.
    """

    def __init__(
        self, table: Any, columns: Sequence[str] | None, target: Names | None, buffer: int
    ) -> None:
        super().__init__([table.schema], columns, target, buffer)
        self._table, self._features = table, table.select(self.names)
        self.starts = self._even_blocks(table.num_rows)

    def pieces(self, block: int) -> Iterator[Any]:
        """Return the rows of a block, as they lie in the chunks of the table."""
        start, stop = self.starts[block], self.starts[block + 1]
        yield from self._features.slice(start, stop - start).to_batches()

    def _read_targets(self) -> Any:
        return self._table.select(self._targets)


def _states(filesystem: Any, paths: list[str]) -> list[tuple[int | None, int | None]]:
    """Return of each file what another one, or a later state, would not have."""
    return [(info.size, info.mtime_ns) for info in filesystem.get_file_info(paths)]


def _numpy_type(field: Any) -> np.dtype[Any]:
    """Return the type of a column's values.

    Raises
    ------
    ValueError
        If it has none that a network takes.
    """
    kind = field.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise ValueError(
            f"column {field.name!r} is of {kind}: allowed are integers, floats and booleans; "
            "leave it out by columns=[...] or target=..."
        )
    return np.dtype(kind.to_pandas_dtype())


def _labels(name: str, column: Any) -> NDArray[Any]:
    if column.null_count:
        raise ValueError(f"column {name!r} has nulls: a target must be known for every row")
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.to_numpy()
