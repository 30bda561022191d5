"""Small networks: whole steps in one call, by kernels of their own (`_small.h`).

A step of a small network is over before calls, slices and copies of its weights are. Here
the rows of some batches are gathered at a time, and one call makes all of their steps.
"""

import numpy as np

from libc.string cimport memset

from mlpcore._activations cimport Activation, follows_product, SOFTMAX
from mlpcore._losses cimport BINARY_LOG_LOSS, LOG_LOSS, MSE, Objective, SQUARED_ERROR
from mlpcore._network cimport Network
from mlpcore._optimizers cimport Optimizer, update_of
from mlpcore._rows cimport gather, gather_targets, Rows
from mlpcore._run cimport Run
from mlpcore._steps cimport total_weight
from mlpcore._team cimport mlpcore_task, Team
from mlpcore._types cimport real

cdef extern from "_small.h" nogil:
    int MLPCORE_WIDEST_PANEL
    int LANES "MLPCORE_MOST_LANES"
    void mlpcore_barrier_clear(mlpcore_barrier *barrier)
    void mlpcore_small_f(const void *job, int thread, int n_threads)
    void mlpcore_small_d(const void *job, int thread, int n_threads)

cdef enum:
    # What is small: the weights, and a batch's activations, that the second cache holds.
    MOST_WEIGHTS = 1 << 14
    MOST_ACTIVATIONS = 1 << 17
    # Of a step, for which another thread is worth two meetings with it: where other programs
    # run, each may be a wait until it has a processor again.
    MULTIPLICATIONS_OF_A_THREAD = 2_000_000
    # That are gathered at a time.
    ROWS_TOGETHER = 256
    VALUES_TOGETHER = 1 << 16


cpdef bint prefers_small(Network network, Objective objective, Optimizer optimizer,
                         Py_ssize_t batch_size):
    """Whether steps on all values of X are to be made here: the one place that decides.

    If network and batch are small, the activations and the loss have kernels here, and the
    step does not ask for the gradient's length.
    """
    cdef Py_ssize_t i
    cdef bint has_kernels = network.output == SOFTMAX or follows_product(network.output)
    for i in range(network.n_layers - 1):
        has_kernels &= follows_product(<Activation> network.hidden[i])
    return (has_kernels and objective.loss in (MSE, LOG_LOSS, BINARY_LOG_LOSS, SQUARED_ERROR)
            and not optimizer.measures_norm and min(network.sizes) > 0
            and network.n_weights <= MOST_WEIGHTS
            and batch_size * sum(network.sizes) <= MOST_ACTIVATIONS)


cdef class SmallSteps:
    """Where the steps of one training are made.

    Parameters
    ----------
    network : Network
    objective : Objective
    batch_size : int
    dtype : dtype
        float32 or float64.
    n_threads : int
        Of which as many are started as a step has work for.

    Attributes
    ----------
    n_rows, n_columns : int
        Shape of the array that the rows of some batches are gathered in.
    """

    def __init__(self, Network network, Objective objective, Py_ssize_t batch_size, dtype,
                 int n_threads):
        cdef double work = 3.0 * network.n_weights * batch_size
        self.team = Team(max(1, min(n_threads, <Py_ssize_t> work // MULTIPLICATIONS_OF_A_THREAD)))
        self.network = network
        sizes = np.asarray(network.sizes)
        inputs, outputs = np.delete(sizes, network.n_layers), np.delete(sizes, 0)
        self.n_columns = network.sizes[0] + network.n_outputs + 1
        self.n_rows = batch_size * max(1, min(
            STEPS_TOGETHER, ROWS_TOGETHER // batch_size,
            VALUES_TOGETHER // (batch_size * self.n_columns)))
        memset(&self.job, 0, sizeof(self.job))
        self.job.n_layers, self.job.n_weights = network.n_layers, network.n_weights
        self.job.sizes, self.job.weights = &network.sizes[0], &network.weights[0]
        self.job.biases = &network.biases[0]
        self.job.hidden = &network.hidden[0] if network.n_layers > 1 else NULL
        self.job.output, self.job.shared_bias = network.output, network.shared_bias
        self.job.loss = objective.loss
        self.job.steps, self.job.barrier = self.steps, &self.barrier
        # Both halves of a layer that is turned, and the biases.
        self.job.gradient_size = ((inputs + 2) * np.minimum(outputs, LANES) + outputs).max()
        cdef Py_ssize_t panels = (batch_size + MLPCORE_WIDEST_PANEL - 1) // MLPCORE_WIDEST_PANEL
        self.make_room(panels * MLPCORE_WIDEST_PANEL, dtype,
                       sizes.sum() + network.n_layers + 1 + network.n_outputs,
                       (np.maximum(inputs + 1, outputs) + LANES).sum())

    cdef int make_room(self, Py_ssize_t n_samples, dtype, Py_ssize_t rows,
                       Py_ssize_t transposed) except -1:
        """Make scratch for so many samples, of so many rows in panels."""
        cdef Py_ssize_t[::1] start
        lengths = [n_samples * rows, n_samples * rows, n_samples * transposed,
                   self.team.n_threads * self.job.gradient_size]
        n_bytes = [(n * dtype().itemsize + 63) // 64 * 64 for n in lengths]
        memory = np.zeros(sum(n_bytes) + 64, np.uint8)
        # On cache lines of their own.
        start = np.cumsum([-memory.ctypes.data % 64, *n_bytes])
        self.memory, self.losses = memory, np.empty(n_samples)
        self.job.A, self.job.D = &self.memory[start[0]], &self.memory[start[1]]
        self.job.transposed = &self.memory[start[2]]
        self.job.gradients = &self.memory[start[3]]
        self.job.losses = &self.losses[0]
        return 0


cdef double small_epoch(SmallSteps small, Optimizer optimizer, Rows rows,
                        const real[:, ::1] Y, const real[::1] weights,
                        const Py_ssize_t[::1] index, double alpha, Py_ssize_t batch_size,
                        real[::1] params, real[:, ::1] state, real[:, ::1] staged,
                        Run run, double total) except? -1.0 nogil:
    """Make the steps on index; returns total and, of each sample, the loss of its batch."""
    cdef Py_ssize_t start = 0, stop, i, n = index.shape[0]
    cdef mlpcore_small_job *job = &small.job
    cdef mlpcore_task task = mlpcore_small_f if real is float else mlpcore_small_d
    job.params = &params[0]
    job.first = &state[0, 0] if state.shape[0] > 0 else &params[0]
    job.second = &state[1, 0] if state.shape[0] > 1 else &params[0]
    while start < n:
        stop = min(start + small.n_rows, n)
        stage(small, rows, Y, weights, index[start:stop], staged)
        plan(small, optimizer, weights, index[start:stop], alpha, batch_size)
        mlpcore_barrier_clear(&small.barrier)
        small.team.run(task, job, small.network.n_weights * 3.0 * (stop - start))
        for i in range(job.n_steps):
            total += small.steps[i].n_rows * small.steps[i].loss / small.steps[i].mass
        start = stop
        run.answer_signals()
    return total


cdef void stage(SmallSteps small, Rows rows, const real[:, ::1] Y, const real[::1] weights,
                const Py_ssize_t[::1] index, real[:, ::1] staged) noexcept nogil:
    """Gather the rows of index: X, Y and weights side by side in staged."""
    cdef Py_ssize_t i, m = index.shape[0], x_end = rows.n_features, y_end = x_end + Y.shape[1]
    cdef mlpcore_small_job *job = &small.job
    gather(rows, index, staged[:m, :x_end])
    gather_targets(Y, index, staged[:m, x_end:y_end])
    for i in range(m if weights.shape[0] else 0):
        staged[i, y_end] = weights[index[i]]
    job.X, job.Y, job.sample_weight = &staged[0, 0], &staged[0, x_end], &staged[0, y_end]
    if weights.shape[0] == 0:
        job.sample_weight = NULL
    job.row_stride = staged.shape[1]


cdef void plan(SmallSteps small, Optimizer optimizer, const real[::1] weights,
               const Py_ssize_t[::1] index, double alpha, Py_ssize_t batch_size) noexcept nogil:
    """Write down the steps on the rows of index; a batch without weight makes none."""
    cdef Py_ssize_t first = 0, stop, n = 0
    cdef mlpcore_small_step *step
    while first < index.shape[0]:
        stop = min(first + batch_size, index.shape[0])
        step = &small.steps[n]
        step.first, step.n_rows, step.alpha = first, stop - first, alpha
        step.mass = total_weight(weights, index[first:stop])
        first = stop
        if step.mass == 0:
            continue
        n += 1
        optimizer.t += 1
        step.of_weights = update_of(optimizer, 1.0 / step.mass, alpha, True)
        step.of_biases = step.of_weights
        step.of_biases.decay, step.of_biases.keep = 0.0, 1.0
    small.job.n_steps = n
