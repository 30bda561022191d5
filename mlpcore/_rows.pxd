from mlpcore._types cimport real
from numpy.random cimport bitgen_t

cdef enum RowType:
    FLOAT32, FLOAT64, UINT8

cdef class Rows:
    cdef RowType dtype
    cdef const float[:, ::1] f32
    cdef const double[:, ::1] f64
    cdef const unsigned char[:, ::1] u8
    cdef readonly bint is_csr
    cdef const float[::1] csr_f32
    cdef const double[::1] csr_f64
    cdef const int[::1] csr_feature
    cdef const Py_ssize_t[::1] csr_start
    cdef float[256] table_f32
    cdef double[256] table_f64
    cdef readonly double scale
    cdef readonly Py_ssize_t n_samples
    cdef readonly Py_ssize_t n_features

cdef void convert_row(Rows rows, Py_ssize_t i, real *out) noexcept nogil
cdef void gather(Rows rows, const Py_ssize_t[::1] index, real[:, ::1] out) noexcept nogil
cdef Py_ssize_t most_nonzeros(Rows rows) noexcept nogil
cdef double density(Rows rows, Py_ssize_t step) noexcept nogil
cdef void gather_targets(const real[:, ::1] Y, const Py_ssize_t[::1] index,
                         real[:, ::1] out) noexcept nogil
cdef void shuffle(Py_ssize_t[::1] index, bitgen_t *bitgen) noexcept nogil
