"""Activations: a = f(z) in place, and d <- d * f'(z) in place, f' written in terms of a.

z, a and d are (m, n): m rows, n units. Identity has nothing to do in either direction;
softmax and exp have no backward of their own, since only log_loss and poisson follow them,
and the joint derivative is a - y (`_losses`). Where f' cannot be written in terms of a,
the forward pass also gives the slope f'(z), if it has columns.

Those of `follows_product` are computed where z and d are made, by the kernels of the
affine map; `_activations.h` holds their formulas.
"""

from libc.math cimport erfc, exp, expf

from mlpcore._types cimport real

cdef enum:
    SIDE_BY_SIDE = 256

cdef double ROOT_HALF = 0.70710678118654752440
cdef double DENSITY_AT_0 = 0.39894228040143267794  # 1 / sqrt(2 pi)


cdef extern from "_vmath.h" nogil:
    void mlpcore_vexp_f(float *x, Py_ssize_t n)
    void mlpcore_vexp_d(double *x, Py_ssize_t n)

cdef extern from "_activations.h" nogil:
    void mlpcore_activation_forward_f(int kind, Py_ssize_t m, Py_ssize_t n, float *z,
                                      Py_ssize_t z_stride)
    void mlpcore_activation_forward_d(int kind, Py_ssize_t m, Py_ssize_t n, double *z,
                                      Py_ssize_t z_stride)
    void mlpcore_activation_backward_f(int kind, Py_ssize_t m, Py_ssize_t n, const float *a,
                                       Py_ssize_t a_stride, float *d, Py_ssize_t d_stride)
    void mlpcore_activation_backward_d(int kind, Py_ssize_t m, Py_ssize_t n, const double *a,
                                       Py_ssize_t a_stride, double *d, Py_ssize_t d_stride)


cdef bint needs_slope(Activation kind) noexcept nogil:
    """Whether f'(z) cannot be told from a: it is kept in the forward pass."""
    return kind == GELU or kind == SILU


cdef bint follows_product(Activation kind) noexcept nogil:
    """Whether the product that makes z or d can apply the activation at once."""
    return kind in (IDENTITY, RELU, LOGISTIC, TANH, LEAKY_RELU)


cdef void activation_forward(Activation kind, real[:, ::1] z, real[:, ::1] slope) noexcept nogil:
    """a = f(z), f chosen by kind; and slope = f'(z) where that is needed and has room."""
    if follows_product(kind):
        rows_forward(kind, z)
    elif kind == SOFTMAX:
        softmax_forward(z)
    elif kind == EXP:
        exp_forward(z)
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
    rows_backward(kind, a, d)


cpdef void slope_backward(const real[:, ::1] slope, real[:, ::1] d) noexcept nogil:
    """d <- d * slope; slope may be columns of a wider array."""
    cdef Py_ssize_t i, j
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            d[i, j] *= slope[i, j]


cpdef void rows_forward(Activation kind, real[:, ::1] z) noexcept nogil:
    """a = f(z), f of those in _activations.h: max(z, 0), 1 / (1 + exp(-z)), tanh z, leaky."""
    if z.shape[0] == 0 or z.shape[1] == 0:
        return
    cdef Py_ssize_t stride = z.strides[0] // <Py_ssize_t> sizeof(real)
    if real is float:
        mlpcore_activation_forward_f(kind, z.shape[0], z.shape[1], &z[0, 0], stride)
    else:
        mlpcore_activation_forward_d(kind, z.shape[0], z.shape[1], &z[0, 0], stride)


cpdef void rows_backward(Activation kind, const real[:, ::1] a, real[:, ::1] d) noexcept nogil:
    """d <- d * f'(z), of the same f."""
    if d.shape[0] == 0 or d.shape[1] == 0:
        return
    cdef Py_ssize_t a_stride = a.strides[0] // <Py_ssize_t> sizeof(real)
    cdef Py_ssize_t d_stride = d.strides[0] // <Py_ssize_t> sizeof(real)
    if real is float:
        mlpcore_activation_backward_f(kind, d.shape[0], d.shape[1], &a[0, 0], a_stride,
                                      &d[0, 0], d_stride)
    else:
        mlpcore_activation_backward_d(kind, d.shape[0], d.shape[1], &a[0, 0], a_stride,
                                      &d[0, 0], d_stride)


cpdef void softmax_forward(real[:, ::1] z) noexcept nogil:
    """a_ij = exp(z_ij - max_j z_ij) / sum_j exp(z_ij - max_j z_ij)."""
    cdef Py_ssize_t i, j, m = z.shape[0] if z.shape[1] else 0
    cdef real largest, total
    for i in range(m):
        largest = z[i, 0]
        for j in range(1, z.shape[1]):
            largest = max(largest, z[i, j])
        for j in range(z.shape[1]):
            z[i, j] -= largest
    exp_forward(z)
    for i in range(m):
        total = 0
        for j in range(z.shape[1]):
            total += z[i, j]
        for j in range(z.shape[1]):
            z[i, j] /= total


cpdef void exp_forward(real[:, ::1] z) noexcept nogil:
    """a = exp(z); short rows are put side by side, for whole vectors."""
    cdef Py_ssize_t i, j, start = 0, stop, n = z.shape[1], m = z.shape[0] if n else 0
    cdef Py_ssize_t together = SIDE_BY_SIDE // n if n else 1
    cdef real[SIDE_BY_SIDE] side_by_side
    while start < m and together > 1:
        stop = min(start + together, m)
        for i in range(start, stop):
            for j in range(n):
                side_by_side[(i - start) * n + j] = z[i, j]
        vexp(side_by_side, (stop - start) * n)
        for i in range(start, stop):
            for j in range(n):
                z[i, j] = side_by_side[(i - start) * n + j]
        start = stop
    for i in range(start, m):
        vexp(&z[i, 0], n)


cdef inline void vexp(real *x, Py_ssize_t n) noexcept nogil:
    """x = exp(x)."""
    if real is float:
        mlpcore_vexp_f(x, n)
    else:
        mlpcore_vexp_d(x, n)


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
