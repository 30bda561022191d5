"""Epochs of a fit on a stream beside those of the same fit in memory, alternately.

784-500-10 in batches of 100, from files in the page cache; the buffer holds a third of X.
"""

from statistics import median

import numpy as np
import pytest

from mlpcore import MLP, stream

EPOCHS = 3


def mapped(X, directory):
    np.save(directory / "X.npy", X)
    return directory / "X.npy"


def parquet(X, directory):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as pq

    columns = {f"x{i}": np.ascontiguousarray(X[:, i]) for i in range(X.shape[1])}
    pq.write_table(
        pa.table(columns), directory / "X.parquet", row_group_size=10_000, compression="none",
        use_dictionary=False,
    )  # fmt: skip
    return directory / "X.parquet"


# what writes the file, dtype, whether what is decoded is kept
FORMS = {
    "mapped uint8": (mapped, "u1", False),
    "mapped float32": (mapped, "f4", False),
    "parquet float32": (parquet, "f4", False),
    "parquet float32, cached": (parquet, "f4", True),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FORMS)
def bench_stream(benchmark, report, images, tmp_path, pytestconfig, some_of, name):
    write, dtype, cached = FORMS[name]
    X, y = images
    X = X if dtype == "u1" else (X / 255).astype(dtype)
    how = {"buffer": X.nbytes // 3, "cache": tmp_path if cached else None}
    path = write(X, tmp_path)
    options = {
        "activation": "tanh", "solver": "sgd", "batch_size": 100, "max_iter": EPOCHS,
        "dtype": "float32", "input_scale": 1 / 255 if dtype == "u1" else 1.0,
        "random_state": 0,
    }  # fmt: skip
    seconds = {"memory": [], "stream": [], "first": []}

    def epochs(kind, data):
        model = MLP((500,), **options).fit(data, y)
        # The first epoch waits for the first rows, and fills the cache.
        first, *others = model.history_["seconds"]
        seconds[kind] += others
        return first

    def in_memory():
        epochs("memory", X)
        return (stream(path, **how),), {}

    rounds = some_of(1, pytestconfig.getoption("benchmark_min_rounds"))
    benchmark.pedantic(
        lambda streamed: seconds["first"].append(epochs("stream", streamed)),
        setup=in_memory, rounds=rounds,
    )  # fmt: skip
    found = {kind: median(values) for kind, values in seconds.items()}
    report(
        memory=round(found["memory"], 3),
        stream=round(found["stream"], 3),
        first=round(found["first"], 3),
        speed=round(found["memory"] / found["stream"], 2),
    )
