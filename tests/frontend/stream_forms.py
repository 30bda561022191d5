"""A small X in every form that a stream takes."""

from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from mlpcore import stream

N = 1100
RNG = np.random.default_rng(0)
# The first column is the number of the row.
X = np.c_[np.arange(N) / N, RNG.integers(0, 9, (N, 5))].astype(np.float32)
Y = np.array(["ant", "bee", "übel"])[(X[:, 1] + X[:, 2] > 8) * 1 + (X[:, 3] > 4)]
OPTIONS = {"hidden_layer_sizes": (20,), "max_iter": 4, "batch_size": 30, "random_state": 0}
BUFFER = 8 * 1024  # halves of 170 rows
names = [f"x.{i}" for i in range(6)]


def mapped(directory, values=X):
    np.save(directory / "X.npy", values)
    return directory / "X.npy"


def table(values=X):
    columns = {name: np.ascontiguousarray(values[:, i]) for i, name in enumerate(names)}
    return pa.table(columns | {"label": Y[: len(values)]})


def parquet(directory, values=X, rows=90, name="X.parquet"):
    pq.write_table(table(values), directory / name, row_group_size=rows)
    return directory / name


def files(directory):
    return [parquet(directory, X[:400], name="1.parquet"), parquet(directory, X[400:], 300)]


def in_file_order(directory):
    """A table that lies in a file, in chunks of other sizes than the blocks."""
    path = str(directory / "X.arrow")
    with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, table().schema) as writer:
        writer.write_table(table(), max_chunksize=77)
    return pa.ipc.open_file(pa.memory_map(path)).read_all()


FORMS = {
    "mapped": mapped,
    "array": lambda directory: np.load(mapped(directory), mmap_mode="r"),
    "parquet": parquet,
    "row groups larger than the buffer": partial(parquet, rows=1000),
    "files": files,
    "data set": lambda directory: pads.dataset([str(path) for path in files(directory)]),
    "table": in_file_order,
}


def opened(form, directory, **options):
    source = FORMS[form](directory)
    if not isinstance(source, np.ndarray) and form != "mapped":
        options["columns"] = names
    return stream(source, buffer=BUFFER, **options)
