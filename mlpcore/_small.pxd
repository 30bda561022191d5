from mlpcore._losses cimport Objective
from mlpcore._network cimport Network
from mlpcore._optimizers cimport Optimizer
from mlpcore._pace cimport Pace
from mlpcore._rows cimport mlpcore_gather_job, Rows
from mlpcore._run cimport Run
from mlpcore._small_layers cimport mlpcore_small_step, SmallLayers
from mlpcore._team cimport Team
from mlpcore._types cimport real

cdef enum:
    STEPS_TOGETHER = 64

cdef class SmallSteps:
    cdef readonly Py_ssize_t n_rows
    cdef readonly Team team
    cdef SmallLayers layers
    cdef Pace pace
    cdef mlpcore_gather_job of_rows
    cdef mlpcore_small_step[STEPS_TOGETHER] steps

cpdef bint prefers_small(Network network, Objective objective, Optimizer optimizer,
                         Py_ssize_t batch_size)
cdef double small_epoch(SmallSteps small, Optimizer optimizer, Rows rows,
                        const real[:, ::1] Y, const real[::1] weights,
                        const Py_ssize_t[::1] index, double alpha, Py_ssize_t batch_size,
                        real[::1] params, real[:, :] state, real[:, ::1] staged,
                        Run run, double total) except? -1.0 nogil
