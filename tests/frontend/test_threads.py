import os
import subprocess
import sys
import threading
from contextlib import suppress

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info, threadpool_limits

from mlpcore import MLP
from mlpcore._threads import available_threads, blas_description, blas_threads


def blas_now():
    return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def three_threads():
    """A number that no fit of these tests asks for."""
    with threadpool_limits(3, user_api="blas"):
        yield
        assert blas_now() == {3}


class Watch:
    """Callback: the BLAS threads while a fit runs; then maybe something goes wrong."""

    def __init__(self, error=None):
        self.seen, self.error = set(), error

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            self.seen |= blas_now()
            if self.error is not None:
                raise self.error


@pytest.mark.parametrize("n_threads", [1, 2])
def test_set_and_restored(blobs, quick, n_threads):
    watch = Watch()
    MLP(**quick, n_threads=n_threads).set_callbacks(watch).fit(*blobs)
    assert watch.seen == {n_threads}
    assert blas_now() == {3}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.filterwarnings("ignore:Training interrupted")
def test_restored_after_failure(blobs, quick, error):
    with pytest.raises(error):
        MLP(**quick, n_threads=1).set_callbacks(Watch(error())).fit(*blobs)
    assert blas_now() == {3}


def test_predict_leaves_them_alone(blobs, quick):
    model = MLP(**quick, n_threads=1).fit(*blobs)
    with threadpool_limits(2, user_api="blas"):
        model.predict(blobs[0])
        assert blas_now() == {2}


def test_overlapping_fits():
    first_in, second_in, first_out = (threading.Event() for _ in range(3))

    def first():
        with blas_threads.limited_to(1):
            first_in.set()
            second_in.wait(10)
        first_out.set()

    thread = threading.Thread(target=first)
    thread.start()
    first_in.wait(10)
    with blas_threads.limited_to(2):
        second_in.set()
        first_out.wait(10)
        assert blas_now() == {2}
        assert blas_threads.allowed() == 3
    thread.join()
    assert blas_now() == {3}


def test_overlapping_real_fits(digits):
    X, _, y, _ = digits
    models = [
        MLP(n_threads=n, tol=0, n_iter_no_change=10, max_iter=30, random_state=0) for n in (1, 2)
    ]
    threads = [threading.Thread(target=quiet_fit, args=(model, X, y)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(model.score(X, y) > 0.9 for model in models)


def quiet_fit(model, X, y):
    with suppress(ConvergenceWarning):  # an error in these tests
        model.fit(X, y)


def test_available(monkeypatch):
    cores = len(os.sched_getaffinity(0))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert available_threads() == min(3, cores)
    monkeypatch.setenv("OMP_NUM_THREADS", "1,4")
    assert available_threads() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "none of your business")
    assert available_threads() == min(3, cores)
    with threadpool_limits(1):
        monkeypatch.delenv("OMP_NUM_THREADS")
        assert available_threads() == 1


def test_affinity():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from mlpcore._threads import available_threads; print(available_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_result_is_the_same_for_any_number(digits, quick):
    X, _, y, _ = digits
    one, two = (MLP(**quick, n_threads=n).fit(X, y) for n in (1, 2))
    for a, b in zip(one.coefs_, two.coefs_, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_description_names_the_kernel():
    assert "numpy" not in blas_description()
    assert len(blas_description().split()) >= 2
