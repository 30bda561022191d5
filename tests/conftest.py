"""What all tests share."""

import http.server
import os
import signal
import threading
import time
from functools import partial

import pytest

from mlpcore.datasets import DatasetNotFoundError, fetch_mnist
from mlpcore.datasets import _fetch as chain


def pytest_addoption(parser):
    parser.addoption(
        "--regenerate-golden",
        action="store_true",
        help="write what the golden tests compute to their files, instead of comparing",
    )


@pytest.fixture(scope="session")
def mnist():
    """Real MNIST, from a directory or the cache; tests load nothing from the network."""
    sources = chain._sources
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain, "_sources", lambda *a: (s for s in sources(*a) if s.is_local))
        try:
            return fetch_mnist()
        except DatasetNotFoundError:
            pytest.skip("no MNIST in $MLPCORE_DATA or the cache: make run fetches it")


@pytest.fixture
def interrupt_soon():
    """Send this process a Ctrl-C in half a second; the list receives when."""
    sent = []

    def interrupt():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    # A shell starts what runs in the background with the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.5, interrupt)
    timer.start()
    yield sent
    timer.join()
    signal.signal(signal.SIGINT, before)


class Server(http.server.ThreadingHTTPServer):
    """Answers each path with what `answers` holds: bytes, or a function of the request."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.closing = {}, threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """Say nothing: a client that leaves is what these tests are about."""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answer = self.server.answers.get(self.path)
        if answer is None:
            self.send_error(404)
        elif callable(answer):
            answer(self)
        else:
            self.reply(answer)

    def reply(self, body, length=None, content_type="application/octet-stream"):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def drip(self):
        """Send a byte now and then, five seconds long or until the client or the test ends."""
        for _ in range(100):
            if self.server.closing.wait(0.05):
                break
            self.wfile.write(b"x")

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    """A web server on this machine, for the length of a test."""
    server = Server()
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.02))
    thread.start()
    yield server
    server.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()
