"""The one door to the BLAS behind scipy.linalg.cython_blas: row-major, scalars by value.

BLAS is column-major and takes C-ordered matrices for their transposes, so each product
here asks it for C^T = op(B)^T op(A)^T. A leading dimension is the distance between the
starts of two rows, in elements. SciPy builds this interface with 32-bit integers; a
SciPy built otherwise is refused at import, by the signature check of Cython.
"""

from libc.limits cimport INT_MAX

from scipy.linalg.cython_blas cimport dgemm, sgemm

from mlpcore._types cimport real


cdef int check_sizes(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                     Py_ssize_t lda, Py_ssize_t ldb, Py_ssize_t ldc) except -1 nogil:
    """Raise where a size does not fit the integers of the BLAS."""
    if max(m, n, k, lda, ldb, ldc) > INT_MAX:
        with gil:
            raise OverflowError(
                f"matrix product of ({m} x {k}) and ({k} x {n}), rows {lda}, {ldb} and {ldc} "
                f"elements apart: BLAS allows no size above {INT_MAX}"
            )
    return 0


cdef int gemm(bint trans_a, bint trans_b, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
              const real *A, Py_ssize_t lda, const real *B, Py_ssize_t ldb,
              real alpha, real beta, real *C, Py_ssize_t ldc) except -1 nogil:
    """C = alpha op(A) op(B) + beta C; op(A) (m, k), op(B) (k, n), C (m, n)."""
    check_sizes(m, n, k, lda, ldb, ldc)
    cdef char op_a = c"T" if trans_a else c"N"
    cdef char op_b = c"T" if trans_b else c"N"
    cdef int rows = <int> m, columns = <int> n, inner = <int> k
    # BLAS wants leading dimensions of at least one, also for empty matrices.
    cdef int a = <int> max(lda, 1), b = <int> max(ldb, 1), c = <int> max(ldc, 1)
    if real is float:
        sgemm(&op_b, &op_a, &columns, &rows, &inner,
              &alpha, <float *> B, &b, <float *> A, &a, &beta, C, &c)
    else:
        dgemm(&op_b, &op_a, &columns, &rows, &inner,
              &alpha, <double *> B, &b, <double *> A, &a, &beta, C, &c)
    return 0


cdef int gemm_nn(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                 const real *A, Py_ssize_t lda, const real *B, Py_ssize_t ldb,
                 real alpha, real beta, real *C, Py_ssize_t ldc) except -1 nogil:
    """C = alpha A B + beta C; A (m, k), B (k, n), C (m, n)."""
    return gemm(False, False, m, n, k, A, lda, B, ldb, alpha, beta, C, ldc)


cdef int gemm_nt(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                 const real *A, Py_ssize_t lda, const real *B, Py_ssize_t ldb,
                 real alpha, real beta, real *C, Py_ssize_t ldc) except -1 nogil:
    """C = alpha A B^T + beta C; A (m, k), B (n, k), C (m, n)."""
    return gemm(False, True, m, n, k, A, lda, B, ldb, alpha, beta, C, ldc)


cdef int gemm_tn(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                 const real *A, Py_ssize_t lda, const real *B, Py_ssize_t ldb,
                 real alpha, real beta, real *C, Py_ssize_t ldc) except -1 nogil:
    """C = alpha A^T B + beta C; A (k, m), B (k, n), C (m, n)."""
    return gemm(True, False, m, n, k, A, lda, B, ldb, alpha, beta, C, ldc)


def matmul(const real[:, ::1] A, const real[:, ::1] B, real alpha, real beta, real[:, ::1] C,
           *, bint trans_a=False, bint trans_b=False):
    """Compute C = alpha op(A) op(B) + beta C in place, op being the identity or transpose.

    Parameters
    ----------
    A, B, C : C-contiguous ndarrays of one dtype, float32 or float64
        op(A) (m, k), op(B) (k, n) and C (m, n); C must not overlap A or B.
    alpha, beta : float
    trans_a, trans_b : bool, default=False
        Use the transpose of A or of B. Both at once is not offered.

    Raises
    ------
    ValueError
        If the shapes do not agree, or both operands are to be transposed.
    OverflowError
        If a dimension is above 2^31 - 1.
    """
    cdef Py_ssize_t m = A.shape[1] if trans_a else A.shape[0]
    cdef Py_ssize_t k = A.shape[0] if trans_a else A.shape[1]
    cdef Py_ssize_t n = B.shape[0] if trans_b else B.shape[1]
    cdef Py_ssize_t k_b = B.shape[1] if trans_b else B.shape[0]
    if trans_a and trans_b:
        raise ValueError("trans_a=True and trans_b=True: at most one may be transposed")
    if k_b != k or C.shape[0] != m or C.shape[1] != n:
        raise ValueError(
            f"op(A) ({m}, {k}), op(B) ({k_b}, {n}) and C ({C.shape[0]}, {C.shape[1]}): "
            "shapes must be (m, k), (k, n) and (m, n)"
        )
    check_sizes(m, n, k, A.shape[1], B.shape[1], C.shape[1])
    if m == 0 or n == 0:
        return
    cdef const real *a = &A[0, 0] if k else NULL
    cdef const real *b = &B[0, 0] if k else NULL
    with nogil:
        gemm(trans_a, trans_b, m, n, k, a, A.shape[1], b, B.shape[1],
             alpha, beta, &C[0, 0], C.shape[1])
