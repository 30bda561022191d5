cimport cython


@cython.final
cdef class Pace:
    cdef double[2] seconds
    cdef Py_ssize_t turn
    cdef Py_ssize_t pause
    cdef int n_slow
    cdef bint shares

    cpdef bint is_shared(self) noexcept nogil
    cpdef void took(self, double seconds) noexcept nogil
