"""One download: what it delivers, and that it is left wherever it hangs."""

import socket
import threading
import time

import pytest

from mlpcore.datasets import _patience
from mlpcore.datasets._sources import SourceError, download


@pytest.fixture(autouse=True)
def little_patience(monkeypatch):
    monkeypatch.setattr(_patience, "PATIENCE_SECONDS", 0.4)


@pytest.fixture
def url(server):
    """Where the answer of a test is found."""
    return f"{server.url}/file"


def test_content(server, url):
    content = bytes(range(256)) * 1000
    server.answers["/file"] = content
    assert download(url) == content


def test_slow_is_not_hanging(server, url):
    """A download may last longer than our patience while enough of it comes."""

    def steady(request):
        request.reply(b"", length=600_000)
        for _ in range(12):
            time.sleep(0.05)
            request.wfile.write(bytes(50_000))

    server.answers["/file"] = steady
    assert download(url) == bytes(600_000)


def header_drip(request):
    request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    request.drip()


def body_drip(request):
    request.reply(b"", length=5000)
    request.drip()


def stall(request):
    request.reply(bytes(100), length=5000)
    request.server.closing.wait(5)


HANGING = {
    "no answer": lambda request: request.server.closing.wait(5),
    "stalls": stall,
    "body drips": body_drip,
    "header drips": header_drip,
}


@pytest.mark.parametrize("name", HANGING)
def test_hanging_server_is_left(server, url, name):
    server.answers["/file"] = HANGING[name]
    start = time.monotonic()
    with pytest.raises(SourceError, match=r"hangs: only \d+ bytes in 0.4 s"):
        download(url)
    assert time.monotonic() - start < 4


def test_stall_after_a_good_start_is_left(server, url):
    """What came long ago earns no patience now."""

    def start_and_stall(request):
        request.reply(bytes(1_000_000), length=2_000_000)
        request.server.closing.wait(5)

    server.answers["/file"] = start_and_stall
    start = time.monotonic()
    with pytest.raises(SourceError, match=r"hangs: only \d+ bytes"):
        download(url)
    assert time.monotonic() - start < 4


def test_hanging_name_look_up_is_left(monkeypatch):
    released = threading.Event()

    def look_up(*args, **kwargs):
        released.wait(5)
        raise socket.gaierror("too late")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    start = time.monotonic()
    with pytest.raises(SourceError, match="hangs: only 0 bytes"):
        download("http://nowhere.invalid/file")
    assert time.monotonic() - start < 4
    released.set()


def test_transfer_that_was_left_ends(server, url):
    """Its thread stops at the next bytes: it does not drip on behind the program."""
    server.answers["/file"] = body_drip
    before = set(threading.enumerate())
    with pytest.raises(SourceError):
        download(url)
    mine = [t for t in set(threading.enumerate()) - before if "_run" in t.name]
    for thread in mine:
        thread.join(2)
    assert not any(thread.is_alive() for thread in mine)


def broken_chunk(request):
    request.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nab")


def wrong_length(request):
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nhello")


BAD = {
    "missing": (None, "404"),
    "not HTTP": (lambda r: r.wfile.write(b"garbage\r\n\r\n"), "no proper HTTP: BadStatusLine"),
    "broken chunk": (broken_chunk, "no proper HTTP: IncompleteRead"),
    "cut off": (lambda r: r.reply(bytes(9), length=50), "cut off after 9 of 50 bytes"),
    "wrong length": (wrong_length, "cut off after 5 of abc bytes"),
    "nothing": (lambda r: None, "closed connection"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_answer(server, url, name):
    server.answers["/file"], reason = BAD[name]
    with pytest.raises(SourceError, match=reason):
        download(url)


def test_nobody_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(SourceError, match="refused"):
            download(f"http://127.0.0.1:{port}/file")
