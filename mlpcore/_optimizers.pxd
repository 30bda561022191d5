from mlpcore._team cimport Team
from mlpcore._types cimport real

cdef extern from "_updates.h" nogil:
    ctypedef struct mlpcore_update:
        int kind
        double scale, decay, keep, rate, momentum, beta_1, beta_2, epsilon

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

cdef mlpcore_update accumulation(double scale, double keep) noexcept nogil
cdef mlpcore_update update_of(Optimizer optimizer, double scale, double alpha,
                              bint is_weights) noexcept nogil
cdef void apply_update(Team team, const mlpcore_update *update, const real[::1] grads,
                       real[::1] params, real[:, :] state, Py_ssize_t start,
                       Py_ssize_t stop) noexcept nogil
cdef void optimizer_step(Optimizer optimizer, Team team, const real[::1] grads, double scale,
                         double alpha, Py_ssize_t n_weights, real[::1] params,
                         real[:, :] state) noexcept nogil
