"""Cases of several ranks: what one of them does ends the fit on all, or goes on elsewhere."""

import os
import signal
import tempfile
import threading
from pathlib import Path

import numpy as np
from rank_common import (
    SETTINGS,
    assert_like,
    assert_same_everywhere,
    case,
    data,
    error_of_all,
    every_kth,
)

import mlpcore
import mlpcore._stochastic
from mlpcore import MLPClassifier


class Stops:
    """A callback that does something in the third epoch, on one rank."""

    def __init__(self, act):
        self.act = act

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name == "epoch" and fitted_estimator.n_iter_ == 3:
            return self.act()
        return False


class UnheardOfError(LookupError):
    """Of a kind that only one rank needs to know."""


def failing(kind=ZeroDivisionError, message="by the callback"):
    raise kind(message)


def stopping_on(comm, rank, act):
    """An estimator with callbacks on all ranks, and one that acts."""
    return MLPClassifier(**SETTINGS).set_callbacks(
        Stops(act if comm.rank == rank else (lambda: False))
    )


@case
def a_callback_stops_all(comm):
    X, y = every_kth(comm, *data()[:2])
    model = stopping_on(comm, 1, lambda: True).fit(X, y, comm=comm)
    assert_same_everywhere(comm, model)
    assert model.n_iter_ == 3


@case
def a_rank_that_raises(comm):
    X, y = every_kth(comm, *data()[:2])
    bad, last = X.copy(), comm.size - 1
    if comm.rank == 1:
        bad[3, 2] = np.nan
    y_odd = np.array(list("abc"))[y] if comm.rank == last else y
    all_but = {"max_iter": 0} if comm.rank == 1 else {}
    other = {"alpha": 0.5} if comm.rank == 1 else {}
    X_val = {"X_val": X, "y_val": y} if comm.rank == 1 else {}
    wide = np.hstack([X, X]) if comm.rank == 1 else X
    first = f"on rank 1 of {comm.size}: "
    for fit, kind, message in [
        (lambda m: m.fit(bad, y, comm=comm), ValueError, first + "Input X contains NaN"),
        (lambda m: m.fit(X, y[: len(y) - (comm.rank == 1)], comm=comm), ValueError, first),
        (lambda m: m.fit(X, y_odd, comm=comm), ValueError, "y of strings is False on rank 0"),
        (lambda m: m.set_params(**all_but).fit(X, y, comm=comm), ValueError,
         first + "The 'max_iter' parameter"),
        (lambda m: m.set_params(**other).fit(X, y, comm=comm), ValueError,
         "alpha is 0.0001 on rank 0, and 0.5 on rank 1"),
        (lambda m: m.fit(X, y, comm=comm, **X_val), ValueError,
         "X_val is None on rank 0, and given on rank 1"),
        (lambda m: m.fit(mlpcore.stream(X), y, comm=comm), ValueError, "X is a stream, with comm"),
        (lambda m: m.fit(wide, y, comm=comm), ValueError, "the number of columns of X is 6 on"),
        (lambda m: m.fit(X[:0], y[:0], comm=comm), ValueError, "X has no rows on any of"),
        (lambda m: m.set_params(solver="sgd", learning_rate_init=1e300).fit(X, y, comm=comm),
         ValueError, "Solver produced non-finite"),
        (lambda m: stopping_on(comm, 1, failing).fit(X, y, comm=comm), ZeroDivisionError,
         first + "by the callback"),
        (lambda m: stopping_on(comm, 1, lambda: failing(UnheardOfError)).fit(X, y, comm=comm),
         LookupError, first + "by the callback"),
    ]:  # fmt: skip
        model = MLPClassifier(**SETTINGS)
        before = set(vars(model))
        found = error_of_all(comm, lambda fit=fit, model=model: fit(model))
        assert found[0] is kind, found
        assert found[1].startswith(message), found
        assert set(vars(model)) == before


@case
def a_rank_that_does_not_get_to_its_step(comm):
    X, y = every_kth(comm, *data()[:2])
    train = mlpcore._stochastic.train
    if comm.rank == 1:
        mlpcore._stochastic.train = lambda *args, **kwargs: failing(MemoryError, "none left")
    try:
        found = error_of_all(comm, lambda: MLPClassifier(**SETTINGS).fit(X, y, comm=comm))
    finally:
        mlpcore._stochastic.train = train
    assert found == (MemoryError, f"on rank 1 of {comm.size}: none left")


@case
def ctrl_c_on_one_rank(comm):
    X, y = every_kth(comm, *data()[:2])
    model = MLPClassifier(**SETTINGS | {"max_iter": 10**6})
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    if comm.rank == 1:
        timer.start()
    found = error_of_all(comm, lambda: model.fit(X, y, comm=comm))
    signal.signal(signal.SIGINT, before)
    assert found[0] is KeyboardInterrupt
    assert_same_everywhere(comm, model)
    assert 0 < model.n_iter_ < 10**6


def stopped_in_epoch_3(comm, directory, **more):
    """Return settings whose checkpoint lies in a directory, and a whole fit with them."""
    X, y = every_kth(comm, *data()[:2])
    settings = SETTINGS | more
    whole = MLPClassifier(**settings).fit(X, y, comm=comm)
    settings |= {"checkpoint": directory, "checkpoint_every": 1}
    stops = MLPClassifier(**settings).set_callbacks(Stops(failing))
    error_of_all(comm, lambda: stops.fit(X, y, comm=comm))
    return settings, whole


def new_directory(comm):
    return comm.bcast(tempfile.mkdtemp() if comm.rank == 0 else None)


@case
def a_checkpoint_goes_on(comm):
    directory = new_directory(comm)
    settings, whole = stopped_in_epoch_3(comm, directory, dropout=0.1)
    model = MLPClassifier(**settings).fit(*every_kth(comm, *data()[:2]), comm=comm)
    assert_like(model, whole, 0)
    comm.Barrier()
    assert not list(Path(directory).iterdir())


@case
def a_checkpoint_on_another_number_of_ranks(comm):
    settings, whole = stopped_in_epoch_3(comm, new_directory(comm), shuffle=False)
    X, y, _ = data()
    in_half = comm.rank < comm.size // 2
    half = comm.Split(in_half, comm.rank)
    if in_half:
        model = MLPClassifier(**settings)
        other = error_of_all(half, lambda: model.fit(*every_kth(half, X + 1, y), comm=half))
        assert "of a fit that has not ended, with other X" in other[1]
        model.fit(*every_kth(half, X, y), comm=half)
        assert_like(model, whole)
        assert model.loss_curve_[:2] == whole.loss_curve_[:2]
    half.Free()
