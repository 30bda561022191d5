"""How long two threads of a fit that are put on one processor stay there.

The system does so by itself where another program was just at work.
"""

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from mlpcore import MLP


class Until:
    """Callback: ends a fit when the event is set."""

    def __init__(self, event):
        self.event = event

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        return self.event.is_set()


def threads():
    return {int(thread) for thread in os.listdir("/proc/self/task")}


def processors(of):
    """The processor that each of some threads was last on."""
    fields = (
        Path(f"/proc/self/task/{thread}/stat").read_text().rpartition(")")[2] for thread in of
    )
    return {field.split()[36] for field in fields}


@pytest.fixture
def running():
    """The two threads of a fit that goes on."""
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs Linux and two processors")
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20_000, 32)).astype("float32"), rng.integers(0, 2, 20_000)
    model = MLP((256, 256), batch_size=256, max_iter=10**6, n_iter_no_change=10**6, n_threads=2)
    done, before = threading.Event(), threads()
    fit = threading.Thread(target=model.set_callbacks(Until(done)).fit, args=(X, y))
    fit.start()
    while len(threads() - before) < 2:
        time.sleep(0.01)
    yield threads() - before
    done.set()
    fit.join()


def bench_part(benchmark, running):
    allowed = os.sched_getaffinity(0)

    def put_on_one():
        for thread in running:
            os.sched_setaffinity(thread, {min(allowed)})
        time.sleep(0.02)
        for thread in running:
            os.sched_setaffinity(thread, allowed)

    def wait():
        while len(processors(running)) < 2:
            time.sleep(0.0002)

    benchmark.pedantic(wait, setup=put_on_one, rounds=20)
