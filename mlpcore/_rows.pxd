from numpy.random cimport bitgen_t

from mlpcore._team cimport Team
from mlpcore._types cimport real

cdef extern from "_rows.h" nogil:
    ctypedef struct mlpcore_rows:
        int type
        const void *X
        Py_ssize_t n_features
        double scale
        const float *table_f32
        const double *table_f64
    ctypedef struct mlpcore_gather_job:
        const mlpcore_rows *rows
        const Py_ssize_t *index
        Py_ssize_t m, stride
        void *out
    int FLOAT32 "MLPCORE_FLOAT32"
    int FLOAT64 "MLPCORE_FLOAT64"
    int UINT8 "MLPCORE_UINT8"
    int PAIR "MLPCORE_PAIR"
    void mlpcore_convert_row_f(const mlpcore_rows *rows, Py_ssize_t i, float *out)
    void mlpcore_convert_row_d(const mlpcore_rows *rows, Py_ssize_t i, double *out)
    void mlpcore_gather_f(const void *job, int thread, int n_threads)
    void mlpcore_gather_d(const void *job, int thread, int n_threads)

cdef class Rows:
    cdef mlpcore_rows dense
    cdef int dtype
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
cdef mlpcore_gather_job gather_job(Rows rows, const Py_ssize_t[::1] index,
                                   real[:, ::1] out) noexcept nogil
cdef void gather(Team team, Rows rows, const Py_ssize_t[::1] index,
                 real[:, ::1] out) noexcept nogil
cdef Py_ssize_t most_nonzeros(Rows rows) noexcept nogil
cdef double density(Rows rows, Py_ssize_t step) noexcept nogil
cdef Py_ssize_t count_groups(Rows rows, Py_ssize_t step, Py_ssize_t size) noexcept nogil
cdef void gather_targets(const real[:, ::1] Y, const Py_ssize_t[::1] index,
                         real[:, ::1] out) noexcept nogil
cdef void shuffle(Py_ssize_t[::1] index, bitgen_t *bitgen) noexcept nogil
