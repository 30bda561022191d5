"""What a stream refuses, and how much memory it takes."""

import sys

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import pytest
from stream_forms import BUFFER, OPTIONS, N, X, Y, mapped, names, opened, parquet, table
from test_memory import run

from mlpcore import MLPClassifier, stream

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_what_is_wrong_with_values(tmp_path):
    bad = X.copy()
    bad[777, 2] = np.nan
    for given, column in ((stream(mapped(tmp_path, bad), buffer=BUFFER), "2"),
                          (stream(parquet(tmp_path, bad), target="label", buffer=BUFFER), "'x.2'"),
                          (stream(bad), "2")):  # fmt: skip
        model = MLPClassifier(**OPTIONS)
        with pytest.raises(ValueError, match=rf"X contains NaN: in row 777, column {column}"):
            model.fit(given, Y)
        assert not hasattr(model, "classes_")
    fitted = MLPClassifier(**OPTIONS).fit(X, Y)
    with pytest.raises(ValueError, match="X contains NaN: in row 777"):
        fitted.predict(stream(bad))
    nulls = table().set_column(3, "x.3", pa.array([1.0] * (N - 1) + [None], pa.float32()))
    with pytest.raises(ValueError, match=r"column 'x\.3' has nulls"):
        MLPClassifier(**OPTIONS).fit(stream(nulls, target="label", buffer=BUFFER), Y)
    with pytest.raises(ValueError, match=r"column 'x\.3' has nulls: a target"):
        stream(nulls, target=["x.3"], columns=names[:2]).target()


@pytest.mark.parametrize(
    ("options", "message"),
    [({}, "column 'label' is of string"), ({"columns": ["y"]}, "column 'y' is not there once"),
     ({"columns": []}, "no column is left"), ({"buffer": "3 apples"}, "buffer='3 apples'"),
     ({"buffer": 0}, "buffer=0"), ({"buffer": 9, "target": "label"}, "no room for a row")],
)  # fmt: skip
def test_what_is_wrong_with_a_stream(options, message):
    with pytest.raises(ValueError, match=message):
        stream(table(), **options)


def test_what_is_no_source(tmp_path):
    with pytest.raises(TypeError, match="source is dict: allowed are"):
        stream({})
    with pytest.raises(ValueError, match="an array has no names"):
        stream(X, columns=names)
    with pytest.raises(ValueError, match="array of <U4"):
        stream(Y[:, None])
    filtered = pads.dataset(parquet(tmp_path)).filter(pads.field("x.1") > 4)
    with pytest.raises(ValueError, match="is filtered"):
        stream(filtered, columns=names)


def test_what_does_not_go_together(tmp_path):
    given = opened("mapped", tmp_path)
    for options, y, message in (
        ({"batch_size": 171}, Y, "batch_size=171: half of the buffer has room for 170 rows"),
        ({"solver": "lbfgs"}, Y, "solver='lbfgs' needs all of X"),
        ({}, Y[:-1], "inconsistent numbers of samples"),
        ({}, None, "requires y"),
    ):
        with pytest.raises(ValueError, match=message):
            MLPClassifier(**OPTIONS | options).fit(given, y)
    with pytest.raises(ValueError, match="0 sample"):
        MLPClassifier(**OPTIONS).fit(stream(X[:0]), Y[:0])


MEMORY = """
import sys, threading, time
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
from mlpcore import MLPRegressor, stream

def anonymous():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) >> 10 for line in file if line.startswith("RssAnon"))

def watch():
    while not ended.wait(0.005):
        peak.append(anonymous())

n, options = 1_000_000, dict(hidden_layer_sizes=(4,), max_iter=2, batch_size=5000, random_state=0)
y = np.zeros(n, np.float32)
with open(sys.argv[1] + ".bin", "wb") as file:
    file.truncate(n * 50 * 4)
mapped = np.memmap(sys.argv[1] + ".bin", np.float32, "r", shape=(n, 50))
schema = pa.schema([pa.field(f"x{i}", pa.float32()) for i in range(50)])
with pq.ParquetWriter(sys.argv[1], schema) as writer:
    part = pa.table([np.zeros(100_000, np.float32)] * 50, schema)
    for _ in range(n // 100_000):
        writer.write_table(part)
del part
for source, cache in ((mapped, None), (sys.argv[1], None), (sys.argv[1], sys.argv[2])):
    X = stream(source, buffer="16MB", cache=cache)
    assert not X.fits
    MLPRegressor(**options).fit(np.zeros((5000, 50), "f4"), y[:5000])
    peak, ended, before = [], threading.Event(), anonymous()
    watcher = threading.Thread(target=watch)
    watcher.start()
    MLPRegressor(**options).fit(X, y).predict(X)
    ended.set()
    watcher.join()
    print(max(peak) - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_bounded_by_the_buffer(tmp_path):
    """Of 200 MB, with a buffer of 16 MB: y, the predictions and a piece are beside it."""
    grown = run("-c", MEMORY, str(tmp_path / "X.parquet"), str(tmp_path)).split()
    assert len(grown) == 3
    assert all(int(size) < 60 for size in grown)


def test_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"mlpcore\[arrow\]"):
        stream(tmp_path / "X.parquet")
    assert stream(mapped(tmp_path)).shape == X.shape
