"""Columns that lie each by itself, as in Arrow, to the rows that a network reads."""

import numpy as np

cdef enum:
    TILE = 64  # rows and columns: what is written by columns stays in cache until it is whole

ctypedef fused number:
    float
    double
    unsigned char


def interleave(list columns, number[:, ::1] out):
    """Write columns side by side.

    Parameters
    ----------
    columns : list of C-contiguous ndarray of shape (n_rows,)
        Of the dtype of out.
    out : ndarray of shape (n_rows, n_columns), float32, float64 or uint8

    Raises
    ------
    ValueError
        If there are not as many columns, or not as long ones, as out has.
    """
    cdef Py_ssize_t j, n = out.shape[1]
    cdef Py_ssize_t[::1] address = np.empty(n, np.intp)
    cdef const number[::1] column
    if len(columns) != n:
        raise ValueError(f"there are {len(columns)} columns: out has {n}")
    for j in range(n):
        column = columns[j]
        if column.shape[0] != out.shape[0]:
            raise ValueError(f"columns[{j}] has {column.shape[0]} rows: out has {out.shape[0]}")
        address[j] = <Py_ssize_t> &column[0] if out.shape[0] else 0
    if n and out.shape[0]:
        with nogil:
            write_tiles(address, out)


cdef void write_tiles(const Py_ssize_t[::1] address, number[:, ::1] out) noexcept nogil:
    """out_ij = (column at address_j)_i; out (n_rows, n_columns)."""
    cdef const number *column
    cdef Py_ssize_t i, j, k, m, n_rows = out.shape[0], n = out.shape[1]
    for k in range((n_rows + TILE - 1) // TILE):
        for m in range((n + TILE - 1) // TILE):
            for j in range(m * TILE, min((m + 1) * TILE, n)):
                column = <const number *> address[j]
                for i in range(k * TILE, min((k + 1) * TILE, n_rows)):
                    out[i, j] = column[i]
