"""Epochs of a fit on a stream beside those of the same fit in memory, alternately.

784-500-10 in batches of 100, from files in the page cache; the buffer holds a third of X.
"""

from statistics import median

import numpy as np
import pytest

from mlpcore import MLP, stream

EPOCHS = 2


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


# what writes the file, dtype
FORMS = {
    "mapped uint8": (mapped, "u1"),
    "mapped float32": (mapped, "f4"),
    "parquet float32": (parquet, "f4"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FORMS)
def bench_stream(benchmark, report, images, tmp_path, pytestconfig, name):
    write, dtype = FORMS[name]
    X, y = images
    X = X if dtype == "u1" else (X / 255).astype(dtype)
    streamed = stream(write(X, tmp_path), buffer=X.nbytes // 3)
    options = {
        "activation": "tanh", "solver": "sgd", "batch_size": 100, "max_iter": EPOCHS,
        "dtype": "float32", "input_scale": 1 / 255 if dtype == "u1" else 1.0,
        "random_state": 0,
    }  # fmt: skip
    seconds = {"memory": [], "stream": []}

    def epochs(kind, data):
        model = MLP((500,), **options).fit(data, y)
        # The first epoch waits for the first rows.
        seconds[kind] += model.history_["seconds"][1:]

    rounds = pytestconfig.getoption("benchmark_min_rounds")
    benchmark.pedantic(
        lambda: epochs("stream", streamed), setup=lambda: epochs("memory", X), rounds=rounds
    )
    in_memory, of_stream = median(seconds["memory"]), median(seconds["stream"])
    report(
        memory=round(in_memory, 3),
        stream=round(of_stream, 3),
        speed=round(in_memory / of_stream, 2),
    )
