"""One batch: its gradient, block by block, and the step on the parameters.

A batch goes through the network in blocks of rows, and the gradient of a larger batch is
summed over its blocks: scratch, sized once for one block and a row more, holds in its columns
the gathered X and Y, the activations and the deltas. Where the batch is one block, the step is
made where the gradient is, while a tile of it is in registers (`_network.backward`).
"""

from mlpcore._dropout cimport Dropout
from mlpcore._layers cimport room_of_row, whole_lines
from mlpcore._losses cimport l2_penalty, loss_backward, loss_forward, Objective
from mlpcore._mpi cimport reduce_step, Reduction
from mlpcore._network cimport Network, backward, forward, layer_columns
from mlpcore._optimizers cimport (accumulation, mlpcore_update, Optimizer, optimizer_step,
                                  update_of)
from mlpcore._pace cimport Pace
from mlpcore._published cimport Published
from mlpcore._rows cimport Rows, gather, gather_targets
from mlpcore._run cimport Run
from mlpcore._small_layers cimport SmallLayers, step_and_delta, take_targets
from mlpcore._sparse cimport (begin_step, idle_steps, SPARSE_BLOCK_ROWS, SparseBlock,
                              sparse_gather)
from mlpcore._team cimport Team
from mlpcore._types cimport real

# Multiplications of a dense batch, up to which one thread may be faster than several: these wait
# for what others have in their caches, the longer the farther their processors are from each other.
cdef double MOST_ON_TRIAL = 1.5e8


cdef Pace new_pace(Network network, Team team, SparseBlock block, Py_ssize_t batch_size):
    """Return who is to tell whether the team shares a batch, or None if it does in any case."""
    cdef bint is_long = (3.0 * network.n_weights * batch_size > MOST_ON_TRIAL if block is None
                         else batch_size > SPARSE_BLOCK_ROWS)
    return None if team.n_threads == 1 or is_long else Pace()


cdef int publish(Network network, SparseBlock block, SmallLayers last_layers, dtype) except -1:
    """Have threads read copies of what others write, where a block publishes.

    Steps are fused; where they wait, others than the gradient change weights.
    """
    if block is None or not block.publishes or block.idle is not None:
        return 0
    block.copies_of_W = Published(block.rows.n_features, network.sizes[1], dtype)
    block.of_W = block.copies_of_W.matrix
    if last_layers is not None and last_layers.first == 1:
        last_layers.of_d_X = Published(block.capacity, network.sizes[1], dtype)
        last_layers.job.of_d_X = block.of_Z = last_layers.of_d_X.matrix
    return 0


cdef Py_ssize_t scratch_width(Network network, SparseBlock block, Dropout dropout) noexcept nogil:
    """Return the number of columns of scratch.

    They are X unless it is sparse, Y, activations, deltas and slopes if they are needed; more
    for the rows not to lie where they disturb each other.
    """
    return room_of_row(whole_lines(x_columns(network, block) + network.sizes[network.n_layers])
                       + 2 * whole_lines(network.n_units) + slope_columns(network, dropout))


cdef Py_ssize_t slope_columns(Network network, Dropout dropout) noexcept nogil:
    """Return the number of columns of scratch that slopes take."""
    return network.n_units if network.keeps_slopes or dropout is not None else 0


cdef Py_ssize_t x_columns(Network network, SparseBlock block) noexcept nogil:
    """Return the number of columns of scratch that X takes."""
    return network.sizes[0] if block is None else 0


cdef bint step_is_fused(Optimizer optimizer, Py_ssize_t batch_size,
                        Py_ssize_t block_rows) noexcept nogil:
    """Whether a step needs no gradient in memory: its length is not asked for, and the batch
    is within one block, as a later one's forward pass must see the weights before the step.
    """
    return batch_size <= block_rows and not optimizer.measures_norm


cdef double batch_gradient(Network network, Team team, Objective objective, Rows rows,
                           const real[:, ::1] Y, const real[::1] weights,
                           const Py_ssize_t[::1] index, const real[::1] params,
                           const mlpcore_update *of_weights, const mlpcore_update *of_biases,
                           SparseBlock block, SmallLayers last_layers, Dropout dropout,
                           real[:, ::1] scratch, real[::1] target, real[:, :] state,
                           Run run) except? -1.0 nogil:
    """Apply the rules to target with the gradient over the rows of index; returns their loss.

    From the second block on, gradients are added to what stands there. Signals are answered
    between blocks: a batch may be all samples, and take seconds. Small last layers apply the
    rules by themselves.
    """
    cdef Py_ssize_t start = 0, stop, m, n = index.shape[0]
    cdef Py_ssize_t n_layers = network.n_layers if last_layers is None else last_layers.first
    cdef Py_ssize_t x_end = x_columns(network, block)
    cdef Py_ssize_t y_end = x_end + network.sizes[network.n_layers], a_start = whole_lines(y_end)
    cdef Py_ssize_t d_start = a_start + whole_lines(network.n_units)
    cdef Py_ssize_t s_start = d_start + whole_lines(network.n_units)
    cdef real[:, ::1] A = scratch[:, a_start:a_start + network.n_units]
    cdef real[:, ::1] D = scratch[:, d_start:d_start + network.n_units]
    cdef real[:, ::1] S = scratch[:, s_start:s_start + slope_columns(network, dropout)]
    cdef real[:, ::1] x, y, a, d
    cdef mlpcore_update more = accumulation(of_weights.scale, 1.0)
    cdef const mlpcore_update *rule = of_weights
    cdef const mlpcore_update *rule_of_biases = of_biases
    cdef double total = 0.0
    while start < n:
        stop = min(start + scratch.shape[0] - 1, n)
        m = stop - start
        x = scratch[:m, :x_end]
        y = scratch[:m, x_end:y_end]
        a = layer_columns(network, n_layers - 1, m, A)
        d = layer_columns(network, n_layers - 1, m, D)
        if block is None:
            gather(team, rows, index[start:stop], x)
        else:
            sparse_gather(block, index, start, stop, a)
            idle_steps(block, False, target, state)
        forward(network, n_layers, team, params, x, block, dropout, A, S)
        if last_layers is not None:
            take_targets(last_layers, Y, weights, index[start:stop])
            total += step_and_delta(last_layers, a, rule, rule_of_biases, params, target, state, d)
        else:
            gather_targets(Y, index[start:stop], y)
            total += loss_forward(objective, a, y, weights, index[start:stop])
            loss_backward(objective, network.output, a, y, weights, index[start:stop], d)
        backward(network, n_layers, team, params, x, block, A, S, D, rule, rule_of_biases, target,
                 state)
        start, rule, rule_of_biases = stop, &more, &more
        run.answer_signals()
    return total


cdef double gradient_of_all(Reduction reduction, double *mass, Network network, Team team,
                            Objective objective, Rows rows, const real[:, ::1] Y,
                            const real[::1] weights, const Py_ssize_t[::1] index,
                            const real[::1] params, const mlpcore_update *rule,
                            SparseBlock block, SmallLayers last_layers, Dropout dropout,
                            real[:, ::1] scratch, real[::1] grads, real[:, :] state,
                            Run run) except? -1.0 nogil:
    """As `batch_gradient`, then the sum over all ranks: of grads, the loss and the mass.

    A rank may have no row of a batch. One that raises has told the others. Without a
    reduction there are no others.
    """
    cdef double total = 0.0
    cdef bint is_whole = False
    if reduction is None:
        return batch_gradient(network, team, objective, rows, Y, weights, index, params, rule,
                              rule, block, last_layers, dropout, scratch, grads, state, run)
    if index.shape[0] == 0:
        grads[:] = 0
    try:
        total = batch_gradient(network, team, objective, rows, Y, weights, index, params, rule,
                               rule, block, last_layers, dropout, scratch,
                               grads[:network.n_params], state, run)
        run.answer_signals()
        is_whole = True
    finally:
        reduce_step(reduction, grads, &total, mass, is_whole)
    return total


cdef double train_batch(Network network, Team team, Objective objective, Optimizer optimizer,
                        Rows rows, const real[:, ::1] Y, const real[::1] weights,
                        const Py_ssize_t[::1] index, double alpha,
                        real[::1] params, real[::1] grads, real[:, :] state,
                        SparseBlock block, SmallLayers last_layers, Dropout dropout,
                        real[:, ::1] scratch, Reduction reduction, Run run) except? -1.0 nogil:
    """Make one step on the rows of index; returns their mean loss before it, L2 included.

    grads is empty where `step_is_fused`; with a reduction it is that one's buffer. A batch
    without weight makes no step.
    """
    cdef double mass = total_weight(weights, index), scale, total
    cdef mlpcore_update of_weights, of_biases
    if mass == 0 and reduction is None:
        return 0.0
    total = l2_penalty(team, params[:network.n_weights], alpha)
    if grads.shape[0] == 0:
        scale = 1.0 / mass
        optimizer.t += 1
        of_weights = update_of(optimizer, scale, alpha, True)
        of_biases = update_of(optimizer, scale, alpha, False)
        begin_step(block, &of_weights)
        total += batch_gradient(network, team, objective, rows, Y, weights, index, params,
                                &of_weights, &of_biases, block, last_layers, dropout, scratch,
                                params, state, run)
        return total / mass
    of_weights = accumulation(1.0, 0.0)
    total += gradient_of_all(reduction, &mass, network, team, objective, rows, Y, weights, index,
                             params, &of_weights, block, last_layers, dropout, scratch, grads,
                             state, run)
    if mass == 0:
        return 0.0
    optimizer_step(optimizer, team, grads[:network.n_params], 1.0 / mass, alpha,
                   network.n_weights, params, state)
    return total / mass


cdef double total_weight(const real[::1] weights, const Py_ssize_t[::1] index) noexcept nogil:
    """Return the sum of the weights of the rows of index, or their number without weights."""
    cdef Py_ssize_t i
    cdef double total = 0.0
    if weights.shape[0] == 0:
        return index.shape[0]
    for i in range(index.shape[0]):
        total += weights[index[i]]
    return total
