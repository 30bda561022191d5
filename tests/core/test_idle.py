"""Adam on features that few rows have: steps that wait give what steps at once give."""

import contextlib
import signal

import numpy as np
import pytest
import scipy.sparse as sp

from mlpcore import _first_layer, _training
from mlpcore._activations import Activation
from mlpcore._losses import Loss
from mlpcore._network import Network
from mlpcore._optimizers import Optimizer, Solver
from mlpcore._rows import Rows
from mlpcore._run import Run

N_FEATURES = 700


def words(n_rows=300):
    """A few entries a row; some features in most rows, others in one or in none."""
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, N_FEATURES)
    feature = rng.choice(N_FEATURES - 1, 5 * n_rows, p=share / share.sum())
    values = rng.normal(size=len(feature))
    X = sp.csr_array((values, feature, np.arange(0, 5 * n_rows + 1, 5)), (n_rows, N_FEATURES))
    X.sum_duplicates()
    return X


def trained(
    X, units, dtype, *, solver=Solver.ADAM, decay=0.0, n_threads=1, betas=(0.9, 0.999), alarm=0.0,
    **options,
):  # fmt: skip
    """The parameters, the losses and the optimizer after some epochs."""
    rng = np.random.default_rng(1)
    network = Network((N_FEATURES, units, 3), Activation.TANH, Activation.SOFTMAX)
    params = rng.normal(scale=0.3, size=network.n_params).astype(dtype)
    Y = np.eye(3, dtype=dtype)[rng.integers(0, 3, X.shape[0])]
    optimizer = Optimizer(solver, 0.01, weight_decay=decay, beta_1=betas[0], beta_2=betas[1])
    run = Run(0.0, np.inf)
    options = {"alpha": 0.0, "batch_size": 20, "max_iter": 3} | options
    signal.setitimer(signal.ITIMER_REAL, alarm)
    with contextlib.suppress(KeyboardInterrupt):
        _training.train(
            network, Loss.LOG_LOSS, optimizer, Rows(X), Y, params, run, sparse=True,
            n_threads=n_threads, **options,
        )  # fmt: skip
    return params, run.loss_curve, optimizer


@pytest.fixture
def at_once(monkeypatch):
    """Train without any step that waits."""

    def train_at_once(*args, **options):
        with monkeypatch.context() as patch:
            patch.setattr(_first_layer, "WAITING_MAX_ENTRIES", -1.0)
            return trained(*args, **options)

    return train_at_once


def assert_same(found, expected, dtype):
    tolerance = 2e-4 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(found[0], expected[0], atol=tolerance)
    np.testing.assert_allclose(found[1], expected[1], rtol=tolerance)
    np.testing.assert_allclose(found[2].state, expected[2].state, atol=tolerance)


# Whole vectors and what remains, for 4 to 16 lanes; a smaller last batch.
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("units", [16, 17, 31, 100])
@pytest.mark.parametrize(("solver", "decay"), [(Solver.ADAM, 0.0), (Solver.ADAMW, 0.1)])
def test_equal_to_steps_at_once(units, dtype, solver, decay, at_once):
    X = words(290)
    found = trained(X, units, dtype, solver=solver, decay=decay)
    assert_same(found, at_once(X, units, dtype, solver=solver, decay=decay), dtype)


# Moments that vanish soon, that do not shrink against their root, and none.
@pytest.mark.parametrize("betas", [(0.1, 0.999), (0.999, 0.9), (0.0, 0.9), (0.9, 0.0), (0.0, 0.0)])
def test_every_decay_of_the_moments(betas, at_once):
    X = words()
    found = trained(X, 20, "float64", betas=betas, batch_size=2)
    assert_same(found, at_once(X, 20, "float64", betas=betas, batch_size=2), "float64")


@pytest.mark.parametrize("n_threads", [2, 5])
def test_bits_do_not_depend_on_the_threads(n_threads):
    one, other = (trained(words(), 300, "float32", n_threads=n) for n in (1, n_threads))
    assert (one[0] == other[0]).all()
    assert (one[2].state == other[2].state).all()


def test_the_steps_wait(at_once):
    """Neither path is taken by mistake: a root that shrinks is not rounded as its square is."""
    assert (trained(words(), 16, "float32")[0] != at_once(words(), 16, "float32")[0]).any()


def test_with_l2_no_step_waits(at_once):
    X = words()
    assert (
        trained(X, 16, "float64", alpha=0.1)[0] == at_once(X, 16, "float64", alpha=0.1)[0]
    ).all()


def test_shuffled_with_dropped_rows(at_once):
    def options():
        stream = np.random.RandomState(3)
        return {"bit_generator": stream._bit_generator, "order": np.arange(0, 300, 2)}

    X = words()
    assert_same(
        trained(X, 16, "float64", **options()), at_once(X, 16, "float64", **options()), "float64"
    )


def test_nothing_waits_after_an_interruption(at_once):
    """Ctrl-C in the middle of an epoch leaves what so many steps at once leave."""
    X = words(20_000)

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        found = trained(X, 16, "float64", max_iter=10**6, n_threads=2, alarm=0.3)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    epochs, steps = divmod(found[2].t, 1000)
    assert len(found[1]) == epochs
    assert epochs + steps > 0
    # The same batches one after the other.
    order = np.concatenate([np.tile(np.arange(20_000), epochs), np.arange(20 * steps)])
    expected = at_once(X, 16, "float64", max_iter=1, order=order)
    np.testing.assert_allclose(found[0], expected[0], atol=1e-11)
    np.testing.assert_allclose(found[2].state, expected[2].state, atol=1e-11)
