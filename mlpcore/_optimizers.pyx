"""Optimizers: one step on one flat parameter vector.

Every step takes the gradient as g = scale * grads + decay * params: grads is a sum over
the batch, scale is 1 / m, and decay is alpha / m for weights (eq. 15 of the report) and 0
for biases. params, grads and each row of the state are (n_params,). The rules themselves
are in `_updates.h`, for the kernels that make gradients apply them too.

D. P. Kingma and J. Ba, "Adam", ICLR 2015, section 2; I. Loshchilov and F. Hutter,
"Decoupled weight decay regularization", ICLR 2019.
"""

import numpy as np

from libc.math cimport INFINITY, sqrt
from libc.string cimport memset

from mlpcore._team cimport Team
from mlpcore._types cimport real

from mlpcore._team import copy_on_lines, zeros_on_lines

cdef extern from "_updates.h" nogil:
    int MLPCORE_ADD, MLPCORE_MOMENTUM, MLPCORE_NESTEROV, MLPCORE_ADAM
    ctypedef struct mlpcore_update_job:
        const mlpcore_update *update
        Py_ssize_t n
        const void *g
        void *w
        void *first
        void *second
    void mlpcore_update_f(const void *job, int thread, int n_threads)
    void mlpcore_update_d(const void *job, int thread, int n_threads)


cdef class Optimizer:
    """Hyper-parameters of a solver, and what it remembers from step to step.

    Parameters
    ----------
    solver : Solver
    learning_rate : float
        May be changed between epochs.
    momentum, nesterov : float in [0, 1], bool
        For SGD. Without momentum there is no state and Nesterov makes no difference.
    beta_1, beta_2, epsilon : float
        For ADAM and ADAMW.
    weight_decay : float
        For ADAMW: a step takes learning_rate * weight_decay of each weight away.
    max_grad_norm : float
        A longer gradient, of all parameters together, is shortened to this length.
    measures_norm : bool
        Measure that length also if it is not limited.

    Attributes
    ----------
    t : int
        Steps so far.
    state : ndarray of shape (n_state, n_params) or None
        The velocity, or both moments; None before the first step.
    """

    def __init__(self, Solver solver, double learning_rate, *, double momentum=0.0,
                 bint nesterov=False, double beta_1=0.9, double beta_2=0.999,
                 double epsilon=1e-8, double weight_decay=0.0, double max_grad_norm=INFINITY,
                 bint measures_norm=False):
        self.solver = solver
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.max_grad_norm = max_grad_norm
        self.measures_norm = measures_norm or max_grad_norm < INFINITY
        self.norm_sum = 0
        self.t = 0
        self.state = None

    def __reduce__(self):
        """Pickle by construction."""
        settings = {"momentum": self.momentum, "nesterov": self.nesterov, "beta_1": self.beta_1,
                    "beta_2": self.beta_2, "epsilon": self.epsilon,
                    "weight_decay": self.weight_decay, "max_grad_norm": self.max_grad_norm,
                    "measures_norm": self.measures_norm}
        return restored, (self.solver, self.learning_rate, settings, self.t, self.state)

    def __deepcopy__(self, memo):
        restore, how = self.__reduce__()
        return restore(*how)

    @property
    def n_state(self):
        """Number of state vectors as long as the parameters."""
        if self.solver != SGD:
            return 2
        return 1 if self.momentum != 0 else 0

    def require_state(self, Py_ssize_t n_params, dtype):
        """Return the state; zeros in the beginning, or where it is another network's."""
        shape = (self.n_state, n_params)
        if self.state is None or self.state.shape != shape or self.state.dtype != dtype:
            self.state = zeros_on_lines(shape, dtype)
        return self.state


def restored(solver, learning_rate, settings, t, state):
    """Return an optimizer as it was when it was pickled."""
    optimizer = Optimizer(solver, learning_rate, **settings)
    optimizer.t = t
    optimizer.state = None if state is None else copy_on_lines(state)
    return optimizer


cdef mlpcore_update accumulation(double scale, double keep) noexcept nogil:
    """Return the rule target = keep target + scale g, which is also plain SGD's."""
    cdef mlpcore_update update
    memset(&update, 0, sizeof(update))
    update.kind, update.scale, update.keep = MLPCORE_ADD, scale, keep
    return update


cdef mlpcore_update update_of(Optimizer optimizer, double scale, double alpha,
                              bint is_weights) noexcept nogil:
    """Return the rule of step number t: on weights with L2 and weight decay, or on biases."""
    cdef double rate = optimizer.learning_rate
    cdef double decay = alpha * scale if is_weights else 0.0
    cdef mlpcore_update update = accumulation(-rate * scale, 1 - rate * decay)
    if optimizer.solver == SGD and optimizer.momentum == 0:
        return update
    update.scale, update.decay, update.rate, update.keep = scale, decay, rate, 1.0
    if optimizer.solver == SGD:
        update.kind = MLPCORE_NESTEROV if optimizer.nesterov else MLPCORE_MOMENTUM
        update.momentum = optimizer.momentum
        return update
    update.kind = MLPCORE_ADAM
    update.beta_1, update.beta_2 = optimizer.beta_1, optimizer.beta_2
    update.epsilon = optimizer.epsilon
    # The bias corrections of both moments.
    update.rate *= sqrt(1 - optimizer.beta_2 ** optimizer.t) / (1 - optimizer.beta_1 ** optimizer.t)
    if optimizer.solver == ADAMW and is_weights:
        update.keep -= rate * optimizer.weight_decay
    return update


cdef void apply_update(Team team, const mlpcore_update *update, const real[::1] grads,
                       real[::1] params, real[:, :] state, Py_ssize_t start,
                       Py_ssize_t stop) noexcept nogil:
    """Apply a rule to the parameters from start to stop; grads are theirs alone."""
    cdef mlpcore_update_job job
    if start == stop:
        return
    job.update, job.n, job.g, job.w = update, stop - start, &grads[0], &params[start]
    job.first = &state[0, start] if state.shape[0] > 0 else NULL
    job.second = &state[1, start] if state.shape[0] > 1 else NULL
    # An element costs as much as some ten multiplications.
    team.run(mlpcore_update_f if real is float else mlpcore_update_d, &job, 10.0 * job.n)


cdef void optimizer_step(Optimizer optimizer, Team team, const real[::1] grads, double scale,
                         double alpha, Py_ssize_t n_weights, real[::1] params,
                         real[:, :] state) noexcept nogil:
    """Step on the weights, the first n_weights parameters, with L2, then on the biases."""
    cdef Py_ssize_t n = params.shape[0]
    cdef mlpcore_update update
    optimizer.t += 1
    scale *= shortening(optimizer, grads, scale, alpha, n_weights, params)
    update = update_of(optimizer, scale, alpha, True)
    apply_update(team, &update, grads[:n_weights], params, state, 0, n_weights)
    update = update_of(optimizer, scale, alpha, False)
    apply_update(team, &update, grads[n_weights:], params, state, n_weights, n)


def step(Optimizer optimizer, const real[::1] grads, double scale, double alpha,
         Py_ssize_t n_weights, real[::1] params):
    """Make one step from Python: params change in place.

    Parameters
    ----------
    optimizer : Optimizer
    grads : ndarray of shape (n_params,)
        Sum over a batch.
    scale : float
        One over the number of samples.
    alpha : float
        Strength of the L2 regularization.
    n_weights : int
        How many of the parameters are weights, the first ones.
    params : ndarray of shape (n_params,)
    """
    if grads.shape[0] != params.shape[0] or not 0 <= n_weights <= params.shape[0]:
        raise ValueError(f"{grads.shape[0]} gradients, {params.shape[0]} parameters, "
                         f"n_weights={n_weights}: needed are as many gradients as parameters")
    dtype = np.float32 if real is float else np.float64
    cdef real[:, :] state = optimizer.require_state(params.shape[0], dtype)
    cdef Team team = Team(1)
    optimizer_step(optimizer, team, grads, scale, alpha, n_weights, params, state)


cdef double shortening(Optimizer optimizer, const real[::1] grads, double scale, double alpha,
                       Py_ssize_t n_weights, const real[::1] params) noexcept nogil:
    """Return the factor that shortens the gradient to its limit; its length is added up."""
    cdef double norm
    if not optimizer.measures_norm:
        return 1.0
    norm = scale * sqrt(gradient_square(grads[:n_weights], params[:n_weights], alpha)
                        + gradient_square(grads[n_weights:], params[n_weights:], 0.0))
    optimizer.norm_sum += norm
    return optimizer.max_grad_norm / norm if norm > optimizer.max_grad_norm else 1.0


cdef double gradient_square(const real[::1] grads, const real[::1] params,
                            double alpha) noexcept nogil:
    """Return sum_i (grads_i + alpha params_i)^2."""
    cdef Py_ssize_t i
    cdef double total = 0.0, g
    for i in range(grads.shape[0]):
        g = grads[i] + alpha * params[i]
        total += g * g
    return total
