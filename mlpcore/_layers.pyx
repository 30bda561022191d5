"""The affine map of a layer, Z = X W + b, and its gradients.

X is (m, n_in), Z and its delta D are (m, n_out), all possibly columns of wider scratch.
W is (n_in, n_out) in C order and lies in a flat vector, so it comes as (n_in * n_out,).
b is (n_out,), or (1,): one scalar shared by all units of the layer.
"""

from mlpcore._blas cimport gemm_nn, gemm_nt, gemm_tn
from mlpcore._types cimport real


cpdef int affine_forward(const real[:, ::1] X, const real[::1] W, const real[::1] b,
                         real[:, ::1] Z) except -1 nogil:
    """Z = X W + b."""
    cdef Py_ssize_t i, j, m = X.shape[0], n_in = X.shape[1], n_out = Z.shape[1]
    cdef bint shared = b.shape[0] == 1
    if m == 0 or n_out == 0:
        return 0
    for i in range(m):
        for j in range(n_out):
            Z[i, j] = b[0] if shared else b[j]
    if n_in == 0:
        return 0
    return gemm_nn(m, n_out, n_in, &X[0, 0], row_stride(X), &W[0], n_out,
                   <real> 1, <real> 1, &Z[0, 0], row_stride(Z))


cpdef int affine_input_gradient(const real[:, ::1] D, const real[::1] W,
                                real[:, ::1] d_X) except -1 nogil:
    """d_X = D W^T."""
    cdef Py_ssize_t m = D.shape[0], n_in = d_X.shape[1], n_out = D.shape[1]
    if m == 0 or n_in == 0 or n_out == 0:
        return 0
    return gemm_nt(m, n_in, n_out, &D[0, 0], row_stride(D), &W[0], n_out,
                   <real> 1, <real> 0, &d_X[0, 0], row_stride(d_X))


cpdef int affine_gradient(const real[:, ::1] X, const real[:, ::1] D, real alpha, real beta,
                          real[::1] d_W) except -1 nogil:
    """d_W = alpha X^T D + beta d_W."""
    cdef Py_ssize_t m = D.shape[0], n_in = X.shape[1], n_out = D.shape[1]
    if n_in == 0 or n_out == 0:
        return 0
    return gemm_tn(n_in, n_out, m, &X[0, 0] if m else NULL, row_stride(X),
                   &D[0, 0] if m else NULL, row_stride(D), alpha, beta, &d_W[0], n_out)


cpdef void sum_rows(const real[:, ::1] D, real alpha, real beta, real[::1] d_b) noexcept nogil:
    """d_b = alpha sum_i D_i + beta d_b; for a shared bias, the sum over the units too."""
    cdef Py_ssize_t i, j
    cdef bint shared = d_b.shape[0] == 1
    for j in range(d_b.shape[0]):
        # 0 * NaN is NaN: with beta = 0, what stands there does not count.
        d_b[j] = beta * d_b[j] if beta != 0 else 0
    for i in range(D.shape[0]):
        if shared:
            d_b[0] += alpha * sum_row(D, i)
        else:
            for j in range(D.shape[1]):
                d_b[j] += alpha * D[i, j]


cdef real sum_row(const real[:, ::1] D, Py_ssize_t i) noexcept nogil:
    """Return sum_j D_ij."""
    # Eight partial sums: one alone would wait for each addition to finish.
    cdef real[8] parts
    cdef Py_ssize_t j = 0, k, n = D.shape[1]
    for k in range(8):
        parts[k] = 0
    while j + 8 <= n:
        for k in range(8):
            parts[k] += D[i, j + k]
        j += 8
    for k in range(n - j):
        parts[k] += D[i, j + k]
    return (((parts[0] + parts[4]) + (parts[1] + parts[5]))
            + ((parts[2] + parts[6]) + (parts[3] + parts[7])))


cdef inline Py_ssize_t row_stride(const real[:, ::1] A) noexcept nogil:
    """Return the distance between two rows, in elements."""
    return A.strides[0] // <Py_ssize_t> sizeof(real)
