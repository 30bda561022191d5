"""Estimators in threads and in processes, forked before, after and during a fit."""

import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest

from mlpcore import MLP, MLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    # That is what is tested: Python 3.12 and later warn of forks beside threads.
    "ignore:.*fork.*:DeprecationWarning",
)
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
# So wide that its fits run on a team of threads.
OPTIONS = {"hidden_layer_sizes": (300,), "max_iter": 3, "n_threads": 2, "dtype": "float64"}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(600, 100))
Y = np.sign(X[:, 0]).astype(int) + (X[:, 1] > 0)


def weights_of_fit(seed):
    return MLP(**OPTIONS, random_state=seed).fit(X, Y)._params


def same_bits(found, seeds):
    for params, seed in zip(found, seeds, strict=True):
        np.testing.assert_array_equal(params, weights_of_fit(seed))


def test_different_estimators_in_threads():
    def fit_and_predict(seed):
        model = MLP(**OPTIONS, random_state=seed).fit(X, Y)
        regressor = MLPRegressor(**OPTIONS, random_state=seed).fit(X, X[:, 2])
        assert np.isfinite(regressor.predict(X)).all()
        return model._params, model.predict(X)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(fit_and_predict, range(24)))
    same_bits([params for params, _ in results], range(24))


def test_one_estimator_predicts_in_threads():
    model = MLP(**OPTIONS, random_state=0).fit(X, Y)
    predictor, expected = model.predictor(), model.predict_proba(X)

    def predict(i):
        rows = slice(i % 7, None)
        found = model.predict_proba(X[rows]) if i % 2 else predictor(X[rows])
        np.testing.assert_allclose(found, expected[rows], atol=1e-12)
        return model.predict(X)

    with ThreadPoolExecutor(8) as pool:
        for labels in pool.map(predict, range(200)):
            np.testing.assert_array_equal(labels, model.classes_[expected.argmax(1)])


@pytest.mark.parametrize("backend", ["loky", "multiprocessing", "threading"])
@pytest.mark.filterwarnings("ignore:.*unclosed.*:ResourceWarning")
def test_joblib(backend):
    weights_of_fit(0)
    found = joblib.Parallel(2, backend=backend)(
        joblib.delayed(weights_of_fit)(seed) for seed in range(4)
    )
    same_bits(found, range(4))


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_multiprocessing(method):
    weights_of_fit(0)
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.map_async(weights_of_fit, range(4)).get(120)
    same_bits(found, range(4))


@forks
def test_forked_while_others_fit():
    """The child's fit is whole, though the parent's threads and locks were in use."""
    ended = threading.Event()

    def fit_on():
        while not ended.is_set():
            weights_of_fit(1)

    threads = [threading.Thread(target=fit_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        context = multiprocessing.get_context("fork")
        for seed in range(10):
            receiver, sender = context.Pipe(duplex=False)
            child = context.Process(target=lambda to, s: to.send(weights_of_fit(s)),
                                    args=(sender, seed))  # fmt: skip
            child.start()
            assert receiver.poll(60), "the child hangs"
            found = receiver.recv()
            child.join(60)
            assert child.exitcode == 0
            same_bits([found], [seed])
    finally:
        ended.set()
        for thread in threads:
            thread.join()


class ForkInTheMiddle:
    """Callback: the fit forks itself after the first epoch, and both go on."""

    def __init__(self):
        self.child = None

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and self.child is None:
            self.child = os.fork()


@forks
def test_a_fit_that_forks_ends_twice(tmp_path):
    fork = ForkInTheMiddle()
    model = MLP(**OPTIONS, random_state=0).set_callbacks(fork).fit(X, Y)
    if fork.child == 0:
        np.save(tmp_path / "child.npy", model._params)
        os._exit(0)
    assert os.waitpid(fork.child, 0)[1] == 0
    same_bits([np.load(tmp_path / "child.npy"), model._params], [0, 0])


SERVER = """
import os, signal, socket, threading
import numpy as np
import mlpcore

rng = np.random.default_rng(0)
X, y = rng.normal(size=(600, 100)), np.arange(600) % 3
model = mlpcore.MLP((300,), max_iter=3, n_threads=2, random_state=0).fit(X, y)
predictor, expected = model.predictor(), model.predict(X).tobytes()
listener = socket.create_server(("127.0.0.1", 0))
workers = []
for _ in range(3):
    if (child := os.fork()) == 0:
        while True:
            with listener.accept()[0] as client:
                client.sendall(model.predict(X).tobytes())
                assert predictor.predict(X).tobytes() == expected
    workers.append(child)
for _ in range(60):
    with socket.create_connection(listener.getsockname(), timeout=30) as client:
        assert b"".join(iter(lambda: client.recv(1 << 16), b"")) == expected
for worker in workers:
    assert os.waitpid(worker, os.WNOHANG) == (0, 0), "a worker has failed"
    os.kill(worker, signal.SIGTERM)
    assert os.WTERMSIG(os.waitpid(worker, 0)[1]) == signal.SIGTERM
model.fit(X, y)
print("served")
"""


@forks
def test_pre_fork_server():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SERVER], capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout == "served\n", done.stderr
