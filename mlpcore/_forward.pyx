"""The forward pass alone, for predictions one by one: nothing is allocated, nothing validated.

A few rows are walked through the network one after another, passing over their zeros; more
of them are computed as `_training.predict` does.
"""

import numpy as np

cimport numpy as cnp

from mlpcore._activations cimport Activation, activation_forward, follows_product
from mlpcore._network cimport Network
from mlpcore._rows cimport Rows, convert_row
from mlpcore._sparse cimport walk, WalkRoom
from mlpcore._training import predict
from mlpcore._types cimport real

cnp.import_array()

cdef enum:
    FEW_ROWS = 8


cdef class Room:
    """Scratch of one call: a row, its non-zeros, and the activations of all layers."""

    cdef object row
    cdef object activations
    cdef WalkRoom nonzeros

    def __cinit__(self, Network network, dtype):
        self.row = np.empty(network.sizes[0], dtype)
        self.activations = np.empty((1, network.n_units), dtype)
        self.nonzeros = WalkRoom(max(network.sizes), dtype)


cdef class ForwardPass:
    """A network with its parameters.

    Parameters
    ----------
    network : Network
    params : ndarray of shape (network.n_params,), float32 or float64
        Copied.
    input_scale : float, default=1.0
        Every value of X is multiplied by it.
    n_threads : int, default=1
        Threads for many rows.

    Raises
    ------
    ValueError
        If params are not as many as the network has.
    """

    cdef readonly Network network
    cdef readonly object params
    cdef readonly double input_scale
    cdef readonly int n_threads
    cdef list rooms

    def __init__(self, Network network, params, double input_scale=1.0, int n_threads=1):
        if len(params) != network.n_params:
            raise ValueError(f"params has {len(params)} elements: the network has "
                             f"{network.n_params}")
        self.network, self.input_scale, self.n_threads = network, input_scale, n_threads
        self.params = np.array(params)
        self.params.flags.writeable = False
        # One a thread that calls at the same time.
        self.rooms = [Room(network, self.params.dtype)]

    def __call__(self, X, out=None):
        """Return the outputs of the network.

        Parameters
        ----------
        X : C-contiguous ndarray of shape (n_rows, n_features)
            Of float32, float64 or uint8. Values are not looked at: NaN gives NaN.
        out : C-contiguous ndarray of shape (n_rows, n_outputs), default=None
            Where to put them, of the dtype of the parameters; without it, an array is made.

        Returns
        -------
        ndarray of shape (n_rows, n_outputs)
            out, if given.

        Raises
        ------
        ValueError
            If X or out is not such an array.
        """
        cdef Py_ssize_t n_outputs = self.network.sizes[self.network.n_layers]
        if not fits(X, self.network.sizes[0]):
            raise ValueError(f"X is {described(X)}: needed is a C-contiguous array of float32, "
                             f"float64 or uint8 with shape (n_rows, {self.network.sizes[0]})")
        cdef Py_ssize_t m = cnp.PyArray_DIM(X, 0)
        if out is None:
            out = np.empty((m, n_outputs), self.params.dtype)
        elif (not fits(out, n_outputs) or cnp.PyArray_DIM(out, 0) != m
              or cnp.PyArray_TYPE(out) != cnp.PyArray_TYPE(self.params)
              or not cnp.PyArray_ISWRITEABLE(out)):
            raise ValueError(f"out is {described(out)}: needed is a writable, C-contiguous array "
                             f"of {self.params.dtype} with shape ({m}, {n_outputs})")
        if m > FEW_ROWS:
            out[...] = predict(self.network, Rows(X, self.input_scale), self.params,
                               n_threads=self.n_threads)
        elif cnp.PyArray_TYPE(self.params) == cnp.NPY_FLOAT32:
            self.walk_rows[float](X, out, <float> 0)
        else:
            self.walk_rows[double](X, out, <double> 0)
        return out

    cdef Room free_room(self):
        """A room that no other thread has; it is given back by an append."""
        try:
            return self.rooms.pop()
        except IndexError:
            return Room(self.network, self.params.dtype)

    cdef walk_rows(self, X, out, real unused):
        """out = network(X), row after row."""
        cdef Room room = self.free_room()
        cdef const real[::1] params = self.params
        cdef real[:, ::1] A = room.activations
        cdef real[:, ::1] output = out
        cdef real[::1] row = room.row
        cdef const real *x = <const real *> cnp.PyArray_DATA(X)
        cdef bint is_plain = cnp.PyArray_TYPE(X) == cnp.PyArray_TYPE(self.params)
        cdef Rows rows = None
        cdef Py_ssize_t i, n = self.network.sizes[0], n_outputs = output.shape[1]
        cdef Py_ssize_t first = self.network.n_units - n_outputs
        if not is_plain or self.input_scale != 1:
            rows = Rows(X, self.input_scale)
        with nogil:
            for i in range(output.shape[0]):
                if rows is not None:
                    convert_row(rows, i, &row[0] if n else NULL)
                    walk_row(self.network, room.nonzeros, params, &row[0] if n else NULL, A)
                else:
                    walk_row(self.network, room.nonzeros, params, x + i * n, A)
                output[i] = A[0, first:]
        self.rooms.append(room)


cdef void walk_row(Network network, WalkRoom room, const real[::1] params, const real *x,
                   real[:, ::1] A) noexcept nogil:
    """Put the activations of all layers into A (1, n_units); x (n_features,)."""
    cdef Py_ssize_t i, last = network.n_layers - 1
    cdef Activation kind
    cdef real[:, ::1] a
    for i in range(network.n_layers):
        a = A[:, network.columns[i]:network.columns[i + 1]]
        kind = network.output if i == last else <Activation> network.hidden[i]
        walk(room, x, params[network.weights[i]:network.weights[i + 1]],
             params[network.biases[i]:network.biases[i + 1]], kind, a[0])
        if not follows_product(kind):
            activation_forward(kind, a, A[:, :0])
        x = &a[0, 0]


cdef bint fits(X, Py_ssize_t n_columns):
    """Whether X is an array of n_columns that the core reads where it lies."""
    if not cnp.PyArray_Check(X) or cnp.PyArray_NDIM(X) != 2:
        return False
    return (cnp.PyArray_DIM(X, 1) == n_columns and cnp.PyArray_IS_C_CONTIGUOUS(X)
            and cnp.PyArray_ISALIGNED(X) and cnp.PyArray_ISNOTSWAPPED(X)
            and cnp.PyArray_TYPE(X) in (cnp.NPY_FLOAT32, cnp.NPY_FLOAT64, cnp.NPY_UINT8))


def described(X):
    """Return what an argument is, for a message."""
    if not isinstance(X, np.ndarray):
        return f"of type {type(X).__name__}"
    order = "C-contiguous" if X.flags.c_contiguous else "not C-contiguous"
    return f"an array of {X.dtype} with shape {X.shape}, {order}"
