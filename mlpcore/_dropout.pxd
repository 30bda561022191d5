from mlpcore._types cimport real
from numpy.random cimport bitgen_t

cdef class Dropout:
    cdef const double[::1] rates
    cdef object generator
    cdef bitgen_t *stream

cdef void dropout_forward(Dropout dropout, Py_ssize_t layer, real[:, ::1] a,
                          real[:, ::1] slope) noexcept nogil
