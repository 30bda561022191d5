"""Whether values are finite: what data is searched for before it is used, and weights after it."""

import numpy as np

from mlpcore._team cimport Team
from mlpcore._types cimport real

cdef extern from "_finite.h" nogil:
    int MLPCORE_FINITE_PARTS
    ctypedef struct mlpcore_finite_job:
        Py_ssize_t n
        const void *x
        int *finite
    int mlpcore_finite_f(const void *x, Py_ssize_t n)
    int mlpcore_finite_d(const void *x, Py_ssize_t n)
    void mlpcore_finite_parts_f(const void *job, int thread, int n_threads)
    void mlpcore_finite_parts_d(const void *job, int thread, int n_threads)


cdef bint is_finite(const real *x, Py_ssize_t n) noexcept nogil:
    """Whether none of n values is infinite or NaN."""
    return mlpcore_finite_f(x, n) if real is float else mlpcore_finite_d(x, n)


def all_finite(const real[:, ::1] X, int n_threads=1):
    """Whether no value of a matrix is infinite or NaN.

    Parameters
    ----------
    X : C-contiguous ndarray of float32 or float64
    n_threads : int, default=1
        More than one halve the time of some megabytes, and take longer for less.

    Returns
    -------
    bool
    """
    cdef Py_ssize_t n = X.shape[0] * X.shape[1]
    if n == 0:
        return True
    if n_threads == 1:
        return is_finite(&X[0, 0], n)
    cdef Team team = Team(n_threads)
    cdef int[::1] finite = np.empty(MLPCORE_FINITE_PARTS, np.intc)
    cdef mlpcore_finite_job job
    job.n, job.x, job.finite = n, &X[0, 0], &finite[0]
    with nogil:
        team.run(mlpcore_finite_parts_f if real is float else mlpcore_finite_parts_d, &job, n)
    return bool(np.all(finite))
