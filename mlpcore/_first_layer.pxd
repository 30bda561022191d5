from mlpcore._network cimport Network
from mlpcore._optimizers cimport Optimizer
from mlpcore._rows cimport Rows
from mlpcore._sparse cimport SparseBlock
from mlpcore._team cimport Team

cpdef enum:
    # The narrowest tile of the sparse kernels, 64 bytes of float32.
    SPARSE_LEAST_UNITS = 16

cdef bint steps_may_wait(Optimizer optimizer, Rows rows, double alpha, Py_ssize_t n_rows)
cdef Py_ssize_t rows_of_a_block(Rows rows, bint sparse, Py_ssize_t n) noexcept nogil
cdef SparseBlock new_block(bint sparse, Network network, Rows rows, Py_ssize_t n_rows, dtype,
                           Team team, bint is_backward=*)
