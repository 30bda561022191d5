from mlpcore._losses cimport Objective
from mlpcore._network cimport Network
from mlpcore._optimizers cimport mlpcore_update, Optimizer
from mlpcore._rows cimport Rows
from mlpcore._run cimport Run
from mlpcore._team cimport Team
from mlpcore._types cimport real

cdef enum:
    STEPS_TOGETHER = 64

cdef extern from "_small.h" nogil:
    ctypedef struct mlpcore_barrier:
        pass
    ctypedef struct mlpcore_small_step:
        Py_ssize_t first, n_rows
        double mass, alpha
        mlpcore_update of_weights, of_biases
        double loss
    ctypedef struct mlpcore_small_job:
        Py_ssize_t n_layers, n_weights
        const Py_ssize_t *sizes
        const Py_ssize_t *weights
        const Py_ssize_t *biases
        const int *hidden
        int output, shared_bias, loss
        Py_ssize_t n_steps
        mlpcore_small_step *steps
        const void *X
        const void *Y
        const void *sample_weight
        Py_ssize_t row_stride
        void *params
        void *first
        void *second
        void *A
        void *D
        void *transposed
        void *gradients
        Py_ssize_t gradient_size
        double *losses
        mlpcore_barrier *barrier

cdef class SmallSteps:
    cdef readonly Py_ssize_t n_rows
    cdef readonly Py_ssize_t n_columns
    cdef Network network
    cdef readonly Team team
    cdef unsigned char[::1] memory
    cdef double[::1] losses
    cdef mlpcore_barrier barrier
    cdef mlpcore_small_step[STEPS_TOGETHER] steps
    cdef mlpcore_small_job job

    cdef int make_room(self, Py_ssize_t n_samples, dtype, Py_ssize_t rows,
                       Py_ssize_t transposed) except -1

cpdef bint prefers_small(Network network, Objective objective, Optimizer optimizer,
                         Py_ssize_t batch_size)
cdef double small_epoch(SmallSteps small, Optimizer optimizer, Rows rows,
                        const real[:, ::1] Y, const real[::1] weights,
                        const Py_ssize_t[::1] index, double alpha, Py_ssize_t batch_size,
                        real[::1] params, real[:, ::1] state, real[:, ::1] staged,
                        Run run, double total) except? -1.0 nogil
