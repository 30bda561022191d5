"""The rows of X: read as they lie in memory, converted and scaled a block at a time."""

import numpy as np
from scipy.sparse import issparse

from numpy.random cimport bitgen_t

from mlpcore._team cimport Team
from mlpcore._types cimport real

cdef extern from "_levels.h" nogil:
    void MLPCORE_PREFETCH(const void *address)

ctypedef fused sample:
    float
    double
    unsigned char

cdef enum:
    AS_LONG_AS = 8  # Multiplications: to fetch and write a value.
    AHEAD = 8       # So many rows before its turn a row of targets is asked for.
    NEAR = 1 << 18  # Bytes of targets that a cache close by holds anyway.


cdef class Rows:
    """X of shape (n_samples, n_features), dense or CSR, times a scale.

    Parameters
    ----------
    X : C-contiguous ndarray of float32, float64 or uint8, or CSR matrix of float32 or float64
        Kept as it is: nothing is copied, but an array that is not aligned, where the rows of a
        CSR matrix start, and its indices if they are not 32 bits wide. Another thread that
        writes to it changes what is read, and nothing else.
    scale : float, default=1.0
        Every value is multiplied by it. For uint8 the 256 products are computed in
        float64 and rounded once.

    Raises
    ------
    TypeError
        If X has another dtype.
    ValueError
        If the indices of a CSR matrix lie outside of it.
    """

    def __init__(self, X, double scale=1.0):
        self.scale = scale
        self.n_samples, self.n_features = X.shape
        self.is_csr = issparse(X)
        if self.is_csr:
            self.take_csr(X)
            return
        if X.dtype == np.float32:
            self.dtype, self.f32 = FLOAT32, np.require(X, requirements="A")
        elif X.dtype == np.float64:
            self.dtype, self.f64 = FLOAT64, np.require(X, requirements="A")
        elif X.dtype == np.uint8:
            self.take_bytes(X)
        else:
            raise TypeError(f"X has dtype {X.dtype}: allowed are float32, float64 and uint8")
        self.take_dense()

    def take_dense(self):
        """Write down where the rows lie; those without a value lie nowhere."""
        self.dense.type, self.dense.scale = self.dtype, self.scale
        self.dense.n_features = self.n_features
        self.dense.table_f32, self.dense.table_f64 = self.table_f32, self.table_f64
        if self.n_samples == 0 or self.n_features == 0:
            return
        if self.dtype == UINT8:
            self.dense.X = &self.u8[0, 0]
        elif self.dtype == FLOAT32:
            self.dense.X = &self.f32[0, 0]
        else:
            self.dense.X = &self.f64[0, 0]

    def take_bytes(self, X):
        """Keep bytes, and what each stands for."""
        cdef int i
        self.dtype, self.u8 = UINT8, X
        for i in range(256):
            self.table_f64[i] = self.scale * i
            self.table_f32[i] = <float> self.table_f64[i]

    def unscaled(self):
        """Return the same rows of bytes, as the whole numbers that they are."""
        return Rows(np.asarray(self.u8))

    def take_csr(self, X):
        """Keep the three arrays of a CSR matrix."""
        if X.format != "csr" or X.dtype not in (np.float32, np.float64):
            raise TypeError(f"X is {X.format} of {X.dtype}: allowed is csr of float32 or float64")
        if X.dtype == np.float32:
            self.dtype, self.csr_f32 = FLOAT32, X.data
        else:
            self.dtype, self.csr_f64 = FLOAT64, X.data
        # A copy: from now on, the starts are those that were checked.
        start, feature = X.indptr.astype(np.intp), X.indices
        if (len(start) != self.n_samples + 1 or start[0] < 0 or (np.diff(start) < 0).any()
                or start[self.n_samples] > min(len(feature), len(X.data))):
            raise ValueError("X is no CSR matrix: its indptr does not rise from 0 to the number "
                             "of its values")
        if len(feature) and (feature.min() < 0 or feature.max() >= self.n_features):
            raise ValueError(f"X is no CSR matrix: its indices are from {feature.min()} to "
                             f"{feature.max()}, and it has {self.n_features} columns")
        self.csr_feature = feature.astype(np.int32, copy=False)
        self.csr_start = start


cdef void convert_row(Rows rows, Py_ssize_t i, real *out) noexcept nogil:
    """out = scale * x_i; out (n_features,)."""
    if rows.is_csr:
        spread_row(rows, i, out)
    elif real is float:
        mlpcore_convert_row_f(&rows.dense, i, out)
    else:
        mlpcore_convert_row_d(&rows.dense, i, out)


cdef void spread_row(Rows rows, Py_ssize_t i, real *out) noexcept nogil:
    """out = scale * x_i of a CSR matrix, whose entries may be in any order, and repeated."""
    cdef Py_ssize_t j, k
    # Checked before, but another thread may have written to the matrix since.
    cdef unsigned int last = <unsigned int> rows.n_features - 1
    for j in range(rows.n_features):
        out[j] = 0
    for k in range(rows.csr_start[i], rows.csr_start[i + 1]):
        j = min(<unsigned int> rows.csr_feature[k], last)
        out[j] += <real> (rows.scale * (rows.csr_f32[k] if rows.dtype == FLOAT32
                                        else rows.csr_f64[k]))


cdef Py_ssize_t most_nonzeros(Rows rows) noexcept nogil:
    """Return a bound for the non-zeros of any row."""
    cdef Py_ssize_t i, most = 0
    if not rows.is_csr:
        return rows.n_features
    for i in range(rows.n_samples):
        most = max(most, rows.csr_start[i + 1] - rows.csr_start[i])
    return most


cdef mlpcore_gather_job gather_job(Rows rows, const Py_ssize_t[::1] index,
                                   real[:, ::1] out) noexcept nogil:
    """Return the task to gather dense rows, as `gather` does; none of the arrays is empty."""
    cdef mlpcore_gather_job job
    job.rows, job.index, job.m, job.out = &rows.dense, &index[0], out.shape[0], &out[0, 0]
    job.stride = out.strides[0] // <Py_ssize_t> sizeof(real)
    return job


cdef void gather(Team team, Rows rows, const Py_ssize_t[::1] index,
                 real[:, ::1] out) noexcept nogil:
    """out_i = scale * x_index[i]; index (m,), out (m, n_features)."""
    cdef Py_ssize_t i, m = out.shape[0]
    cdef mlpcore_gather_job job
    if m == 0 or out.shape[1] == 0:
        return
    if rows.is_csr:
        for i in range(m):
            spread_row(rows, index[i], &out[i, 0])
        return
    job = gather_job(rows, index, out)
    team.run(mlpcore_gather_f if real is float else mlpcore_gather_d, &job,
             AS_LONG_AS * m * rows.n_features)


cdef double density(Rows rows, Py_ssize_t step) noexcept nogil:
    """Return the share of non-zeros in every step-th row."""
    cdef Py_ssize_t n_seen = rows.n_samples // step * rows.n_features
    if rows.is_csr:
        n_seen = rows.n_samples * rows.n_features
        return rows.csr_start[rows.n_samples] / <double> n_seen if n_seen else 1.0
    return count_groups(rows, step, 1) / <double> n_seen if n_seen else 1.0


cdef Py_ssize_t count_groups(Rows rows, Py_ssize_t step, Py_ssize_t size) noexcept nogil:
    """Return how many groups of so many adjoining features are not all zeros, in every step-th row.

    The rows are dense; features beyond the last whole group do not count.
    """
    if rows.dtype == UINT8:
        return groups_of(rows.u8, step, size)
    if rows.dtype == FLOAT32:
        return groups_of(rows.f32, step, size)
    return groups_of(rows.f64, step, size)


cdef Py_ssize_t groups_of(const sample[:, ::1] X, Py_ssize_t step, Py_ssize_t size) noexcept nogil:
    """Count them in X (n_samples, n_features)."""
    cdef Py_ssize_t j, k, g, n = 0
    cdef bint found
    for k in range(X.shape[0] // step):
        for j in range(X.shape[1] // size):
            found = False
            for g in range(size):
                found |= X[k * step, j * size + g] != 0
            n += found
    return n


cdef void gather_targets(const real[:, ::1] Y, const Py_ssize_t[::1] index,
                         real[:, ::1] out) noexcept nogil:
    """out_i = y_index[i]; Y (n_samples, n_outputs), index (m,), out (m, n_outputs)."""
    cdef Py_ssize_t i, j
    cdef bint lies_far = Y.shape[0] * Y.shape[1] > NEAR // <Py_ssize_t> sizeof(real)
    for i in range(out.shape[0]):
        if lies_far and i + AHEAD < out.shape[0]:
            MLPCORE_PREFETCH(&Y[index[i + AHEAD], 0])
        for j in range(out.shape[1]):
            out[i, j] = Y[index[i], j]


cdef void shuffle(Py_ssize_t[::1] index, bitgen_t *bitgen) noexcept nogil:
    """Permute index in place, with the draws of numpy.random.RandomState.shuffle.

    A draw beyond i is repeated, and until then i changes places with itself: a branch would
    be guessed wrong every third time.
    """
    cdef Py_ssize_t i = index.shape[0] - 1, j, kept, mask = 1
    cdef bint taken
    while mask < i:
        mask = 2 * mask + 1
    while i > 0:
        if mask >> 32:
            j = bitgen.next_uint64(bitgen.state) & mask
        else:
            j = bitgen.next_uint32(bitgen.state) & mask
        taken = j <= i
        j = min(j, i)
        kept = index[i]
        index[i] = index[j]
        index[j] = kept
        i -= taken
        if i <= mask >> 1:
            mask >>= 1
