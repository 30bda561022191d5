from mlpcore._activations cimport Activation
from mlpcore._dropout cimport Dropout
from mlpcore._optimizers cimport mlpcore_update
from mlpcore._sparse cimport SparseBlock
from mlpcore._team cimport Team
from mlpcore._types cimport real

cdef class Network:
    cdef readonly Py_ssize_t n_layers
    cdef readonly Py_ssize_t n_weights
    cdef readonly Py_ssize_t n_params
    cdef readonly Py_ssize_t n_units
    cdef readonly bint shared_bias
    cdef double input_scale
    cdef readonly bint keeps_slopes
    cdef const int[::1] hidden
    cdef readonly Activation output
    cdef const Py_ssize_t[::1] sizes
    cdef const Py_ssize_t[::1] weights
    cdef const Py_ssize_t[::1] biases
    cdef const Py_ssize_t[::1] columns

cdef Team new_team(Network network, Py_ssize_t n_rows, bint sparse, int n_threads, dtype,
                   bint bfloat16=*)
cdef Py_ssize_t room_to_compute(Network network, Team team, SparseBlock block,
                                Py_ssize_t n_rows) noexcept nogil
cdef int forward(Network network, Py_ssize_t n_layers, Team team, const real[::1] params,
                 const real[:, ::1] X, SparseBlock block, Dropout dropout, real[:, ::1] A,
                 real[:, ::1] S) except -1 nogil
cdef int backward(Network network, Py_ssize_t n_layers, Team team, const real[::1] params,
                  const real[:, ::1] X, SparseBlock block, const real[:, ::1] A,
                  const real[:, ::1] S, real[:, ::1] D, const mlpcore_update *of_weights,
                  const mlpcore_update *of_biases, real[::1] target,
                  real[:, :] state) except -1 nogil
cdef real[:, ::1] layer_columns(Network network, Py_ssize_t layer, Py_ssize_t m,
                                real[:, ::1] scratch) noexcept nogil
