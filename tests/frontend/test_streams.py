"""Fits that overlap on one random stream: the global one, or one of the caller's."""

import os
import pickle
import threading

import numpy as np
import pytest
from after_epochs import AfterEpochs
from sklearn.utils import check_random_state

from mlpcore import MLP
from mlpcore._streams import BorrowedStream, copied, seeded

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(params=[None, np.random.RandomState, np.random.PCG64])
def random_state(request):
    if request.param is None:
        return None
    return np.random.RandomState(np.random.PCG64(3) if request.param is np.random.PCG64 else 3)


def test_fits_that_overlap_differ(blobs, random_state):
    options = {"hidden_layer_sizes": (5,), "max_iter": 1, "random_state": random_state}
    inner = [MLP(**options) for _ in range(2)]
    outer = MLP(**options).set_callbacks(AfterEpochs(lambda: [m.fit(*blobs) for m in inner]))
    models = [outer.fit(*blobs), *inner, MLP(**options).fit(*blobs)]
    assert len({model.coefs_[0].tobytes() for model in models}) == 4


@pytest.mark.thread_unsafe(reason="that nobody else draws from the global stream")
def test_what_others_drew_is_not_drawn_again(blobs, random_state):
    stream = check_random_state(random_state)
    left = []

    def draw():
        stream.random()
        left.append(stream.get_state(legacy=False))

    model = MLP(max_iter=1, random_state=random_state)
    model.set_callbacks(AfterEpochs(draw)).fit(*blobs)
    np.testing.assert_equal(stream.get_state(legacy=False), left[0])


@pytest.mark.parametrize("seed", [0, 7, np.int64(3), 2**32 - 1])
def test_a_seeded_stream_is_that_of_numpy(seed):
    theirs, own = np.random.RandomState(seed), seeded(seed)
    np.testing.assert_equal(own.get_state(legacy=False), theirs.get_state(legacy=False))
    with BorrowedStream(seed) as borrowed:
        np.testing.assert_array_equal(borrowed.copy.normal(size=3), theirs.normal(size=3))
    # An estimator that resumes keeps it, and pickles hold nothing of ours.
    assert pickle.dumps(own) == pickle.dumps(np.random.RandomState(seed))


@pytest.mark.parametrize("kind", [np.random.MT19937, np.random.PCG64, np.random.SFC64])
def test_a_copied_stream_stands_where_the_other_does(kind):
    stream = np.random.RandomState(kind(5))
    stream.normal()  # the second of a pair is kept
    np.testing.assert_array_equal(copied(stream).normal(size=3), stream.normal(size=3))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_none_of_its_parents_fits():
    stream, forked, borrowed = np.random.RandomState(0), threading.Event(), threading.Event()

    def fit():
        with BorrowedStream(stream):
            borrowed.set()
            forked.wait(60)

    thread = threading.Thread(target=fit)
    thread.start()
    borrowed.wait(60)
    if (child := os.fork()) == 0:
        with BorrowedStream(stream) as own:
            os._exit(own.copy.randint(10**9) != np.random.RandomState(0).randint(10**9))
    forked.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
