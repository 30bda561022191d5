"""Optimizers: one step on one flat parameter vector.

Every step takes the gradient as g = scale * grads + decay * params: grads is a sum over
the batch, scale is 1 / m, and decay is alpha / m for weights (eq. 15 of the report) and 0
for biases. params, grads and each row of the state are (n_params,).
"""

import numpy as np

from libc.math cimport INFINITY, sqrt, sqrtf

from mlpcore._types cimport real


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
            self.state = np.zeros(shape, dtype)
        return self.state


def restored(solver, learning_rate, settings, t, state):
    """Return an optimizer as it was when it was pickled."""
    optimizer = Optimizer(solver, learning_rate, **settings)
    optimizer.t, optimizer.state = t, state
    return optimizer


cdef void optimizer_step(Optimizer optimizer, const real[::1] grads, double scale, double alpha,
                         Py_ssize_t n_weights, real[::1] params,
                         real[:, ::1] state) noexcept nogil:
    """Step on the weights, the first n_weights parameters, with L2, then on the biases."""
    cdef Py_ssize_t part, start, stop
    cdef double decay, keep, rate = optimizer.learning_rate
    optimizer.t += 1
    scale *= shortening(optimizer, grads, scale, alpha, n_weights, params)
    if optimizer.solver != SGD:
        rate *= (sqrt(1 - optimizer.beta_2 ** optimizer.t)
                 / (1 - optimizer.beta_1 ** optimizer.t))
    for part in range(2):
        start = 0 if part == 0 else n_weights
        stop = n_weights if part == 0 else params.shape[0]
        decay = alpha * scale if part == 0 else 0.0
        if optimizer.solver != SGD:
            keep = 1.0
            if optimizer.solver == ADAMW and part == 0:
                keep -= optimizer.learning_rate * optimizer.weight_decay
            adam_step(grads[start:stop], scale, decay, rate, optimizer.beta_1, optimizer.beta_2,
                      optimizer.epsilon, keep, params[start:stop],
                      state[0, start:stop], state[1, start:stop])
        elif optimizer.momentum != 0:
            momentum_step(grads[start:stop], scale, decay, rate, optimizer.momentum,
                          optimizer.nesterov, params[start:stop], state[0, start:stop])
        else:
            sgd_step(grads[start:stop], scale, decay, rate, params[start:stop])


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


cdef inline real root(real x) noexcept nogil:
    """Return the square root in the type of x: in double, the loop would run at half speed."""
    if real is float:
        return sqrtf(x)
    else:
        return sqrt(x)


cpdef void sgd_step(const real[::1] grads, double scale, double decay, double learning_rate,
                    real[::1] params) noexcept nogil:
    """params -= learning_rate * g."""
    cdef Py_ssize_t i
    cdef real keep = 1 - learning_rate * decay, rate = learning_rate * scale
    for i in range(params.shape[0]):
        params[i] = keep * params[i] - rate * grads[i]


cpdef void momentum_step(const real[::1] grads, double scale, double decay, double learning_rate,
                         double momentum, bint nesterov, real[::1] params,
                         real[::1] velocity) noexcept nogil:
    """v = momentum v - rate g; params += v, or momentum v - rate g with Nesterov's."""
    cdef Py_ssize_t i
    cdef real step, v, s = scale, d = decay, rate = learning_rate, mu = momentum
    cdef real again = mu if nesterov else 0
    for i in range(params.shape[0]):
        step = -rate * (s * grads[i] + d * params[i])
        v = mu * velocity[i] + step
        velocity[i] = v
        params[i] += again * v + step if nesterov else v


cpdef void adam_step(const real[::1] grads, double scale, double decay, double learning_rate,
                     double beta_1, double beta_2, double epsilon, double keep,
                     real[::1] params, real[::1] mean, real[::1] square) noexcept nogil:
    """params = keep params - rate m / (sqrt(v) + epsilon), m and v the moving moments of g.

    D. P. Kingma and J. Ba, "Adam", ICLR 2015, section 2: the bias corrections of both
    moments are in the rate that the caller passes. I. Loshchilov and F. Hutter, "Decoupled
    weight decay regularization", ICLR 2019: there keep is below 1.
    """
    cdef Py_ssize_t i
    cdef real g, s = scale, d = decay, rate = learning_rate, eps = epsilon, k = keep
    cdef real b1 = beta_1, b2 = beta_2, c1 = 1 - beta_1, c2 = 1 - beta_2
    for i in range(params.shape[0]):
        g = s * grads[i] + d * params[i]
        mean[i] = b1 * mean[i] + c1 * g
        square[i] = b2 * square[i] + c2 * g * g
        params[i] = k * params[i] - rate * mean[i] / (root(square[i]) + eps)
