from mlpcore._types cimport real

cdef int gemm_nn(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                 const real *A, Py_ssize_t lda, const real *B, Py_ssize_t ldb,
                 real alpha, real beta, real *C, Py_ssize_t ldc) except -1 nogil
cdef int gemm_nt(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                 const real *A, Py_ssize_t lda, const real *B, Py_ssize_t ldb,
                 real alpha, real beta, real *C, Py_ssize_t ldc) except -1 nogil
cdef int gemm_tn(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                 const real *A, Py_ssize_t lda, const real *B, Py_ssize_t ldb,
                 real alpha, real beta, real *C, Py_ssize_t ldc) except -1 nogil
