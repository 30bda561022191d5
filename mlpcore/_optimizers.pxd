from mlpcore._types cimport real

cpdef enum Solver:
    SGD, ADAM, ADAMW

cdef class Optimizer:
    cdef readonly Solver solver
    cdef public double learning_rate
    cdef readonly double momentum
    cdef readonly bint nesterov
    cdef readonly double beta_1
    cdef readonly double beta_2
    cdef readonly double epsilon
    cdef readonly double weight_decay
    cdef readonly double max_grad_norm
    cdef readonly bint measures_norm
    cdef double norm_sum
    cdef public Py_ssize_t t
    cdef public object state

cdef void optimizer_step(Optimizer optimizer, const real[::1] grads, double scale, double alpha,
                         Py_ssize_t n_weights, real[::1] params,
                         real[:, ::1] state) noexcept nogil

cpdef void sgd_step(const real[::1] grads, double scale, double decay, double learning_rate,
                    real[::1] params) noexcept nogil
cpdef void momentum_step(const real[::1] grads, double scale, double decay, double learning_rate,
                         double momentum, bint nesterov, real[::1] params,
                         real[::1] velocity) noexcept nogil
cpdef void adam_step(const real[::1] grads, double scale, double decay, double learning_rate,
                     double beta_1, double beta_2, double epsilon, double keep,
                     real[::1] params, real[::1] mean, real[::1] square) noexcept nogil
