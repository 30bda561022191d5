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


cdef double clock_seconds() noexcept nogil:
    """Return the time of day."""
    cdef timespec clock
    timespec_get(&clock, TIME_UTC)
    return clock.tv_sec + 1e-9 * clock.tv_nsec


cdef bint interval_over(double *last) noexcept nogil:
    """Whether the interval has passed since last, which is then set to now."""
    cdef double now = clock_seconds()
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
        self.epochs = np.empty((256, 4))
        interval_over(&self.last_check)
        interval_over(&self.last_report)

    @property
    def loss_curve(self):
        """The mean loss of each finished epoch, as a list."""
        return self.column(0)

    @property
    def learning_rates(self):
        """The learning rate of each finished epoch, as a list."""
        return self.column(1)

    @property
    def gradient_norms(self):
        """The mean length of the gradients of each finished epoch, if measured, as a list."""
        return self.column(2)

    @property
    def seconds(self):
        """The seconds that each finished epoch took, as a list."""
        return self.column(3)

    cdef list column(self, int k):
        return np.asarray(self.epochs)[:self.n_iter, k].tolist()

    cdef void start_clock(self) noexcept nogil:
        """Begin to measure an epoch."""
        self.epoch_start = clock_seconds()

    cdef int record(self, double loss, double learning_rate, double gradient_norm) except -1 nogil:
        """Append an epoch's figures and count the epochs without improvement."""
        cdef double now = clock_seconds()
        if self.n_iter == self.epochs.shape[0]:
            with gil:
                self.epochs = np.concatenate([self.epochs, self.epochs])
        self.epochs[self.n_iter, 0] = loss
        self.epochs[self.n_iter, 1] = learning_rate
        self.epochs[self.n_iter, 2] = gradient_norm
        self.epochs[self.n_iter, 3] = now - self.epoch_start
        self.epoch_start = now
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
