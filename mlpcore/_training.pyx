"""The boundary to Python: train, predict, and the loss with its gradient.

Each function checks shapes, allocates all memory, and then computes without the GIL.
"""

import numpy as np

from cpython.pycapsule cimport PyCapsule_GetPointer
from numpy.random cimport bitgen_t

from mlpcore._dropout cimport Dropout
from mlpcore._finite cimport is_finite
from mlpcore._first_layer cimport (new_block, rows_of_a_block, SPARSE_LEAST_UNITS,
                                   steps_may_wait)
from mlpcore._layers cimport room_of_row
from mlpcore._losses cimport as_objective, l2_penalty, loss_forward, Objective
from mlpcore._mpi cimport most_rows, n_of_all, own_part, Reduction
from mlpcore._network cimport Network, forward, layer_columns, new_team, room_to_compute
from mlpcore._optimizers cimport accumulation, mlpcore_update, Optimizer
from mlpcore._pace cimport Pace
from mlpcore._rows cimport gather, Rows, shuffle, UINT8
from mlpcore._run cimport (clock_seconds, MAX_ITER, NON_FINITE, Run, RUNNING, STOPPED,
                           interval_over)
from mlpcore._small cimport prefers_small, small_epoch, SmallSteps
from mlpcore._small_layers cimport small_last_layers, SmallLayers
from mlpcore._sparse cimport expect, idle_steps, IdleSteps, SparseBlock, sparse_gather
from mlpcore._steps cimport (gradient_of_all, new_pace, publish, scratch_width, step_is_fused,
                             total_weight, train_batch)
from mlpcore._team cimport matrix_on_lines, Team
from mlpcore._types cimport real

from mlpcore._first_layer import prefers_sparse

# Multiplications of a prediction from which on threads are started for it.
cdef double WORTH_THREADS = 3e7


def train(Network network, loss, Optimizer optimizer, Rows rows, const real[:, ::1] Y,
          real[::1] params, Run run, *, double alpha, Py_ssize_t batch_size, Py_ssize_t max_iter,
          const real[::1] sample_weight=None, Py_ssize_t[::1] order=None, bit_generator=None,
          Dropout dropout=None, refill=None, report=None, bint every_epoch=False,
          bint ends_when_non_finite=True, bint sparse=False, bint bfloat16=False,
          int n_threads=1, Reduction reduction=None):
    """Train params in place, for up to max_iter epochs.

    Parameters
    ----------
    network : Network
    loss : Loss or Objective
    optimizer : Optimizer
        It goes on from its state.
    rows : Rows
        X, of shape (n_samples, n_features).
    Y : ndarray of shape (n_samples, n_outputs)
        Of the dtype of params.
    params : ndarray of shape (network.n_params,)
    run : Run
        Receives the losses and the outcome.
    alpha : float
        Strength of the L2 regularization.
    batch_size : int
        Samples a step; an epoch's last batch may be smaller.
    max_iter : int
        Epochs.
    sample_weight : ndarray of shape (n_samples,), optional
        Of the dtype of params. A batch's loss is the mean with these weights.
    order : ndarray of intp, optional
        The rows to train on, by default all, in their order; permuted in place.
    bit_generator : numpy.random.BitGenerator, optional
        Permutes the rows anew every epoch, as scikit-learn does. Without one, batches
        come in the order of the rows.
    dropout : Dropout, optional
    refill : callable, optional
        rows, Y and sample_weight are a buffer. Called without arguments when an epoch begins
        and whenever its rows have been trained on; returns which to train on next, as order,
        and none at the end of an epoch. Instead of order and bit_generator.
    report : callable, optional
        Called without arguments between two epochs, at most every 100 ms; a true result
        stops the training.
    every_epoch : bool, default=False
        Call report after every epoch instead.
    ends_when_non_finite : bool, default=True
        End after an epoch that leaves a weight which is not finite.
    sparse : bool, default=False
        Walk the non-zeros of X in the first layer, see `_first_layer`.
    bfloat16 : bool, default=False
        Round what is multiplied to bfloat16; params, sums and all else stay float32. Bytes
        are exact, and scaled after they were multiplied. A sparse first layer rounds nothing.
    n_threads : int, default=1
        Threads that share a batch, where it has work for them; the number of BLAS threads
        is the caller's to set.
    reduction : Reduction, optional
        With it, batches and epochs are those of all its ranks, and of their rows these are
        a part, which may be empty. All ranks then make the same steps.

    Raises
    ------
    KeyboardInterrupt
        Within 100 ms and a block of rows of Ctrl-C; params and run hold what was learned.
    ValueError
        If the shapes do not agree, or there are no products of bfloat16 for params of this
        dtype on this processor.
    """
    check_shapes(network, rows, params.shape[0])
    check_targets(network, rows, Y.shape[0], Y.shape[1], reduction is not None)
    if bfloat16 and real is double:
        raise ValueError("bfloat16=True with params of float64: needed is float32")
    if sparse and network.sizes[1] < SPARSE_LEAST_UNITS:
        raise ValueError(f"sparse=True with {network.sizes[1]} units in the first layer: needed "
                         f"are {SPARSE_LEAST_UNITS} or more")
    cdef Objective objective = as_objective(loss)
    cdef Py_ssize_t[::1] index = np.arange(rows.n_samples) if order is None else order
    cdef Py_ssize_t start, stop, _epoch, n = n_of_all(reduction, index.shape[0])
    cdef Py_ssize_t batch_rows = most_rows(reduction, batch_size, index.shape[0])
    cdef Py_ssize_t block_rows = max(1, rows_of_a_block(rows, sparse, batch_rows))
    dtype = np.float32 if real is float else np.float64
    cdef bint fused = reduction is None and step_is_fused(optimizer, batch_rows, block_rows)
    cdef SmallSteps small = None
    if (fused and not sparse and not bfloat16 and dropout is None
            and prefers_small(network, objective, optimizer, batch_rows)):
        small = SmallSteps(network, objective, batch_rows, dtype, n_threads, n * max_iter)
    cdef Team team = (new_team(network, block_rows, sparse, n_threads, dtype, bfloat16)
                      if small is None else small.team)
    cdef SparseBlock block = new_block(sparse, network, rows, block_rows, dtype, team)
    if small is None:
        team.make_room(room_to_compute(network, team, block, block_rows))
    cdef SmallLayers last_layers = None
    if small is None and dropout is None:
        last_layers = small_last_layers(network, objective, block_rows, dtype, team)
    if bfloat16 and block is None and rows.dtype == UINT8:
        network, rows = network.scaling_inputs(rows.scale), rows.unscaled()
    if fused and block is not None and steps_may_wait(optimizer, rows, alpha, block_rows):
        block.idle = IdleSteps(optimizer, rows.n_features, network.sizes[1],
                               rows.n_samples // batch_size + 1)
    if fused:
        publish(network, block, last_layers, dtype)
    cdef real[:, ::1] scratch = matrix_on_lines(
        block_rows + 1 if small is None else small.n_rows,
        scratch_width(network, block, dropout) if small is None else rows.n_features, dtype)
    cdef real[::1] grads = (np.empty(0 if fused else network.n_params, dtype)
                            if reduction is None else reduction.buffer)
    cdef real[:, :] state = optimizer.require_state(network.n_params, dtype)
    cdef const real[::1] weights = sample_weight
    if sample_weight is None:
        weights = np.empty(0, dtype)
    cdef bitgen_t *bitgen = NULL
    cdef Pace pace = new_pace(network, team, block, batch_rows) if small is None else None
    cdef double total, began = 0.0
    cdef Py_ssize_t t_before, n_seen
    cdef bint refills = refill is not None
    if bit_generator is not None:
        bitgen = <bitgen_t *> PyCapsule_GetPointer(bit_generator.capsule, "BitGenerator")
    run.start_clock()
    with nogil:
        for _epoch in range(max_iter):
            optimizer.norm_sum, t_before = 0.0, optimizer.t
            if bitgen != NULL:
                shuffle(index, bitgen)
            total, n_seen = 0.0, 0
            while True:
                if refills:
                    with gil:
                        index = refill()
                    n = index.shape[0]
                start = 0
                try:
                    if small is not None:
                        total = small_epoch(small, optimizer, rows, Y, weights, index, alpha,
                                            batch_rows, params, state, scratch, run, total)
                        start = n
                    while start < n:
                        stop = min(start + batch_size, n)
                        expect(block, own_part(reduction, index, stop, min(stop + batch_size, n)))
                        if pace is not None:
                            team.rests, began = not pace.is_shared(), clock_seconds()
                        total += (stop - start) * train_batch(
                            network, team, objective, optimizer, rows, Y, weights,
                            own_part(reduction, index, start, stop), alpha, params, grads, state,
                            block, last_layers, dropout, scratch, reduction, run)
                        if pace is not None and stop - start == batch_size:
                            pace.took(clock_seconds() - began)
                        start = stop
                finally:
                    idle_steps(block, True, params, state)
                n_seen += n
                if n == 0 or not refills:
                    break
            if reduction is not None:
                reduction.is_due = False
            run.record(total / n_seen, optimizer.learning_rate,
                       optimizer.norm_sum / max(1, optimizer.t - t_before))
            if ends_when_non_finite and not is_finite(&params[0], params.shape[0]):
                run.outcome = NON_FINITE
            if every_epoch or interval_over(&run.last_report):
                with gil:
                    if report is not None and report() and run.outcome == RUNNING:
                        run.outcome = STOPPED
            if run.outcome != RUNNING:
                break
    if run.outcome == RUNNING:
        run.outcome = MAX_ITER


def predict(Network network, Rows rows, const real[::1] params, *,
            const Py_ssize_t[::1] order=None, int n_threads=1):
    """Return the activations of the output layer.

    Parameters
    ----------
    network : Network
    rows : Rows
        X, of shape (n_samples, n_features).
    params : ndarray of shape (network.n_params,)
    order : ndarray of intp, optional
        The rows to predict for, by default all, in their order.
    n_threads : int, default=1
        Used if there is work for more than one.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs), dtype of params
    """
    check_shapes(network, rows, params.shape[0])
    cdef bint sparse = prefers_sparse(network, rows)
    cdef const Py_ssize_t[::1] index = np.arange(rows.n_samples) if order is None else order
    cdef Py_ssize_t start = 0, m, n = index.shape[0], last = network.n_layers - 1
    cdef Py_ssize_t n_block = rows_of_a_block(rows, sparse, n)
    dtype = np.float32 if real is float else np.float64
    out = np.empty((n, network.sizes[last + 1]), dtype)
    cdef real[:, ::1] output = out
    cdef bint is_long = <double> n * network.n_weights >= WORTH_THREADS
    cdef Team team = new_team(network, n_block, sparse, n_threads if is_long else 1, dtype)
    cdef SparseBlock block = new_block(sparse, network, rows, n_block, dtype, team, False)
    team.make_room(room_to_compute(network, team, block, n_block))
    cdef real[:, ::1] X_room = matrix_on_lines(
        n_block, 0 if sparse else room_of_row(rows.n_features), dtype)
    cdef real[:, ::1] X = X_room[:, :0 if sparse else rows.n_features]
    cdef real[:, ::1] A = matrix_on_lines(n_block, room_of_row(network.n_units), dtype)
    cdef real[:, ::1] no_slopes = np.empty((n_block, 0), dtype)
    cdef Dropout no_dropout = None
    with nogil:
        while start < n:
            m = min(n_block, n - start)
            if sparse:
                sparse_gather(block, index, start, start + m, layer_columns(network, 0, m, A))
            else:
                gather(team, rows, index[start:start + m], X[:m])
            forward(network, network.n_layers, team, params, X[:m], block, no_dropout, A,
                    no_slopes)
            output[start:start + m] = layer_columns(network, last, m, A)
            start += m
    return out


def loss_and_gradient(Network network, loss, Rows rows, const real[:, ::1] Y,
                      const real[::1] params, double alpha=0.0, *,
                      const real[::1] sample_weight=None, bint sparse=False, int n_threads=1,
                      Reduction reduction=None):
    """Return the mean loss of all rows, L2 included, and its gradient.

    Parameters
    ----------
    network : Network
    loss : Loss or Objective
    rows : Rows
        X, of shape (n_samples, n_features).
    Y : ndarray of shape (n_samples, n_outputs)
        Of the dtype of params.
    params : ndarray of shape (network.n_params,)
    alpha : float, default=0.0
        Strength of the L2 regularization.
    sample_weight : ndarray of shape (n_samples,), optional
        Of the dtype of params.
    sparse, n_threads, reduction : bool, int, Reduction
        As for `train`.

    Returns
    -------
    loss : float
    gradient : ndarray of shape (network.n_params,), dtype of params
    """
    check_shapes(network, rows, params.shape[0])
    check_targets(network, rows, Y.shape[0], Y.shape[1], reduction is not None)
    cdef Py_ssize_t n = rows.n_samples, n_block = max(1, rows_of_a_block(rows, sparse, n))
    dtype = np.float32 if real is float else np.float64
    sums = np.zeros(network.n_params, dtype) if reduction is None else reduction.buffer
    gradient = sums[:network.n_params]
    cdef real[::1] grads = sums
    cdef Team team = new_team(network, n_block, sparse, n_threads, dtype)
    cdef SparseBlock block = new_block(sparse, network, rows, n_block, dtype, team)
    team.make_room(room_to_compute(network, team, block, n_block))
    cdef Objective objective = as_objective(loss)
    cdef SmallLayers no_last_layers = None
    cdef Dropout no_dropout = None
    cdef real[:, ::1] scratch = matrix_on_lines(
        n_block + 1, scratch_width(network, block, no_dropout), dtype)
    cdef Py_ssize_t[::1] index = np.arange(n)
    cdef const real[::1] weights = sample_weight
    if sample_weight is None:
        weights = np.empty(0, dtype)
    cdef Run run = Run(0, 0)
    cdef double total, mass
    cdef mlpcore_update rule
    cdef real[:, :] no_state = np.empty((0, network.n_params), dtype)
    with nogil:
        mass = total_weight(weights, index)
        total = l2_penalty(team, params[:network.n_weights], alpha)
        rule = accumulation(1.0 if reduction is not None else 1.0 / mass, 0.0)
        total += gradient_of_all(reduction, &mass, network, team, objective, rows, Y, weights,
                                 index, params, &rule, block, no_last_layers, no_dropout, scratch,
                                 grads, no_state, run)
    if reduction is not None:
        gradient = gradient / mass
    gradient[:network.n_weights] += alpha / mass * np.asarray(params)[:network.n_weights]
    return total / mass, gradient


def mean_loss(loss, const real[:, ::1] outputs, const real[:, ::1] Y,
              const real[::1] sample_weight=None):
    """Return the mean loss of outputs, without L2; shapes as in `loss_and_gradient`."""
    if outputs.shape[0] != Y.shape[0] or outputs.shape[1] != Y.shape[1]:
        raise ValueError(f"Y has shape ({Y.shape[0]}, {Y.shape[1]}): outputs has "
                         f"({outputs.shape[0]}, {outputs.shape[1]})")
    cdef Py_ssize_t[::1] index = np.arange(outputs.shape[0])
    cdef const real[::1] weights = sample_weight
    if sample_weight is None:
        weights = np.empty(0, np.float32 if real is float else np.float64)
    cdef double mass = total_weight(weights, index)
    return loss_forward(as_objective(loss), outputs, Y, weights, index) / mass


cdef int check_shapes(Network network, Rows rows, Py_ssize_t n_params) except -1:
    """Raise where rows or parameters do not fit the network."""
    if rows.n_features != network.sizes[0]:
        raise ValueError(f"X has {rows.n_features} features: the network takes "
                         f"{network.sizes[0]}")
    if n_params != network.n_params:
        raise ValueError(f"params has {n_params} elements: the network has {network.n_params}")
    return 0


cdef int check_targets(Network network, Rows rows, Py_ssize_t n, Py_ssize_t n_out,
                       bint may_be_empty) except -1:
    """Raise where there is no sample, or Y does not fit rows and network."""
    if rows.n_samples == 0 and not may_be_empty:
        raise ValueError("X has no rows: needed is at least one sample")
    if n != rows.n_samples or n_out != network.sizes[network.n_layers]:
        raise ValueError(f"Y has shape ({n}, {n_out}): X and the network need "
                         f"({rows.n_samples}, {network.sizes[network.n_layers]})")
    return 0
