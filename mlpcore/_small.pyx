"""Small networks: whole steps in one call, by kernels of their own (`_small.h`).

A step of a small network is over before calls, slices and copies of its weights are. Here
the rows of some batches are gathered at a time, and one call makes all of their steps.
"""

from mlpcore._losses cimport Objective
from mlpcore._network cimport Network
from mlpcore._optimizers cimport Optimizer, update_of
from mlpcore._pace cimport Pace
from mlpcore._rows cimport gather, gather_job, Rows
from mlpcore._run cimport clock_seconds, Run
from mlpcore._small_layers cimport (are_small, make_steps, mlpcore_small_step, n_parts,
                                    SmallLayers, take_targets)
from mlpcore._steps cimport total_weight
from mlpcore._team cimport Team
from mlpcore._types cimport real

cdef enum:
    # Of a step, for which another thread may be worth meeting it: its pace will tell.
    MULTIPLICATIONS_OF_A_THREAD = 250_000
    # Calls that make steps, below which it costs more to start than it can save.
    FEW_CALLS = 32
    # That are gathered at a time.
    ROWS_TOGETHER = 256
    VALUES_TOGETHER = 1 << 16


cpdef bint prefers_small(Network network, Objective objective, Optimizer optimizer,
                         Py_ssize_t batch_size):
    """Whether steps on all values of X are to be made here: the one place that decides.

    If all layers are small, and the step does not ask for the gradient's length.
    """
    return not optimizer.measures_norm and are_small(network, 0, objective, batch_size)


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
        Of which as many are started as a step may have work for.
    n_seen : int
        Rows of all epochs: few are not worth a thread.

    Attributes
    ----------
    n_rows : int
        As many are gathered at a time, of some batches.
    """

    def __init__(self, Network network, Objective objective, Py_ssize_t batch_size, dtype,
                 int n_threads, Py_ssize_t n_seen):
        # Of a batch that is worth two threads.
        cdef Py_ssize_t shared_rows = 1 + 2 * MULTIPLICATIONS_OF_A_THREAD // (3 * network.n_weights)
        self.n_rows = batch_size * max(1, min(
            STEPS_TOGETHER, ROWS_TOGETHER // batch_size,
            VALUES_TOGETHER // (batch_size * network.sizes[0])))
        if n_seen < FEW_CALLS * self.n_rows:
            n_threads = 1
        self.team = Team(min(n_threads, n_parts(batch_size, shared_rows)))
        # The one bias of a layer is a sum over units, which would be added up before the parts are.
        self.layers = SmallLayers(network, 0, objective, batch_size, dtype, self.team,
                                  0 if network.shared_bias else shared_rows)
        self.pace = None if self.team.n_threads == 1 else Pace()


cdef double small_epoch(SmallSteps small, Optimizer optimizer, Rows rows,
                        const real[:, ::1] Y, const real[::1] weights,
                        const Py_ssize_t[::1] index, double alpha, Py_ssize_t batch_size,
                        real[::1] params, real[:, :] state, real[:, ::1] staged,
                        Run run, double total) except? -1.0 nogil:
    """Make the steps on index; returns total and, of each sample, the loss of its batch."""
    cdef Py_ssize_t start = 0, stop, i, n_steps, n = index.shape[0]
    cdef double began
    while start < n:
        stop = min(start + small.n_rows, n)
        if rows.is_csr:
            gather(small.team, rows, index[start:stop], staged[:stop - start])
        else:
            small.of_rows = gather_job(rows, index[start:stop], staged[:stop - start])
            small.layers.job.gather = &small.of_rows
        small.layers.job.X, small.layers.job.row_stride = &staged[0, 0], staged.shape[1]
        take_targets(small.layers, Y, weights, index[start:stop])
        n_steps = plan(small, optimizer, weights, index[start:stop], alpha, batch_size)
        if small.pace is None:
            make_steps(small.layers, small.steps, n_steps, False, params, params, state)
        else:
            began = clock_seconds()
            make_steps(small.layers, small.steps, n_steps, small.pace.is_shared(), params, params,
                       state)
            small.pace.took((clock_seconds() - began) / (stop - start))
        for i in range(n_steps):
            total += small.steps[i].n_rows * small.steps[i].loss / small.steps[i].mass
        start = stop
        run.answer_signals()
    return total


cdef Py_ssize_t plan(SmallSteps small, Optimizer optimizer, const real[::1] weights,
                     const Py_ssize_t[::1] index, double alpha,
                     Py_ssize_t batch_size) noexcept nogil:
    """Write down the steps on the rows of index; a batch without weight makes none.

    Returns how many there are.
    """
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
    return n
