"""Dropout: hidden units that are left out of a step at random.

N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
JMLR 15 (2014); the units that stay are scaled up, so that prediction needs no change.
"""

import numpy as np

from cpython.pycapsule cimport PyCapsule_GetPointer

from mlpcore._types cimport real
from numpy.random cimport bitgen_t


cdef class Dropout:
    """The rate of each hidden layer, and the stream that decides.

    Parameters
    ----------
    rates : sequence of float in [0, 1)
        Share of the units that is left out, one a hidden layer.
    generator : numpy.random.BitGenerator
        Of its own: advanced by a draw for each unit of each sample.
    """

    def __init__(self, rates, generator):
        self.rates = np.array(rates, dtype=float)
        self.generator = generator
        self.stream = <bitgen_t *> PyCapsule_GetPointer(generator.capsule, "BitGenerator")


cdef void dropout_forward(Dropout dropout, Py_ssize_t layer, real[:, ::1] a,
                          real[:, ::1] slope) noexcept nogil:
    """Multiply a and slope by 0 or 1 / (1 - rate), unit by unit; both (m, n)."""
    cdef Py_ssize_t i, j
    cdef double rate = dropout.rates[layer]
    cdef real kept = 1 / (1 - rate), factor
    if rate == 0:
        return
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            factor = kept if dropout.stream.next_double(dropout.stream.state) >= rate else 0
            a[i, j] *= factor
            slope[i, j] *= factor
