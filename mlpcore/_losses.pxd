from mlpcore._activations cimport Activation
from mlpcore._types cimport real

cpdef enum Loss:
    MSE, LOG_LOSS, BINARY_LOG_LOSS, SQUARED_ERROR, POISSON

cdef double loss_forward(Loss kind, const real[:, ::1] a, const real[:, ::1] y,
                         const real[::1] weights, const Py_ssize_t[::1] index) noexcept nogil
cdef void loss_backward(Loss kind, Activation output, const real[:, ::1] a, const real[:, ::1] y,
                        const real[::1] weights, const Py_ssize_t[::1] index,
                        real[:, ::1] d) noexcept nogil

cpdef double mse_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil
cpdef double log_loss_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil
cpdef double binary_log_loss_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil
cpdef double squared_error_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil
cpdef double poisson_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil
cpdef void residual(const real[:, ::1] a, const real[:, ::1] y, real factor,
                    real[:, ::1] d) noexcept nogil
cpdef double l2_penalty(const real[::1] weights, double alpha) noexcept nogil
