from mlpcore._types cimport real
from numpy.random cimport bitgen_t

cdef enum RowType:
    FLOAT32, FLOAT64, UINT8

cdef class Rows:
    cdef RowType dtype
    cdef const float[:, ::1] f32
    cdef const double[:, ::1] f64
    cdef const unsigned char[:, ::1] u8
    cdef float[256] table_f32
    cdef double[256] table_f64
    cdef readonly double scale
    cdef readonly Py_ssize_t n_samples
    cdef readonly Py_ssize_t n_features

cdef void gather(Rows rows, const Py_ssize_t[::1] index, real[:, ::1] out) noexcept nogil
cdef void copy_rows(Rows rows, Py_ssize_t start, real[:, ::1] out) noexcept nogil
cdef double density(Rows rows, Py_ssize_t step) noexcept nogil
cdef void gather_targets(const real[:, ::1] Y, const Py_ssize_t[::1] index,
                         real[:, ::1] out) noexcept nogil
cdef void shuffle(Py_ssize_t[::1] index, bitgen_t *bitgen) noexcept nogil
