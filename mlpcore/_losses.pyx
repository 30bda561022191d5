"""Losses: the sum over the rows of a block, and its derivative with respect to z.

a, y and d are (m, n_outputs). Values and derivatives are sums over the rows, each times
its sample's weight if there are weights: the caller divides by the sum of the weights, or
the number of samples, of the batch, of which a block may be a part. With L2
regularization a batch of m samples adds alpha / (2 m) * sum W^2 to the loss (eq. 14 of
the report) and alpha / m * W to the gradient (eq. 15).
"""

from libc.float cimport DBL_EPSILON, FLT_EPSILON
from libc.math cimport fabs, log

from mlpcore._activations cimport Activation, activation_backward
from mlpcore._team cimport Team
from mlpcore._types cimport real

cdef extern from "_squares.h" nogil:
    enum: MLPCORE_PARTS
    ctypedef struct mlpcore_square_job:
        Py_ssize_t n
        const void *x
        double *parts
    void mlpcore_squares_f(const void *job, int thread, int n_threads)
    void mlpcore_squares_d(const void *job, int thread, int n_threads)


cdef class Objective:
    """A loss with its parameters.

    Parameters
    ----------
    loss : Loss
    huber_delta : float, default=1.0
        Where HUBER turns from squares to absolute values.
    """

    def __init__(self, Loss loss, double huber_delta=1.0):
        self.loss = loss
        self.huber_delta = huber_delta


cdef Objective as_objective(loss):
    """Return a loss with its parameters."""
    return loss if isinstance(loss, Objective) else Objective(loss)


cdef double loss_forward(Objective objective, const real[:, ::1] a, const real[:, ::1] y,
                         const real[::1] weights, const Py_ssize_t[::1] index) noexcept nogil:
    """Return the loss summed over the rows, each times weights[index[i]] if there are any."""
    cdef Py_ssize_t i
    cdef double total = 0.0
    if weights.shape[0] == 0:
        return value(objective, a, y)
    for i in range(a.shape[0]):
        total += weights[index[i]] * value(objective, a[i:i + 1], y[i:i + 1])
    return total


cdef double value(Objective objective, const real[:, ::1] a, const real[:, ::1] y) noexcept nogil:
    """Return the loss summed over the rows."""
    if objective.loss == MSE:
        return mse_forward(a, y)
    if objective.loss == LOG_LOSS:
        return log_loss_forward(a, y)
    if objective.loss == BINARY_LOG_LOSS:
        return binary_log_loss_forward(a, y)
    if objective.loss == SQUARED_ERROR:
        return squared_error_forward(a, y)
    if objective.loss == POISSON:
        return poisson_forward(a, y)
    if objective.loss == HUBER:
        return huber_forward(a, y, objective.huber_delta)
    return absolute_error_forward(a, y)


cdef void loss_backward(Objective objective, Activation output, const real[:, ::1] a,
                        const real[:, ::1] y, const real[::1] weights,
                        const Py_ssize_t[::1] index, real[:, ::1] d) noexcept nogil:
    """d = dL/dz, times the weights.

    It is a - y for log_loss after softmax or logistic, squared_error after identity and
    poisson after exp, 2 (a - y) f'(z) for mse, and clipped for the other two.
    """
    cdef Py_ssize_t i, j
    if objective.loss == HUBER:
        clipped_residual(a, y, objective.huber_delta, d)
    elif objective.loss == ABSOLUTE_ERROR:
        sign_of_residual(a, y, d)
    else:
        residual(a, y, 2 if objective.loss == MSE else 1, d)
    if objective.loss == MSE:
        activation_backward(output, a, d)
    for i in range(d.shape[0] if weights.shape[0] else 0):
        for j in range(d.shape[1]):
            d[i, j] *= weights[index[i]]


cpdef double mse_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil:
    """Return sum_ij (a_ij - y_ij)^2 (eq. 13 times m)."""
    cdef Py_ssize_t i, j
    cdef double total = 0.0, difference
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            difference = a[i, j] - y[i, j]
            total += difference * difference
    return total


cpdef double squared_error_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil:
    """Return sum_ij (a_ij - y_ij)^2 / (2 n_outputs), as scikit-learn does.

    Its derivative, a - y, is that of the sum over the outputs: so does scikit-learn.
    """
    return mse_forward(a, y) / (2.0 * a.shape[1])


cpdef double absolute_error_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil:
    """Return sum_ij |a_ij - y_ij|."""
    cdef Py_ssize_t i, j
    cdef double total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += fabs(a[i, j] - y[i, j])
    return total


cpdef double huber_forward(const real[:, ::1] a, const real[:, ::1] y,
                           double delta) noexcept nogil:
    """Return sum_ij r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2); r = a - y.

    P. J. Huber, "Robust estimation of a location parameter" (1964).
    """
    cdef Py_ssize_t i, j
    cdef double total = 0.0, r
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            r = fabs(a[i, j] - y[i, j])
            total += 0.5 * r * r if r <= delta else delta * (r - 0.5 * delta)
    return total


cpdef double poisson_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil:
    """Return sum_ij (y_ij log(y_ij / a_ij) - y_ij + a_ij), half the Poisson deviance."""
    cdef Py_ssize_t i, j
    cdef double total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += a[i, j] - y[i, j]
            if y[i, j] != 0:
                total += y[i, j] * log(y[i, j] / a[i, j])
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


cpdef void clipped_residual(const real[:, ::1] a, const real[:, ::1] y, double delta,
                            real[:, ::1] d) noexcept nogil:
    """d = a - y, clipped to [-delta, delta]."""
    cdef Py_ssize_t i, j
    cdef real most = delta
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            d[i, j] = min(max(a[i, j] - y[i, j], -most), most)


cpdef void sign_of_residual(const real[:, ::1] a, const real[:, ::1] y,
                            real[:, ::1] d) noexcept nogil:
    """d = sign(a - y)."""
    cdef Py_ssize_t i, j
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            d[i, j] = (a[i, j] > y[i, j]) - (a[i, j] < y[i, j])


cpdef double l2_penalty(Team team, const real[::1] weights, double alpha) noexcept nogil:
    """Return alpha / 2 * sum_i w_i^2."""
    cdef double[MLPCORE_PARTS] parts
    cdef mlpcore_square_job job
    cdef double total = 0.0
    cdef int p
    if alpha == 0 or weights.shape[0] == 0:
        return 0.0
    job.n, job.x, job.parts = weights.shape[0], &weights[0], parts
    # To come from memory takes an element as long as some multiplications.
    team.run(mlpcore_squares_f if real is float else mlpcore_squares_d, &job, 4.0 * job.n)
    for p in range(MLPCORE_PARTS):
        total += parts[p]
    return 0.5 * alpha * total
