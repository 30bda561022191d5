"""The record of a training: its losses, when it has converged, when Python is to hear of it."""

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY
from libc.time cimport time_t

cdef double INTERVAL = 0.1  # seconds between two words to Python

cdef extern from "<time.h>" nogil:
    struct timespec:
        time_t tv_sec
        long tv_nsec
    int TIME_UTC
    int timespec_get(timespec *now, int base)


cdef bint interval_over(double *last) noexcept nogil:
    """Whether the interval has passed since last, which is then set to now."""
    cdef timespec clock
    cdef double now
    timespec_get(&clock, TIME_UTC)
    now = clock.tv_sec + 1e-9 * clock.tv_nsec
    # The clock may be set back: then too.
    if 0 <= now - last[0] < INTERVAL:
        return False
    last[0] = now
    return True


cdef class Run:
    """What a training has done so far: readable while it runs and after an interruption.

    Parameters
    ----------
    tol, n_iter_no_change : float
        Training has converged when the loss failed to improve by tol for more than
        n_iter_no_change epochs in a row.
    best_loss, no_improvement_count : float, int
        Of an earlier training that this one goes on with.

    Attributes
    ----------
    outcome : Outcome
        Why the training ended, or RUNNING.
    n_iter : int
        Finished epochs.
    best_loss : float
        The lowest loss of an epoch.
    no_improvement_count : int
        Epochs in a row without improvement.
    """

    def __init__(self, double tol, double n_iter_no_change, *, double best_loss=INFINITY,
                 Py_ssize_t no_improvement_count=0):
        self.outcome = RUNNING
        self.n_iter = 0
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.best_loss = best_loss
        self.no_improvement_count = no_improvement_count
        self.losses = np.empty(256)
        interval_over(&self.last_check)
        interval_over(&self.last_report)

    @property
    def loss_curve(self):
        """The mean loss of each finished epoch, as a list."""
        return np.asarray(self.losses)[:self.n_iter].tolist()

    cdef int record(self, double loss) except -1 nogil:
        """Append an epoch's loss and count the epochs without improvement."""
        if self.n_iter == self.losses.shape[0]:
            with gil:
                self.losses = np.resize(self.losses, 2 * self.n_iter)
        self.losses[self.n_iter] = loss
        self.n_iter += 1
        if loss > self.best_loss - self.tol:
            self.no_improvement_count += 1
        else:
            self.no_improvement_count = 0
        if loss < self.best_loss:
            self.best_loss = loss
        if self.no_improvement_count > self.n_iter_no_change:
            self.outcome = CONVERGED
        return 0

    cdef int answer_signals(self) except -1 nogil:
        """Let Python handle a signal, such as Ctrl-C, if the interval has passed."""
        if interval_over(&self.last_check):
            with gil:
                PyErr_CheckSignals()
        return 0
