"""One batch: its gradient, block by block, and the step on the parameters.

A batch goes through the network in blocks of rows, and the gradient of a larger batch is
summed over its blocks: scratch, sized once for one block, holds in its columns the
gathered X and Y, the activations and the deltas. Where plain SGD's batch is one block,
the step is the gradient's matrix product itself (`_network.backward`).
"""

from mlpcore._dropout cimport Dropout
from mlpcore._losses cimport l2_penalty, loss_backward, loss_forward, Objective
from mlpcore._network cimport Network, backward, forward, layer_columns
from mlpcore._optimizers cimport Optimizer, SGD, optimizer_step
from mlpcore._rows cimport Rows, gather, gather_targets
from mlpcore._run cimport Run
from mlpcore._sparse cimport SparseBlock, sparse_gather
from mlpcore._types cimport real


cdef Py_ssize_t scratch_width(Network network, SparseBlock block, Dropout dropout) noexcept nogil:
    """Return the number of columns of scratch.

    They are X unless it is sparse, Y, activations, deltas, and slopes if they are needed.
    """
    return (x_columns(network, block) + network.sizes[network.n_layers] + 2 * network.n_units
            + slope_columns(network, dropout))


cdef Py_ssize_t slope_columns(Network network, Dropout dropout) noexcept nogil:
    """Return the number of columns of scratch that slopes take."""
    return network.n_units if network.keeps_slopes or dropout is not None else 0


cdef Py_ssize_t x_columns(Network network, SparseBlock block) noexcept nogil:
    """Return the number of columns of scratch that X takes."""
    return network.sizes[0] if block is None else 0


cdef bint step_is_product(Optimizer optimizer, Py_ssize_t batch_size,
                          Py_ssize_t block_rows) noexcept nogil:
    """Whether a step needs no gradient: plain SGD, and a batch within one block.

    A later block's forward pass must see the weights from before the step.
    """
    return (optimizer.solver == SGD and optimizer.momentum == 0 and batch_size <= block_rows
            and not optimizer.measures_norm)


cdef double batch_gradient(Network network, Objective objective, Rows rows, const real[:, ::1] Y,
                           const real[::1] weights, const Py_ssize_t[::1] index,
                           const real[::1] params, real alpha,
                           real beta_W, real beta_b, SparseBlock block, Dropout dropout,
                           real[:, ::1] scratch, real[::1] target,
                           Run run) except? -1.0 nogil:
    """target = alpha * gradient + beta * target over the rows of index; returns their loss.

    Signals are answered between blocks: a batch may be all samples, and take seconds.
    """
    cdef Py_ssize_t start = 0, stop, m, n = index.shape[0], last = network.n_layers - 1
    cdef Py_ssize_t x_end = x_columns(network, block), y_end = x_end + network.sizes[last + 1]
    cdef Py_ssize_t a_end = y_end + network.n_units, d_end = a_end + network.n_units
    cdef real[:, ::1] A = scratch[:, y_end:a_end]
    cdef real[:, ::1] D = scratch[:, a_end:d_end]
    cdef real[:, ::1] S = scratch[:, d_end:]
    cdef real[:, ::1] x, y, a, d
    cdef double total = 0.0
    while start < n:
        stop = min(start + scratch.shape[0], n)
        m = stop - start
        x = scratch[:m, :x_end]
        y = scratch[:m, x_end:y_end]
        a = layer_columns(network, last, m, A)
        d = layer_columns(network, last, m, D)
        if block is None:
            gather(rows, index[start:stop], x)
        else:
            sparse_gather(block, index[start:stop], a)
        gather_targets(Y, index[start:stop], y)
        forward(network, params, x, block, dropout, A, S)
        total += loss_forward(objective, a, y, weights, index[start:stop])
        loss_backward(objective, network.output, a, y, weights, index[start:stop], d)
        backward(network, params, x, block, A, S, D, alpha,
                 beta_W if start == 0 else 1, beta_b if start == 0 else 1, target)
        start = stop
        run.answer_signals()
    return total


cdef double train_batch(Network network, Objective objective, Optimizer optimizer, Rows rows,
                        const real[:, ::1] Y, const real[::1] weights,
                        const Py_ssize_t[::1] index, double alpha,
                        real[::1] params, real[::1] grads, real[:, ::1] state,
                        SparseBlock block, Dropout dropout, real[:, ::1] scratch,
                        Run run) except? -1.0 nogil:
    """Make one step on the rows of index; returns their mean loss before it, L2 included.

    grads is empty where `step_is_product`. A batch without weight makes no step.
    """
    cdef double rate = optimizer.learning_rate, mass = total_weight(weights, index), scale, total
    if mass == 0:
        return 0.0
    scale = 1.0 / mass
    total = l2_penalty(params[:network.n_weights], alpha)
    if grads.shape[0] == 0:
        optimizer.t += 1
        total += batch_gradient(
            network, objective, rows, Y, weights, index, params, <real> (-rate * scale),
            <real> (1 - rate * alpha * scale), <real> 1, block, dropout, scratch, params, run)
        return total / mass
    total += batch_gradient(network, objective, rows, Y, weights, index, params, <real> 1,
                            <real> 0, <real> 0, block, dropout, scratch, grads, run)
    optimizer_step(optimizer, grads, scale, alpha, network.n_weights, params, state)
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
