"""Threads of a fit that are put on one processor leave it, and may still run anywhere."""

import os

import numpy as np
import pytest
from after_epochs import AfterEpochs

from mlpcore import MLP

ONE_PROCESSOR = not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2


class Together:
    """Puts all threads on one processor, and lets them go."""

    def __init__(self):
        self.allowed, self.seen = os.sched_getaffinity(0), []

    def put(self):
        threads = [int(thread) for thread in os.listdir("/proc/self/task")]
        self.seen += [os.sched_getaffinity(thread) for thread in threads]
        for allowed in ({min(self.allowed)}, self.allowed):
            for thread in threads:
                os.sched_setaffinity(thread, allowed)


@pytest.mark.skipif(ONE_PROCESSOR, reason="needs Linux and two processors")
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_are_bound_to_no_processor(n_threads):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2_000, 300)).astype("float32"), rng.integers(0, 2, 2_000)
    together = Together()
    options = {"batch_size": 200, "max_iter": 20, "n_iter_no_change": 20, "random_state": 0}
    model = MLP((300,), n_threads=n_threads, **options)
    found = model.set_callbacks(AfterEpochs(together.put)).fit(X, y)
    alone = MLP((300,), n_threads=1, **options).fit(X, y)
    assert len(together.seen) > 20
    assert all(seen == together.allowed for seen in together.seen)
    assert all((a == b).all() for a, b in zip(found.coefs_, alone.coefs_, strict=True))
