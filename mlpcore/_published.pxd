from libc.stdint cimport int32_t

cdef extern from "_published.h" nogil:
    ctypedef struct mlpcore_published:
        void *rows
        Py_ssize_t n_rows, stride
        int32_t *publishers
    void forget "mlpcore_forget"(const mlpcore_published *published)

cdef class Published:
    cdef unsigned char[:, ::1] rows
    cdef int32_t[::1] publishers
    cdef mlpcore_published matrix
