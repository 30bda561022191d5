"""Copies of what the threads of a team write, for each other to read (`_published.h`)."""

import numpy as np

from mlpcore._team cimport matrix_on_lines

cdef enum:
    LINE = 64


cdef class Published:
    """Room for copies of the rows of a matrix, of which there are none as yet.

    Parameters
    ----------
    n_rows, n_columns : int
    dtype : float32 or float64
    """

    def __cinit__(self, Py_ssize_t n_rows, Py_ssize_t n_columns, dtype):
        cdef Py_ssize_t size = dtype().itemsize
        self.rows = matrix_on_lines(n_rows, (n_columns * size + LINE - 1) // LINE * LINE, np.uint8)
        self.publishers = np.zeros(n_rows, np.int32)
        self.matrix.n_rows, self.matrix.stride = n_rows, self.rows.shape[1] // size
        self.matrix.rows, self.matrix.publishers = &self.rows[0, 0], &self.publishers[0]
