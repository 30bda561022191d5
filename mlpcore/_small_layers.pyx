"""The layers of a network from one on, if they are small: their steps by `_small.h`.

They may be all layers (`_small`), or the last ones behind a large layer: then a task does what
would be several, each too short to be shared by threads: products, loss, deltas, updates.
"""

import numpy as np

from libc.math cimport INFINITY
from libc.string cimport memset

from mlpcore._activations cimport Activation, follows_product, SOFTMAX
from mlpcore._losses cimport BINARY_LOG_LOSS, LOG_LOSS, MSE, Objective, SQUARED_ERROR
from mlpcore._network cimport Network
from mlpcore._team cimport mlpcore_task, Team, worth_a_team
from mlpcore._types cimport real

cdef extern from "_small.h" nogil:
    int WIDEST_PANEL "MLPCORE_WIDEST_PANEL"
    int LANES "MLPCORE_MOST_LANES"
    int TOGETHER "MLPCORE_TOGETHER"
    int APART "MLPCORE_APART"
    void mlpcore_small_f(const void *job, int thread, int n_threads)
    void mlpcore_small_d(const void *job, int thread, int n_threads)

cdef enum:
    # What is small: the weights, and a batch's activations, that the second cache holds.
    MOST_WEIGHTS = 1 << 14
    MOST_ACTIVATIONS = 1 << 17


cdef bint are_small(Network network, Py_ssize_t first, Objective objective, Py_ssize_t batch_size):
    """Whether the layers from number `first` on are small, and all they need has kernels here."""
    cdef Py_ssize_t i
    cdef bint has_kernels = network.output == SOFTMAX or follows_product(network.output)
    for i in range(max(first - 1, 0), network.n_layers - 1):
        has_kernels &= follows_product(<Activation> network.hidden[i])
    sizes = network.sizes[first:]
    return (has_kernels and objective.loss in (MSE, LOG_LOSS, BINARY_LOG_LOSS, SQUARED_ERROR)
            and min(sizes) > 0 and network.n_weights - network.weights[first] <= MOST_WEIGHTS
            and batch_size * sum(sizes) <= MOST_ACTIVATIONS)


cpdef Py_ssize_t first_small_layer(Network network, Objective objective, Py_ssize_t batch_size):
    """Return the first layer, but not of all, from which on they are small; n_layers if none is.

    Of a network that keeps slopes none is: they are not known here.
    """
    cdef Py_ssize_t first
    for first in range(1, 1 if network.keeps_slopes else network.n_layers):
        if are_small(network, first, objective, batch_size):
            return first
    return network.n_layers


cdef class SmallLayers:
    """Where the steps of some layers are made.

    Parameters
    ----------
    network : Network
    first : int
        Their first one.
    objective : Objective
    batch_size : int
    dtype : dtype
        float32 or float64.
    team : Team
        Who makes the steps.
    shared_rows : int, default=0
        A batch of as many has parts, and each thread weights of its own; 0: none has.
    """

    def __init__(self, Network network, Py_ssize_t first, Objective objective,
                 Py_ssize_t batch_size, dtype, Team team, Py_ssize_t shared_rows=0):
        cdef Py_ssize_t n_layers = network.n_layers - first
        self.network, self.first, self.team = network, first, team
        sizes = np.asarray(network.sizes[first:])
        inputs, outputs = np.delete(sizes, n_layers), np.delete(sizes, 0)
        memset(&self.job, 0, sizeof(self.job))
        self.job.n_layers = n_layers
        self.job.n_weights = network.n_weights - network.weights[first]
        self.job.n_params, self.job.shared_rows = network.n_params, shared_rows
        self.job.sizes, self.job.weights = &network.sizes[first], &network.weights[first]
        self.job.biases = &network.biases[first]
        self.job.input = network.hidden[first - 1] if first > 0 else 0
        self.job.hidden = &network.hidden[first] if n_layers > 1 else NULL
        self.job.output, self.job.shared_bias = network.output, network.shared_bias
        self.job.loss = objective.loss
        self.job.shared = <mlpcore_shared *> &team.shared[0]
        self.n_alike, self.job.n_alike = 1, &self.n_alike
        # Of the weights of a layer that is turned, of biases, or of parts.
        self.job.sums_size = on_lines(max(
            TOGETHER, np.maximum(inputs * np.minimum(outputs, LANES), outputs).max())) + APART
        self.job.block = on_lines(network.n_params) + APART
        self.job.most_parts = n_parts(batch_size, shared_rows)
        self.job.most_panels = (batch_size + 1) // 2
        self.make_room(((batch_size - 1) // WIDEST_PANEL + team.n_threads) * WIDEST_PANEL, dtype,
                       sizes.sum() + n_layers + 1 + network.n_outputs,
                       (np.maximum(inputs, outputs) + LANES).sum())

    cdef int make_room(self, Py_ssize_t n_samples, dtype, Py_ssize_t rows,
                       Py_ssize_t turned) except -1:
        """Make scratch for so many samples, of so many rows in panels, and for the threads."""
        cdef mlpcore_small_job *job = &self.job
        cdef Py_ssize_t[::1] start
        cdef Py_ssize_t n_threads = self.team.n_threads
        cdef bint own = job.shared_rows and n_threads > 1
        n_bytes = dtype().itemsize * on_lines(np.array([
            n_samples * rows, n_samples * rows, n_samples * turned, n_threads * job.sums_size,
            4 * job.most_parts * job.block * own, (n_threads - 1) * 3 * job.block * own]))
        memory = np.zeros(n_bytes.sum() + (2 * job.most_panels + 1) * 64, np.uint8)
        start = np.cumsum([-memory.ctypes.data % 64, *n_bytes])
        self.memory = memory
        job.A, job.D = &self.memory[start[0]], &self.memory[start[1]]
        job.turned, job.sums = &self.memory[start[2]], &self.memory[start[3]]
        job.losses = <double *> &self.memory[start[6]]
        if own:
            job.gradients, job.own = &self.memory[start[4]], &self.memory[start[5]]
        return 0


cdef on_lines(n):
    """Return n elements, and as many more as fill their last cache line."""
    return (n + LANES - 1) // LANES * LANES


cdef SmallLayers small_last_layers(Network network, Objective objective, Py_ssize_t batch_size,
                                   dtype, Team team):
    """Return the last layers, but not all, that are to make their steps here; None without any.

    Nothing is rounded to bfloat16 here: they are too small to gain by it.
    """
    cdef Py_ssize_t first = first_small_layer(network, objective, batch_size)
    if first == network.n_layers:
        return None
    return SmallLayers(network, first, objective, batch_size, dtype, team)


cdef void make_steps(SmallLayers layers, mlpcore_small_step *steps, Py_ssize_t n_steps,
                     bint is_shared, const real[::1] params, real[::1] target,
                     real[:, :] state) noexcept nogil:
    """Make steps, by the team or by one thread: X and what goes with it are in the job.

    target is params, or a gradient that the rules add to: then there is one step.
    """
    cdef mlpcore_small_job *job = &layers.job
    cdef mlpcore_task task = mlpcore_small_f if real is float else mlpcore_small_d
    job.steps, job.n_steps, job.params, job.target = steps, n_steps, &params[0], &target[0]
    job.first = &state[0, 0] if state.shape[0] > 0 else &target[0]
    job.second = &state[1, 0] if state.shape[0] > 1 else &target[0]
    layers.team.run(task, job, INFINITY if is_shared else 0.0)


cdef void take_targets(SmallLayers layers, const real[:, ::1] Y, const real[::1] weights,
                       const Py_ssize_t[::1] index) noexcept nogil:
    """Point the job to the targets and weights of the rows to come, those of index.

    Y (n_samples, n_outputs), weights (n_samples,), or (0,) if all samples weigh 1.
    """
    cdef mlpcore_small_job *job = &layers.job
    job.index, job.Y = &index[0], &Y[0, 0]
    job.sample_weight = &weights[0] if weights.shape[0] else NULL


cdef double step_and_delta(SmallLayers layers, const real[:, ::1] X,
                           const mlpcore_update *of_weights, const mlpcore_update *of_biases,
                           const real[::1] params, real[::1] target, real[:, :] state,
                           real[:, ::1] d_X) noexcept nogil:
    """Apply the rules to target with X, the activations before the layers; return the summed loss.

    d_X receives their delta. X (m, n_in) and d_X are columns of one array; what goes with
    them was taken before. target is params, or their gradient.
    """
    cdef mlpcore_small_step step
    cdef mlpcore_small_job *job = &layers.job
    memset(&step, 0, sizeof(step))
    step.n_rows, step.of_weights, step.of_biases = X.shape[0], of_weights[0], of_biases[0]
    job.X, job.d_X = &X[0, 0], &d_X[0, 0]
    job.row_stride = X.strides[0] // <Py_ssize_t> sizeof(real)
    make_steps(layers, &step, 1, worth_a_team(job.n_weights * 3.0 * X.shape[0]), params,
               target, state)
    return step.loss
