"""The network: a layer is a view into the flat parameter vector.

The vector holds all weights and then all biases: W_1 (n_0, n_1), W_2 (n_1, n_2), ...,
b_1 (n_1,), b_2 (n_2,), ..., or one scalar a layer when the bias is shared. The
activations A and deltas D of a block of m rows are scratch of shape (at least m,
n_1 + n_2 + ...), layer after layer in columns.
"""

import numpy as np

from mlpcore._activations cimport (Activation, activation_forward, activation_slope,
                                   follows_product, needs_slope, slope_backward)
from mlpcore._dropout cimport Dropout, dropout_forward
from mlpcore._layers cimport (affine_forward, affine_gradient, affine_input_gradient,
                              has_slices, room_for_products)
from mlpcore._optimizers cimport apply_update, mlpcore_update
from mlpcore._sparse cimport SparseBlock, sparse_forward, sparse_gradient
from mlpcore._team cimport Team, worth_a_team
from mlpcore._types cimport real


cdef class Network:
    """Sizes and activations of a network, and where its layers lie.

    Parameters
    ----------
    sizes : sequence of int
        Number of features, of units in each hidden layer, and of outputs: n_0, ..., n_L.
    hidden : Activation or sequence of Activation
        Of all hidden layers, or of each.
    output : Activation
    shared_bias : bool, default=False
        One bias a layer, shared by all of its units.
    """

    def __init__(self, sizes, hidden, Activation output, bint shared_bias=False):
        sizes = np.asarray(sizes, dtype=np.intp)
        if len(sizes) < 2 or sizes.min() < 0:
            raise ValueError(f"sizes={sizes.tolist()}: needs two or more sizes, none negative")
        inputs, outputs = np.delete(sizes, len(sizes) - 1), np.delete(sizes, 0)
        self.n_layers = len(sizes) - 1
        self.sizes = sizes
        self.weights = starts(inputs * outputs)
        self.n_weights = self.weights[self.n_layers]
        self.biases = self.n_weights + starts(np.ones_like(outputs) if shared_bias else outputs)
        self.n_params = self.biases[self.n_layers]
        self.columns = starts(outputs)
        self.n_units = self.columns[self.n_layers]
        hidden = np.array(np.broadcast_to(hidden, self.n_layers - 1), dtype=np.intc)
        self.hidden = hidden
        self.keeps_slopes = any(needs_slope(kind) for kind in hidden)
        self.output = output
        self.shared_bias = shared_bias
        self.input_scale = 1.0

    @property
    def n_outputs(self):
        """Number of units in the output layer."""
        return self.sizes[self.n_layers]

    @property
    def n_first_units(self):
        """Number of units in the first layer that computes."""
        return self.sizes[1]

    def __reduce__(self):
        """Pickle by construction."""
        hidden = np.asarray(self.hidden).tolist()
        return Network, (list(self.sizes), hidden, self.output, self.shared_bias)

    def scaling_inputs(self, double scale):
        """Return the same network, which multiplies its inputs by scale."""
        cdef Network network = Network(*self.__reduce__()[1])
        network.input_scale = scale
        return network

    def coefs(self, params):
        """Return the weight matrices, views of shape (n_in, n_out) into params."""
        cdef Py_ssize_t i
        return [
            params[self.weights[i]:self.weights[i + 1]].reshape(self.sizes[i], self.sizes[i + 1])
            for i in range(self.n_layers)
        ]

    def own_biases(self, params):
        """Return the biases as they are stored: views of shape (n_out,), or (1,) if shared."""
        cdef Py_ssize_t i
        return [params[self.biases[i]:self.biases[i + 1]] for i in range(self.n_layers)]

    def intercepts(self, params):
        """Return the biases, views of shape (n_out,); a shared one is repeated, read-only."""
        cdef Py_ssize_t i
        own = self.own_biases(params)
        if not self.shared_bias:
            return own
        return [np.broadcast_to(own[i], (self.sizes[i + 1],)) for i in range(self.n_layers)]


def starts(lengths):
    """Return where each of some adjoining pieces begins, and where the last one ends."""
    return np.concatenate(([0], np.cumsum(lengths))).astype(np.intp)


cdef real[:, ::1] layer_columns(Network network, Py_ssize_t layer, Py_ssize_t m,
                                real[:, ::1] scratch) noexcept nogil:
    """Return the first m rows of a layer's columns in scratch; layer 0 is the first hidden."""
    return scratch[:m, network.columns[layer]:network.columns[layer + 1]]


cdef Team new_team(Network network, Py_ssize_t n_rows, bint sparse, int n_threads, dtype,
                   bint bfloat16=False):
    """Return a team for blocks of so many rows; small layers leave others nothing to do.

    A first layer that is sparse has no dense products.
    """
    cdef Py_ssize_t i, n_in, n_out
    cdef double work = 0.0
    cdef bint slices = False
    for i in range(network.n_layers):
        n_in, n_out = network.sizes[i], network.sizes[i + 1]
        work = max(work, <double> n_rows * n_in * n_out)
        slices = slices or (not (sparse and i == 0) and has_slices(n_rows, n_in, n_out))
    return Team(n_threads if worth_a_team(work) else 1, bfloat16, slices and dtype == np.float32)


cdef Py_ssize_t room_to_compute(Network network, Team team, SparseBlock block,
                                Py_ssize_t n_rows) noexcept nogil:
    """Return the bytes that a thread needs for a block of rows to go forth and back."""
    cdef Py_ssize_t i, most = n_rows, most_of_B = 0
    for i in range(0 if block is None else 1, network.n_layers):
        most = max(most, network.sizes[i], network.sizes[i + 1])
        most_of_B = max(most_of_B, (max(network.sizes[i], n_rows) + 1) * network.sizes[i + 1])
    return room_for_products(team, most, most_of_B)


cdef int forward(Network network, Py_ssize_t n_layers, Team team, const real[::1] params,
                 const real[:, ::1] X, SparseBlock block, Dropout dropout, real[:, ::1] A,
                 real[:, ::1] S) except -1 nogil:
    """a_l = f(a_(l-1) W_l + b_l), a_0 = input_scale X (m, n_0), l up to n_layers; A holds a_1, ...

    If there is a sparse block, a_0 is that, and X only tells the number of rows. S has the
    columns of A, or none: it receives the slopes f'(z) of the hidden layers.
    """
    cdef Py_ssize_t i, m = X.shape[0], last = network.n_layers - 1
    cdef const real[::1] W, b
    cdef const real[:, ::1] x = X
    cdef real[:, ::1] a, s
    cdef Activation kind
    for i in range(n_layers):
        W = params[network.weights[i]:network.weights[i + 1]]
        b = params[network.biases[i]:network.biases[i + 1]]
        a = layer_columns(network, i, m, A)
        s = S[:m]
        if S.shape[1]:
            s = layer_columns(network, i, m, S)
        kind = network.output if i == last else <Activation> network.hidden[i]
        if i == 0 and block is not None:
            sparse_forward(block, W, b, kind, a)
        else:
            affine_forward(team, x, W, b, network.input_scale if i == 0 else 1.0, kind, a)
        if not follows_product(kind):
            activation_forward(kind, a, s)
        if S.shape[1] and i < last:
            activation_slope(kind, a, s)
        if dropout is not None and i < last:
            dropout_forward(dropout, i, a, s)
        x = a
    return 0


cdef int backward(Network network, Py_ssize_t n_layers, Team team, const real[::1] params,
                  const real[:, ::1] X, SparseBlock block, const real[:, ::1] A,
                  const real[:, ::1] S, real[:, ::1] D, const mlpcore_update *of_weights,
                  const mlpcore_update *of_biases, real[::1] target,
                  real[:, :] state) except -1 nogil:
    """Apply the rules with x_l^T d_l and sum d_l to target; d_l = d_(l+1) W_(l+1)^T f'(z_l).

    x_l is the layer's input; that of the last of n_layers stands in D (m + 1, n_1 + ...)
    already, whose last row is for the sums. target is a gradient, or params themselves, which
    then make a step: a layer's weights are read before they change. state (n_state, n_params)
    is that of the rules. Slopes are taken from S, or if that has no columns told from A.
    """
    cdef Py_ssize_t i, j, w, w_end, m = X.shape[0]
    cdef const real[:, ::1] x, a
    cdef real[:, ::1] d, d_before
    cdef real[::1] sums
    cdef Activation kind
    cdef mlpcore_update rule = of_weights[0]
    for i in range(n_layers - 1, -1, -1):
        w, w_end = network.weights[i], network.weights[i + 1]
        d = layer_columns(network, i, m, D)
        sums = D[m, network.columns[i]:network.columns[i + 1]]
        x = X
        if i > 0:
            x = A[:m, network.columns[i - 1]:network.columns[i]]
            d_before = layer_columns(network, i - 1, m, D)
            kind = <Activation> network.hidden[i - 1]
            a = x
            if S.shape[1]:
                a = A[:m, :0]
            affine_input_gradient(team, d, params[w:w_end], kind, a, d_before)
            if S.shape[1]:
                slope_backward(S[:m, network.columns[i - 1]:network.columns[i]], d_before)
        if i == 0 and block is not None:
            sparse_gradient(block, d, of_weights, target[w:w_end], state[:, w:w_end], sums)
        else:
            if i == 0:
                rule.scale *= network.input_scale
            affine_gradient(team, x, d, &rule, target[w:w_end], state[:, w:w_end], sums)
        for j in range(1, sums.shape[0] if network.shared_bias else 0):
            sums[0] += sums[j]
        apply_update(team, of_biases, sums, target, state, network.biases[i],
                     network.biases[i + 1])
    return 0
