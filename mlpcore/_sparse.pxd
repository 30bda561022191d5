from libc.stdint cimport int32_t

from mlpcore._activations cimport Activation
from mlpcore._optimizers cimport mlpcore_update, Optimizer
from mlpcore._published cimport mlpcore_published, Published
from mlpcore._rows cimport Rows
from mlpcore._team cimport Team
from mlpcore._types cimport real

cdef enum:
    # More gain nothing; a batch of up to so many makes its step where its gradient is.
    SPARSE_BLOCK_ROWS = 256

cdef class IdleSteps:
    cdef Optimizer optimizer
    cdef Py_ssize_t n_units
    cdef Py_ssize_t n_steps
    cdef Py_ssize_t most_live
    cdef int32_t[::1] done
    cdef double[::1] rates
    cdef double keep

cdef class SparseBlock:
    cdef IdleSteps idle
    cdef Rows rows
    cdef Team team
    cdef int32_t[:, ::1] starts
    cdef int32_t[:, ::1] lists
    cdef int32_t[:, ::1] groups
    cdef unsigned char[:, ::1] values
    cdef unsigned char[:, ::1] published
    cdef Published copies_of_W
    cdef mlpcore_published of_W, of_Z
    cdef unsigned char[::1] parts
    cdef unsigned char[::1] packed
    cdef int n_parts, n_copies
    cdef bint is_private, publishes, packs, is_first
    cdef Py_ssize_t capacity, most, per_group, n_groups, n_stretches
    cdef const Py_ssize_t *next
    cdef const Py_ssize_t *after
    cdef Py_ssize_t n_next, n_after

cdef class WalkRoom:
    cdef int32_t[::1] groups
    cdef unsigned char[::1] values

cdef void begin_step(SparseBlock block, const mlpcore_update *update) noexcept nogil
cdef void idle_steps(SparseBlock block, bint settles, real[::1] params,
                     real[:, :] state) noexcept nogil
cdef void walk(WalkRoom room, const real *x, const real[::1] W, const real[::1] b,
               Activation kind, real[::1] a) noexcept nogil
cdef void expect(SparseBlock block, const Py_ssize_t[::1] index) noexcept nogil
cdef void sparse_gather(SparseBlock block, const Py_ssize_t[::1] index, Py_ssize_t start,
                        Py_ssize_t stop, const real[:, ::1] Z) noexcept nogil
cdef void sparse_forward(SparseBlock block, const real[::1] W, const real[::1] b,
                         Activation kind, real[:, ::1] A) noexcept nogil
cdef void sparse_gradient(SparseBlock block, real[:, ::1] D, const mlpcore_update *update,
                          real[::1] d_W, real[:, :] state, real[::1] sums) noexcept nogil
