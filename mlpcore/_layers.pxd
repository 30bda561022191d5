from mlpcore._types cimport real

cpdef int affine_forward(const real[:, ::1] X, const real[::1] W, const real[::1] b,
                         real[:, ::1] Z) except -1 nogil
cpdef int affine_input_gradient(const real[:, ::1] D, const real[::1] W,
                                real[:, ::1] d_X) except -1 nogil
cpdef int affine_gradient(const real[:, ::1] X, const real[:, ::1] D, real alpha, real beta,
                          real[::1] d_W) except -1 nogil
cpdef void sum_rows(const real[:, ::1] D, real alpha, real beta, real[::1] d_b) noexcept nogil
