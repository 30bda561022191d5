from mlpcore._types cimport real

cdef class Reduction:
    cdef size_t function
    cdef size_t in_place
    cdef size_t communicator
    cdef size_t add
    cdef size_t kind
    cdef bint handles_are_pointers
    cdef readonly object buffer
    cdef readonly Py_ssize_t n_samples
    cdef Py_ssize_t batch_size
    cdef const Py_ssize_t[::1] cuts
    cdef public bint is_due
    cdef public bint interrupted

cdef Py_ssize_t n_of_all(Reduction reduction, Py_ssize_t n) noexcept nogil
cdef Py_ssize_t most_rows(Reduction reduction, Py_ssize_t batch_size, Py_ssize_t n) noexcept nogil
cdef Py_ssize_t[::1] own_part(Reduction reduction, Py_ssize_t[::1] index, Py_ssize_t start,
                              Py_ssize_t stop) noexcept nogil
cdef int reduce_step(Reduction reduction, real[::1] sums, double *loss, double *mass,
                     bint is_whole) except -1 nogil
