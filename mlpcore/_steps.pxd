from mlpcore._dropout cimport Dropout
from mlpcore._losses cimport Objective
from mlpcore._mpi cimport Reduction
from mlpcore._network cimport Network
from mlpcore._optimizers cimport mlpcore_update, Optimizer
from mlpcore._pace cimport Pace
from mlpcore._rows cimport Rows
from mlpcore._run cimport Run
from mlpcore._small_layers cimport SmallLayers
from mlpcore._sparse cimport SparseBlock
from mlpcore._team cimport Team
from mlpcore._types cimport real

cdef Pace new_pace(Network network, Team team, SparseBlock block, Py_ssize_t batch_size)
cdef int publish(Network network, SparseBlock block, SmallLayers last_layers, dtype) except -1
cdef Py_ssize_t scratch_width(Network network, SparseBlock block, Dropout dropout) noexcept nogil
cdef double total_weight(const real[::1] weights, const Py_ssize_t[::1] index) noexcept nogil
cdef bint step_is_fused(Optimizer optimizer, Py_ssize_t batch_size,
                        Py_ssize_t block_rows) noexcept nogil
cdef double batch_gradient(Network network, Team team, Objective objective, Rows rows,
                           const real[:, ::1] Y, const real[::1] weights,
                           const Py_ssize_t[::1] index, const real[::1] params,
                           const mlpcore_update *of_weights, const mlpcore_update *of_biases,
                           SparseBlock block, SmallLayers last_layers, Dropout dropout,
                           real[:, ::1] scratch, real[::1] target, real[:, :] state,
                           Run run) except? -1.0 nogil
cdef double train_batch(Network network, Team team, Objective objective, Optimizer optimizer,
                        Rows rows, const real[:, ::1] Y, const real[::1] weights,
                        const Py_ssize_t[::1] index, double alpha,
                        real[::1] params, real[::1] grads, real[:, :] state,
                        SparseBlock block, SmallLayers last_layers, Dropout dropout,
                        real[:, ::1] scratch, Reduction reduction, Run run) except? -1.0 nogil
cdef double gradient_of_all(Reduction reduction, double *mass, Network network, Team team,
                            Objective objective, Rows rows, const real[:, ::1] Y,
                            const real[::1] weights, const Py_ssize_t[::1] index,
                            const real[::1] params, const mlpcore_update *rule,
                            SparseBlock block, SmallLayers last_layers, Dropout dropout,
                            real[:, ::1] scratch, real[::1] grads, real[:, :] state,
                            Run run) except? -1.0 nogil
