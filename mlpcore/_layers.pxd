from mlpcore._activations cimport Activation
from mlpcore._optimizers cimport mlpcore_update
from mlpcore._team cimport Team
from mlpcore._types cimport real

cdef Py_ssize_t whole_lines(Py_ssize_t n) noexcept nogil
cdef Py_ssize_t room_of_row(Py_ssize_t n) noexcept nogil
cdef bint has_slices(Py_ssize_t n_rows, Py_ssize_t n_in, Py_ssize_t n_out) noexcept nogil
cdef Py_ssize_t room_for_products(Team team, Py_ssize_t most_inner,
                                  Py_ssize_t most_of_B) noexcept nogil
cdef int affine_forward(Team team, const real[:, ::1] X, const real[::1] W, const real[::1] b,
                        double scale, Activation kind, real[:, ::1] A) except -1 nogil
cdef int affine_input_gradient(Team team, const real[:, ::1] D, const real[::1] W,
                               Activation kind, const real[:, ::1] a,
                               real[:, ::1] d_X) except -1 nogil
cdef int affine_gradient(Team team, const real[:, ::1] X, const real[:, ::1] D,
                         const mlpcore_update *update, real[::1] d_W, real[:, :] state,
                         real[::1] sums) except -1 nogil
