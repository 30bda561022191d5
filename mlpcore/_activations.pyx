"""Activations: a = f(z) in place, and d <- d * f'(z) in place, f' written in terms of a.

z, a and d are (m, n): m rows, n units. Identity has nothing to do in either direction;
softmax and exp have no backward of their own, since only log_loss and poisson follow them,
and the joint derivative is a - y (`_losses`). Where f' cannot be written in terms of a,
the forward pass also gives the slope f'(z), if it has columns.
"""

from libc.math cimport erfc, exp, expf

from mlpcore._types cimport real

cdef double LEAK = 0.01
cdef double ROOT_HALF = 0.70710678118654752440
cdef double DENSITY_AT_0 = 0.39894228040143267794  # 1 / sqrt(2 pi)


cdef extern from "_vmath.h" nogil:
    void mlpcore_vexp_f(float *x, Py_ssize_t n)
    void mlpcore_vexp_d(double *x, Py_ssize_t n)
    void mlpcore_vlogistic_f(float *x, Py_ssize_t n)
    void mlpcore_vlogistic_d(double *x, Py_ssize_t n)
    void mlpcore_vtanh_f(float *x, Py_ssize_t n)
    void mlpcore_vtanh_d(double *x, Py_ssize_t n)


cdef bint needs_slope(Activation kind) noexcept nogil:
    """Whether f'(z) cannot be told from a: it is kept in the forward pass."""
    return kind == GELU or kind == SILU


cdef void activation_forward(Activation kind, real[:, ::1] z, real[:, ::1] slope) noexcept nogil:
    """a = f(z), f chosen by kind; and slope = f'(z) where that is needed and has room."""
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
    elif kind == LEAKY_RELU:
        leaky_relu_forward(z)
    elif kind == GELU:
        gelu_forward(z, slope)
    elif kind == SILU:
        silu_forward(z, slope)


cdef void activation_slope(Activation kind, const real[:, ::1] a,
                           real[:, ::1] slope) noexcept nogil:
    """slope = f'(z), if the forward pass has not left it there."""
    cdef Py_ssize_t i, j
    if needs_slope(kind):
        return
    for i in range(slope.shape[0]):
        for j in range(slope.shape[1]):
            slope[i, j] = 1
    activation_backward(kind, a, slope)


cdef void activation_backward(Activation kind, const real[:, ::1] a, real[:, ::1] d) noexcept nogil:
    """d <- d * f'(z), f chosen by kind, of those that do not need a slope."""
    if kind == RELU:
        relu_backward(a, d)
    elif kind == LOGISTIC:
        logistic_backward(a, d)
    elif kind == TANH:
        tanh_backward(a, d)
    elif kind == LEAKY_RELU:
        leaky_relu_backward(a, d)


cpdef void slope_backward(const real[:, ::1] slope, real[:, ::1] d) noexcept nogil:
    """d <- d * slope; slope may be columns of a wider array."""
    cdef Py_ssize_t i, j
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            d[i, j] *= slope[i, j]


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


cpdef void leaky_relu_forward(real[:, ::1] z) noexcept nogil:
    """a = z where z > 0, else 0.01 z."""
    cdef Py_ssize_t i, j
    cdef real leak = LEAK
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] = leak * z[i, j] if z[i, j] < 0 else z[i, j]


cpdef void leaky_relu_backward(const real[:, ::1] a, real[:, ::1] d) noexcept nogil:
    """d <- d where a > 0, else 0.01 d."""
    cdef Py_ssize_t i, j
    cdef real leak = LEAK
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            d[i, j] = d[i, j] if a[i, j] > 0 else leak * d[i, j]


cpdef void gelu_forward(real[:, ::1] z, real[:, ::1] slope) noexcept nogil:
    """a = z P(z), P the normal distribution; slope = P(z) + z p(z), p its density.

    D. Hendrycks and K. Gimpel, "Gaussian error linear units", arXiv:1606.08415 (2016).
    """
    cdef Py_ssize_t i, j
    cdef double x, P
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            x = z[i, j]
            P = 0.5 * erfc(-ROOT_HALF * x)
            z[i, j] = <real> (x * P)
            if slope.shape[1]:
                slope[i, j] = <real> (P + x * DENSITY_AT_0 * exp(-0.5 * x * x))


cpdef void silu_forward(real[:, ::1] z, real[:, ::1] slope) noexcept nogil:
    """a = z s, s = 1 / (1 + exp(-z)); slope = s + a (1 - s) (arXiv:1702.03118)."""
    cdef Py_ssize_t i, j
    cdef real s
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            if real is float:
                s = 1 / (1 + expf(-z[i, j]))
            else:
                s = 1 / (1 + exp(-z[i, j]))
            z[i, j] *= s
            if slope.shape[1]:
                slope[i, j] = s + z[i, j] * (1 - s)
