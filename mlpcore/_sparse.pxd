from libc.stdint cimport int32_t

from mlpcore._rows cimport Rows
from mlpcore._types cimport real

cdef class SparseBlock:
    cdef Rows rows
    cdef int32_t[:, ::1] starts
    cdef int32_t[:, ::1] indices
    cdef unsigned char[:, ::1] values
    cdef unsigned char[::1] parts
    cdef void *team

cdef void sparse_gather(SparseBlock block, const Py_ssize_t[::1] index,
                        const real[:, ::1] Z) noexcept nogil
cdef void sparse_forward(SparseBlock block, const real[::1] W, const real[::1] b,
                         real[:, ::1] Z) noexcept nogil
cdef void sparse_gradient(SparseBlock block, const real[:, ::1] D, real alpha, real beta,
                          real[::1] d_W) noexcept nogil
