"""Streams that keep what they decoded: the same bits, decoded once, and nothing is left."""

import copy
import gc
import os
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from after_epochs import AfterEpochs
from stream_forms import BUFFER, FORMS, OPTIONS, N, X, Y, mapped, names, opened, parquet
from test_memory import run

from mlpcore import MLPClassifier, _arrow, stream

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # That is what is tested: Python 3.12 and later warn of forks beside threads.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
ENCODED = [form for form in FORMS if form not in ("mapped", "array")]


def fitted(given, **options):
    return MLPClassifier(**OPTIONS | options).fit(given, Y)


def same_weights(a, b):
    np.testing.assert_array_equal(a._params, b._params)


@pytest.fixture
def decoded(monkeypatch):
    """The numbers of the rows that were decoded."""
    rows, interleave = [], _arrow.interleave

    def spy(columns, out):
        interleave(columns, out)
        rows.extend(np.rint(out[:, 0] * N).astype(int))

    monkeypatch.setattr(_arrow, "interleave", spy)
    return rows


@pytest.mark.parametrize("form", ENCODED)
@pytest.mark.parametrize("options", [{}, {"shuffle": False}, {"early_stopping": True}])
def test_the_same_bits(form, options, tmp_path, decoded):
    uncached = opened(form, tmp_path)
    plain = fitted(uncached, **options)
    plain_score, plain_proba = plain.score(uncached, Y), plain.predict_proba(uncached)
    n_counted = len(next(uncached.chunks())[1])
    given = opened(form, tmp_path, cache=tmp_path)
    decoded.clear()
    first = fitted(given, **options)
    # Every row once, but for a piece of which the zeros are counted, twice, before the first epoch.
    assert set(decoded) == set(range(N))
    assert len(decoded) <= N + 2 * n_counted
    decoded.clear()
    again = fitted(given, **options)
    score, proba = again.score(given, Y), again.predict_proba(given)
    assert decoded == []
    for model in (first, again):
        same_weights(model, plain)
        assert model.loss_curve_ == plain.loss_curve_
        assert model.validation_scores_ == plain.validation_scores_
    assert score == plain_score
    np.testing.assert_array_equal(proba, plain_proba)


@pytest.mark.parametrize("dtype", ["u1", "f4", "f8", "i2"])
def test_types(dtype, tmp_path):
    values = np.round(X * 9).astype(dtype)
    kept = {"i2": "f8"}.get(dtype, dtype)
    given = stream(parquet(tmp_path, values), target="label", buffer=BUFFER, cache=tmp_path)
    for _ in range(2):
        rows = given.whole()
        assert rows.dtype == kept
        np.testing.assert_array_equal(rows, values)
    assert given._cache._rows.dtype == kept


def test_blocks_that_were_read_in_part_are_read_again(tmp_path):
    given = opened("row groups larger than the buffer", tmp_path, cache=tmp_path)
    assert next(given.chunks())[1].shape[0] < 1000
    assert not any(block in given._cache for block in range(given.n_blocks))
    np.testing.assert_array_equal(given.whole(), X)
    assert all(block in given._cache for block in range(given.n_blocks))
    bad = X.copy()
    bad[777, 2] = np.nan
    given = stream(parquet(tmp_path, bad), columns=names, buffer=BUFFER, cache=tmp_path)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"X contains NaN: in row 777, column 'x\.2'"):
            fitted(given, shuffle=False)
    assert [block in given._cache for block in (7, 8)] == [True, False]


@pytest.mark.parametrize("cached", [False, True])
def test_files_that_change(cached, tmp_path):
    options = {"cache": tmp_path} if cached else {}
    path = parquet(tmp_path)
    given = stream(path, target="label", buffer=BUFFER, **options)
    plain = fitted(given)
    written = os.stat(path).st_mtime_ns

    def change():
        other = parquet(tmp_path, X[::-1], name="other")
        os.utime(other, ns=(written + 10**9, written + 10**9))
        other.replace(path)

    model = MLPClassifier(**OPTIONS).set_callbacks(AfterEpochs(change))
    message = r"X\.parquet has been changed or removed since stream\(\.\.\.\) was called"
    with pytest.raises(ValueError, match=message):
        model.fit(given, Y)
    for read in (given.target, given.whole, lambda: plain.predict(given)):
        with pytest.raises(ValueError, match=message):
            read()
    path.unlink()
    with pytest.raises(ValueError, match=message):
        given.whole()


def test_threads_share_a_stream(tmp_path):
    plain = fitted(opened("parquet", tmp_path))
    given = opened("parquet", tmp_path, cache=tmp_path)
    with ThreadPoolExecutor(4) as pool:
        for model in pool.map(lambda _: fitted(given, n_threads=1), range(4)):
            same_weights(model, plain)


@pytest.mark.thread_unsafe(reason="a child has no threads, and Arrow's locks as they are")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked(tmp_path):
    """Both processes write what is missing, and read what they wrote."""
    plain = fitted(opened("parquet", tmp_path))
    given = opened("parquet", tmp_path, cache=tmp_path)
    walk = given.chunks()
    for _ in range(5):
        next(walk)
    if (child := os.fork()) == 0:
        try:
            same_weights(fitted(given), plain)
            same_weights(fitted(given), plain)
            os._exit(0)
        finally:
            os._exit(1)
    same_weights(fitted(given), plain)
    same_weights(fitted(given), plain)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda given: pickle.loads(pickle.dumps(given))])
def test_copies_begin_with_an_empty_file(twin, tmp_path):
    given = opened("parquet", tmp_path, cache=tmp_path)
    model = fitted(given)
    other = twin(given)
    assert 0 in given._cache
    assert 0 not in other._cache
    same_weights(fitted(other), model)


def open_files(directory):
    links = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
    return [os.readlink(link) for link in links if os.path.lexists(link)
            and os.readlink(link).startswith(str(directory))]  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_is_left(tmp_path):
    place = tmp_path / "cache"
    place.mkdir()
    given = opened("parquet", tmp_path, cache=place)
    model = fitted(given)
    # Without a name there is nothing to be left by a process that is killed.
    assert list(place.iterdir()) == []
    assert len(open_files(place)) == 2  # one of the mapping
    del given, model
    gc.collect()
    assert open_files(place) == []


@pytest.mark.parametrize(
    ("cache", "error", "message"),
    [("nowhere", FileNotFoundError, "nowhere': No such file or directory; needed is a directory"),
     ("X.parquet", NotADirectoryError, "X.parquet': Not a directory; needed is"),
     (True, TypeError, "cache=True: allowed are the path of a directory and None")],
)  # fmt: skip
def test_what_is_wrong_with_a_cache(cache, error, message, tmp_path):
    path = parquet(tmp_path)
    place = tmp_path / cache if isinstance(cache, str) else cache
    with pytest.raises(error, match=message):
        stream(path, target="label", cache=place)


def test_arrays_need_no_cache(tmp_path):
    for source in (X, mapped(tmp_path)):
        with pytest.raises(ValueError, match="an array is read as it lies, and needs none"):
            stream(source, cache=tmp_path)


def test_no_room(tmp_path):
    column = pa.chunked_array([np.zeros(10**6)] * 10_000)
    vast = pa.table({str(i): column for i in range(100)})  # 8 TB, all of it the same
    with pytest.raises(OSError, match=r"No space left on device; needed .* 8000000000000 bytes"):
        stream(vast, cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


FULL = """
import pathlib, resource, sys
sys.path.append(sys.argv[1])
from stream_forms import OPTIONS, X, Y, opened
from mlpcore import MLPClassifier

directory = pathlib.Path(sys.argv[2])
plain = MLPClassifier(**OPTIONS).fit(opened("parquet", directory), Y)
given, model = opened("parquet", directory, cache=directory), MLPClassifier(**OPTIONS)
resource.setrlimit(resource.RLIMIT_FSIZE, (X.nbytes // 2, resource.RLIM_INFINITY))
try:
    model.fit(given, Y)
except OSError as error:
    print(error)
assert not hasattr(model, "classes_")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert (model.fit(given, Y)._params == plain._params).all()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit for files here")
def test_a_disk_that_is_full(tmp_path):
    """What was written in part is not read; with room, the same call works."""
    printed = run("-c", FULL, str(Path(__file__).parent), str(tmp_path))
    assert "File too large; needed is a directory to write to, on a disk with room" in printed
