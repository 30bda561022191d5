from mlpcore._types cimport real

cpdef enum Activation:
    IDENTITY, RELU, LOGISTIC, TANH, SOFTMAX, EXP, LEAKY_RELU, GELU, SILU

cdef bint needs_slope(Activation kind) noexcept nogil
cdef bint follows_product(Activation kind) noexcept nogil
cdef void activation_forward(Activation kind, real[:, ::1] z, real[:, ::1] slope) noexcept nogil
cdef void activation_slope(Activation kind, const real[:, ::1] a, real[:, ::1] slope) noexcept nogil
cpdef void slope_backward(const real[:, ::1] slope, real[:, ::1] d) noexcept nogil
cdef void activation_backward(Activation kind, const real[:, ::1] a, real[:, ::1] d) noexcept nogil

cpdef void rows_forward(Activation kind, real[:, ::1] z) noexcept nogil
cpdef void rows_backward(Activation kind, const real[:, ::1] a, real[:, ::1] d) noexcept nogil
cpdef void softmax_forward(real[:, ::1] z) noexcept nogil
cpdef void exp_forward(real[:, ::1] z) noexcept nogil
cpdef void gelu_forward(real[:, ::1] z, real[:, ::1] slope) noexcept nogil
cpdef void silu_forward(real[:, ::1] z, real[:, ::1] slope) noexcept nogil
