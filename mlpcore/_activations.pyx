"""Activations: a = f(z) in place, and d <- d * f'(z) in place, f' written in terms of a.

z, a and d are (m, n): m rows, n units. Identity has nothing to do in either direction;
softmax and exp have no backward of their own, since only log_loss and poisson follow them,
and the joint derivative is a - y (`_losses`).
"""

from mlpcore._types cimport real


cdef extern from "_vmath.h" nogil:
    void mlpcore_vexp_f(float *x, Py_ssize_t n)
    void mlpcore_vexp_d(double *x, Py_ssize_t n)
    void mlpcore_vlogistic_f(float *x, Py_ssize_t n)
    void mlpcore_vlogistic_d(double *x, Py_ssize_t n)
    void mlpcore_vtanh_f(float *x, Py_ssize_t n)
    void mlpcore_vtanh_d(double *x, Py_ssize_t n)


cdef void activation_forward(Activation kind, real[:, ::1] z) noexcept nogil:
    """a = f(z), f chosen by kind."""
    if kind == RELU:
        relu_forward(z)
    elif kind == LOGISTIC:
        logistic_forward(z)
    elif kind == TANH:
        tanh_forward(z)
    elif kind == SOFTMAX:
        softmax_forward(z)
    elif kind == EXP:
        exp_forward(z)


cdef void activation_backward(Activation kind, const real[:, ::1] a, real[:, ::1] d) noexcept nogil:
    """d <- d * f'(z), f chosen by kind."""
    if kind == RELU:
        relu_backward(a, d)
    elif kind == LOGISTIC:
        logistic_backward(a, d)
    elif kind == TANH:
        tanh_backward(a, d)


cpdef void relu_forward(real[:, ::1] z) noexcept nogil:
    """a = max(z, 0); a NaN stays one."""
    cdef Py_ssize_t i, j
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] = 0 if z[i, j] < 0 else z[i, j]


cpdef void relu_backward(const real[:, ::1] a, real[:, ::1] d) noexcept nogil:
    """d <- d where a > 0, else 0."""
    cdef Py_ssize_t i, j
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            d[i, j] = 0 if a[i, j] == 0 else d[i, j]


cpdef void logistic_forward(real[:, ::1] z) noexcept nogil:
    """a = 1 / (1 + exp(-z))."""
    cdef Py_ssize_t i
    if z.shape[1] == 0:
        return
    for i in range(z.shape[0]):
        if real is float:
            mlpcore_vlogistic_f(&z[i, 0], z.shape[1])
        else:
            mlpcore_vlogistic_d(&z[i, 0], z.shape[1])


cpdef void logistic_backward(const real[:, ::1] a, real[:, ::1] d) noexcept nogil:
    """d <- d * a * (1 - a)."""
    cdef Py_ssize_t i, j
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            d[i, j] *= a[i, j] * (<real> 1 - a[i, j])


cpdef void tanh_forward(real[:, ::1] z) noexcept nogil:
    """a = tanh(z)."""
    cdef Py_ssize_t i
    if z.shape[1] == 0:
        return
    for i in range(z.shape[0]):
        if real is float:
            mlpcore_vtanh_f(&z[i, 0], z.shape[1])
        else:
            mlpcore_vtanh_d(&z[i, 0], z.shape[1])


cpdef void tanh_backward(const real[:, ::1] a, real[:, ::1] d) noexcept nogil:
    """d <- d * (1 - a^2)."""
    cdef Py_ssize_t i, j
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            d[i, j] *= <real> 1 - a[i, j] * a[i, j]


cpdef void softmax_forward(real[:, ::1] z) noexcept nogil:
    """a_ij = exp(z_ij - max_j z_ij) / sum_j exp(z_ij - max_j z_ij)."""
    cdef Py_ssize_t i, j
    cdef real largest, total
    for i in range(z.shape[0] if z.shape[1] else 0):
        largest = z[i, 0]
        for j in range(1, z.shape[1]):
            largest = max(largest, z[i, j])
        for j in range(z.shape[1]):
            z[i, j] -= largest
        if real is float:
            mlpcore_vexp_f(&z[i, 0], z.shape[1])
        else:
            mlpcore_vexp_d(&z[i, 0], z.shape[1])
        total = 0
        for j in range(z.shape[1]):
            total += z[i, j]
        for j in range(z.shape[1]):
            z[i, j] /= total


cpdef void exp_forward(real[:, ::1] z) noexcept nogil:
    """a = exp(z)."""
    cdef Py_ssize_t i
    if z.shape[1] == 0:
        return
    for i in range(z.shape[0]):
        if real is float:
            mlpcore_vexp_f(&z[i, 0], z.shape[1])
        else:
            mlpcore_vexp_d(&z[i, 0], z.shape[1])
