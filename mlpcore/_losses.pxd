from mlpcore._activations cimport Activation
from mlpcore._team cimport Team
from mlpcore._types cimport real

cpdef enum Loss:
    MSE, LOG_LOSS, BINARY_LOG_LOSS, SQUARED_ERROR, POISSON, ABSOLUTE_ERROR, HUBER

cdef class Objective:
    cdef readonly Loss loss
    cdef readonly double huber_delta

cdef Objective as_objective(loss)
cdef double loss_forward(Objective objective, const real[:, ::1] a, const real[:, ::1] y,
                         const real[::1] weights, const Py_ssize_t[::1] index) noexcept nogil
cdef void loss_backward(Objective objective, Activation output, const real[:, ::1] a,
                        const real[:, ::1] y, const real[::1] weights, const Py_ssize_t[::1] index,
                        real[:, ::1] d) noexcept nogil

cpdef double mse_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil
cpdef double log_loss_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil
cpdef double binary_log_loss_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil
cpdef double squared_error_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil
cpdef double poisson_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil
cpdef double absolute_error_forward(const real[:, ::1] a, const real[:, ::1] y) noexcept nogil
cpdef double huber_forward(const real[:, ::1] a, const real[:, ::1] y, double delta) noexcept nogil
cpdef void clipped_residual(const real[:, ::1] a, const real[:, ::1] y, double delta,
                            real[:, ::1] d) noexcept nogil
cpdef void sign_of_residual(const real[:, ::1] a, const real[:, ::1] y,
                            real[:, ::1] d) noexcept nogil
cpdef void residual(const real[:, ::1] a, const real[:, ::1] y, real factor,
                    real[:, ::1] d) noexcept nogil
cpdef double l2_penalty(Team team, const real[::1] weights, double alpha) noexcept nogil
