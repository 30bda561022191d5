from mlpcore._losses cimport Objective
from mlpcore._network cimport Network
from mlpcore._optimizers cimport mlpcore_update
from mlpcore._published cimport mlpcore_published, Published
from mlpcore._rows cimport mlpcore_gather_job
from mlpcore._team cimport mlpcore_shared, Team
from mlpcore._types cimport real

cdef extern from "_small.h" nogil:
    ctypedef struct mlpcore_small_step:
        Py_ssize_t first, n_rows
        double mass, alpha
        mlpcore_update of_weights, of_biases
        double loss
    ctypedef struct mlpcore_small_job:
        Py_ssize_t n_layers, n_weights, n_params
        const Py_ssize_t *sizes
        const Py_ssize_t *weights
        const Py_ssize_t *biases
        const int *hidden
        int input, output, shared_bias, loss
        Py_ssize_t n_steps
        mlpcore_small_step *steps
        const mlpcore_gather_job *gather
        const void *X
        void *d_X
        Py_ssize_t row_stride
        mlpcore_published of_d_X
        const Py_ssize_t *index
        const void *Y
        const void *sample_weight
        const void *params
        void *target
        void *first
        void *second
        void *A
        void *D
        void *turned
        void *sums
        Py_ssize_t sums_size
        double *losses
        Py_ssize_t most_panels
        mlpcore_shared *shared
        Py_ssize_t shared_rows
        Py_ssize_t block
        void *gradients
        Py_ssize_t most_parts
        void *own
        int *n_alike
    Py_ssize_t n_parts "mlpcore_small_n_parts"(Py_ssize_t batch_size, Py_ssize_t shared_rows)

cdef class SmallLayers:
    cdef Network network
    cdef readonly Py_ssize_t first
    cdef readonly Team team
    cdef unsigned char[::1] memory
    cdef int n_alike
    cdef Published of_d_X
    cdef mlpcore_small_job job

    cdef int make_room(self, Py_ssize_t n_samples, dtype, Py_ssize_t rows,
                       Py_ssize_t transposed) except -1

cdef bint are_small(Network network, Py_ssize_t first, Objective objective, Py_ssize_t batch_size)
cpdef Py_ssize_t first_small_layer(Network network, Objective objective, Py_ssize_t batch_size)
cdef SmallLayers small_last_layers(Network network, Objective objective, Py_ssize_t batch_size,
                                   dtype, Team team)
cdef void make_steps(SmallLayers layers, mlpcore_small_step *steps, Py_ssize_t n_steps,
                     bint is_shared, const real[::1] params, real[::1] target,
                     real[:, :] state) noexcept nogil
cdef void take_targets(SmallLayers layers, const real[:, ::1] Y, const real[::1] weights,
                       const Py_ssize_t[::1] index) noexcept nogil
cdef double step_and_delta(SmallLayers layers, const real[:, ::1] X,
                           const mlpcore_update *of_weights, const mlpcore_update *of_biases,
                           const real[::1] params, real[::1] target, real[:, :] state,
                           real[:, ::1] d_X) noexcept nogil
