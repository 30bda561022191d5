"""The one door to MPI: the sums of a step become those of all ranks.

There is no MPI where this is compiled. mpi4py, imported by whoever has a communicator, has
loaded a library: the address of its MPI_Allreduce and the handles come from there
(`_ranks.py`), so that the same build runs with each MPI that mpi4py runs with. Handles are
pointers in Open MPI and in the standard ABI of MPI 5, and integers in MPICH's; the
functions are called by the type that the library has.
"""

import numpy as np

from libc.limits cimport INT_MAX

from mlpcore._types cimport real

ctypedef int (*by_pointers)(const void *, void *, int, void *, void *, void *) noexcept nogil
ctypedef int (*by_integers)(const void *, void *, int, int, int, int) noexcept nogil

cdef enum:
    # What follows the gradient in a message: loss, weight, ranks that did not get so far.
    N_EXTRA = 3


class OtherRankError(RuntimeError):
    """A step was not made, because another rank has failed or was interrupted in it."""


cdef class Reduction:
    """What a process needs to train on its part of batches that several ranks share.

    Parameters
    ----------
    entry : dict
        "function", the address of MPI_Allreduce; "in_place", "communicator", "add" and
        "kind", of the dtype, what it takes; "handle_bytes", the size of a handle.
    n_params : int
    dtype : numpy.dtype
        Of the parameters.
    n_samples : int
        Of all ranks.
    batch_size : int
        Of all ranks.
    cuts : ndarray of intp
        Where in the order of this rank's rows its part of each batch begins, and the last
        ends.

    Attributes
    ----------
    buffer : ndarray of shape (n_params + 3,)
        The gradient, and what goes with it.
    is_due : bool
        Whether the next that the ranks do together is the sum of a step.
    interrupted : bool
        Set by a signal: the next step is not made, on any rank.
    """

    def __init__(self, dict entry, Py_ssize_t n_params, dtype, Py_ssize_t n_samples,
                 Py_ssize_t batch_size, const Py_ssize_t[::1] cuts):
        self.function, self.in_place = entry["function"], entry["in_place"]
        self.communicator, self.add = entry["communicator"], entry["add"]
        self.kind = entry["kind"]
        self.handles_are_pointers = entry["handle_bytes"] == sizeof(void *)
        self.buffer = np.zeros(n_params + N_EXTRA, dtype)
        self.n_samples, self.batch_size, self.cuts = n_samples, batch_size, cuts
        self.is_due = self.interrupted = False

    def fail(self):
        """Take part in the sum of a step that this rank does not get to."""
        if self.buffer.dtype == np.float32:
            take_part[float](self, self.buffer)
        else:
            take_part[double](self, self.buffer)


cdef int take_part(Reduction reduction, real[::1] sums) except -1:
    """Let the others know."""
    cdef double loss = 0.0, mass = 0.0
    with nogil:
        reduce_step(reduction, sums, &loss, &mass, False)
    return 0


cdef int allreduce(Reduction reduction, real *x, Py_ssize_t n) except -1 nogil:
    """x (n,) becomes its sum over the ranks."""
    cdef Py_ssize_t start = 0
    cdef int m, error = 0
    while start < n and error == 0:
        m = <int> min(n - start, INT_MAX)
        if reduction.handles_are_pointers:
            error = (<by_pointers> reduction.function)(
                <void *> reduction.in_place, x + start, m, <void *> reduction.kind,
                <void *> reduction.add, <void *> reduction.communicator)
        else:
            error = (<by_integers> reduction.function)(
                <void *> reduction.in_place, x + start, m, <int> reduction.kind,
                <int> reduction.add, <int> reduction.communicator)
        start += m
    if error:
        with gil:
            reduction.is_due = False
            raise RuntimeError(f"MPI_Allreduce failed with error {error}")
    return 0


cdef int reduce_step(Reduction reduction, real[::1] sums, double *loss, double *mass,
                     bint is_whole) except -1 nogil:
    """Sum the gradient in sums (n_params + 3,), loss and mass over the ranks.

    A rank that is not whole takes part, so that nobody waits for it; then all others raise.
    """
    cdef Py_ssize_t n = sums.shape[0] - N_EXTRA
    cdef bint stops = not is_whole or reduction.interrupted
    sums[n], sums[n + 1], sums[n + 2] = <real> loss[0], <real> mass[0], stops
    allreduce(reduction, &sums[0], sums.shape[0])
    loss[0], mass[0] = sums[n], sums[n + 1]
    if sums[n + 2] > 0:
        reduction.is_due = False
        if is_whole:
            with gil:
                raise OtherRankError
    return 0


cdef Py_ssize_t n_of_all(Reduction reduction, Py_ssize_t n) noexcept nogil:
    """Return how many samples an epoch has, n of them here."""
    return n if reduction is None else reduction.n_samples


cdef Py_ssize_t most_rows(Reduction reduction, Py_ssize_t batch_size, Py_ssize_t n) noexcept nogil:
    """Return the most rows that this process has in a batch; n are its rows."""
    cdef Py_ssize_t i, most = 0
    if reduction is None:
        return min(batch_size, n)
    for i in range(reduction.cuts.shape[0] - 1):
        most = max(most, reduction.cuts[i + 1] - reduction.cuts[i])
    return most


cdef Py_ssize_t[::1] own_part(Reduction reduction, Py_ssize_t[::1] index, Py_ssize_t start,
                              Py_ssize_t stop) noexcept nogil:
    """Return this process's rows of the batch from start to stop, counted over all ranks.

    There are none after the last batch.
    """
    cdef Py_ssize_t batch
    if reduction is None or start == stop:
        return index[start:stop]
    batch = start // reduction.batch_size
    return index[reduction.cuts[batch]:reduction.cuts[batch + 1]]
