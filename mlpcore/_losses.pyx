"""Losses: the sum over the rows of a block, and its derivative with respect to z.

a, y and d are (m, n_outputs). Values and derivatives are sums over the rows: the caller
divides by the number of samples in the batch, of which a block may be a part. With L2
regularization a batch of m samples adds alpha / (2 m) * sum W^2 to the loss (eq. 14 of
the report) and alpha / m * W to the gradient (eq. 15).
"""

from libc.float cimport DBL_EPSILON, FLT_EPSILON
from libc.math cimport log

from mlpcore._activations cimport Activation, activation_backward
from mlpcore._blas cimport sum_of_squares
from mlpcore._types cimport real


cdef double loss_forward(Loss kind, const real[:, ::1] a, const real[:, ::1] y) noexcept nogil:
    """Return the loss summed over the rows, chosen by kind."""
    if kind == MSE:
        return mse_forward(a, y)
    if kind == LOG_LOSS:
        return log_loss_forward(a, y)
    return binary_log_loss_forward(a, y)


cdef void loss_backward(Loss kind, Activation output, const real[:, ::1] a, const real[:, ::1] y,
                        real[:, ::1] d) noexcept nogil:
    """d = dL/dz: 2 (a - y) f'(z) for mse, a - y for log_loss after softmax or logistic."""
    if kind == MSE:
        residual(a, y, 2, d)
        activation_backward(output, a, d)
    else:
        residual(a, y, 1, d)


cpdef double mse_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil:
    """Return sum_ij (a_ij - y_ij)^2 (eq. 13 times m)."""
    cdef Py_ssize_t i, j
    cdef double total = 0.0, difference
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            difference = a[i, j] - y[i, j]
            total += difference * difference
    return total


cdef inline double log_clipped(double p, double eps) noexcept nogil:
    """Return log of p clipped to [eps, 1 - eps], as scikit-learn does."""
    return log(min(max(p, eps), 1 - eps))


cpdef double log_loss_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil:
    """Return -sum_ij y_ij log a_ij; a from softmax."""
    cdef Py_ssize_t i, j
    cdef double total = 0.0
    cdef double eps = FLT_EPSILON if real is float else DBL_EPSILON
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            if y[i, j] != 0:
                total -= y[i, j] * log_clipped(a[i, j], eps)
    return total


cpdef double binary_log_loss_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil:
    """Return -sum_ij (y_ij log a_ij + (1 - y_ij) log(1 - a_ij)); a from logistic."""
    cdef Py_ssize_t i, j
    cdef double total = 0.0
    cdef double eps = FLT_EPSILON if real is float else DBL_EPSILON
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            if y[i, j] != 0:
                total -= y[i, j] * log_clipped(a[i, j], eps)
            if y[i, j] != 1:
                total -= (1 - y[i, j]) * log_clipped(1 - a[i, j], eps)
    return total


cpdef void residual(const real[:, ::1] a, const real[:, ::1] y, real factor,
                    real[:, ::1] d) noexcept nogil:
    """d = factor (a - y)."""
    cdef Py_ssize_t i, j
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            d[i, j] = factor * (a[i, j] - y[i, j])


cpdef double l2_penalty(const real[::1] weights, double alpha) noexcept nogil:
    """Return alpha / 2 * sum_i w_i^2."""
    return 0.5 * alpha * sum_of_squares(weights) if alpha != 0 else 0.0
