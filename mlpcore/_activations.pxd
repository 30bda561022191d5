from mlpcore._types cimport real

cpdef enum Activation:
    IDENTITY, RELU, LOGISTIC, TANH, SOFTMAX, EXP

cdef void activation_forward(Activation kind, real[:, ::1] z) noexcept nogil
cdef void activation_backward(Activation kind, const real[:, ::1] a, real[:, ::1] d) noexcept nogil

cpdef void relu_forward(real[:, ::1] z) noexcept nogil
cpdef void relu_backward(const real[:, ::1] a, real[:, ::1] d) noexcept nogil
cpdef void logistic_forward(real[:, ::1] z) noexcept nogil
cpdef void logistic_backward(const real[:, ::1] a, real[:, ::1] d) noexcept nogil
cpdef void tanh_forward(real[:, ::1] z) noexcept nogil
cpdef void tanh_backward(const real[:, ::1] a, real[:, ::1] d) noexcept nogil
cpdef void softmax_forward(real[:, ::1] z) noexcept nogil
cpdef void exp_forward(real[:, ::1] z) noexcept nogil
