"""The first layer of an input that is mostly zeros: only its non-zeros are walked.

The non-zeros of a block of rows are gathered by row, for the forward pass, and by feature,
for the gradient. A team of threads, each with a slice of the units, walks them (`_sparse.h`,
`_team.h`); every sum is added up in the same order for any number of threads.
"""

import numpy as np

from libc.stdint cimport int32_t
from libc.string cimport memset

from mlpcore._rows cimport FLOAT32, most_nonzeros, Rows, UINT8
from mlpcore._types cimport real


cdef extern from "_team.h" nogil:
    ctypedef struct mlpcore_team:
        pass
    ctypedef void (*mlpcore_task)(const void *job, int thread, int n_threads)
    mlpcore_team *mlpcore_team_start(int n_threads)
    void mlpcore_team_run(mlpcore_team *team, mlpcore_task task, const void *job)
    void mlpcore_team_join(mlpcore_team *team)

cdef extern from "_sparse.h" nogil:
    int MLPCORE_FLOAT32, MLPCORE_FLOAT64, MLPCORE_UINT8
    ctypedef struct mlpcore_nonzeros:
        int32_t *row_start
        int32_t *feature
        int32_t *feature_start
        int32_t *row
        void *values_by_row
        void *values_by_feature
    ctypedef struct mlpcore_sparse_job:
        mlpcore_nonzeros *nonzeros
        Py_ssize_t n_rows, n_features, n_units, b_step, z_stride
        const void *X
        int x_type
        const Py_ssize_t *csr_start
        const int32_t *csr_feature
        const Py_ssize_t *index
        const void *table
        double scale, alpha, beta
        const void *W
        const void *b
        void *d_W
        void *Z
    void mlpcore_sparse_gather_f(const void *job, int thread, int n_threads)
    void mlpcore_sparse_gather_d(const void *job, int thread, int n_threads)
    void mlpcore_sparse_forward_f(const void *job, int thread, int n_threads)
    void mlpcore_sparse_forward_d(const void *job, int thread, int n_threads)
    void mlpcore_sparse_gradient_f(const void *job, int thread, int n_threads)
    void mlpcore_sparse_gradient_d(const void *job, int thread, int n_threads)


cdef class SparseBlock:
    """Room for the non-zeros of a block of rows, and the team that walks them.

    Parameters
    ----------
    rows : Rows
    capacity : int
        Largest number of rows in a block.
    dtype : float32 or float64
    n_threads : int
        Threads of the team, the caller included; they live as long as this object.
    """

    def __cinit__(self, Rows rows, Py_ssize_t capacity, dtype, int n_threads):
        cdef Py_ssize_t room = max(1, capacity * most_nonzeros(rows))
        cdef int t
        self.rows = rows
        self.starts = np.empty((n_threads, capacity + rows.n_features + 2), np.int32)
        self.indices = np.empty((2 * n_threads, room), np.int32)
        self.values = np.empty((2 * n_threads, room), dtype).view(np.uint8)
        self.parts = np.empty(n_threads * sizeof(mlpcore_nonzeros), np.uint8)
        cdef mlpcore_nonzeros *parts = <mlpcore_nonzeros *> &self.parts[0]
        for t in range(n_threads):
            parts[t].row_start = &self.starts[t, 0]
            parts[t].feature_start = &self.starts[t, capacity + 1]
            parts[t].feature = &self.indices[2 * t, 0]
            parts[t].row = &self.indices[2 * t + 1, 0]
            parts[t].values_by_row = &self.values[2 * t, 0]
            parts[t].values_by_feature = &self.values[2 * t + 1, 0]
        self.team = mlpcore_team_start(n_threads)
        if self.team == NULL:
            raise MemoryError("no memory for a team of threads")

    def __dealloc__(self):
        mlpcore_team_join(<mlpcore_team *> self.team)


cdef mlpcore_sparse_job new_job(SparseBlock block, const real[:, ::1] Z) noexcept nogil:
    """Return a job on the rows of a block and Z (n_rows, n_units)."""
    cdef mlpcore_sparse_job job
    memset(&job, 0, sizeof(job))
    job.nonzeros = <mlpcore_nonzeros *> &block.parts[0]
    job.n_rows, job.n_features, job.n_units = Z.shape[0], block.rows.n_features, Z.shape[1]
    job.Z = <void *> &Z[0, 0]
    job.z_stride = Z.strides[0] // <Py_ssize_t> sizeof(real)
    return job


cdef void sparse_gather(SparseBlock block, const Py_ssize_t[::1] index,
                        const real[:, ::1] Z) noexcept nogil:
    """Gather the non-zeros of scale * x_index[i], by row and by feature; Z is not used."""
    cdef mlpcore_sparse_job job = new_job(block, Z)
    job.n_rows, job.index, job.scale = index.shape[0], &index[0], block.rows.scale
    if block.rows.is_csr:
        take_csr(block.rows, &job)
    elif block.rows.dtype == UINT8:
        job.X, job.x_type = &block.rows.u8[0, 0], MLPCORE_UINT8
    elif block.rows.dtype == FLOAT32:
        job.X, job.x_type = &block.rows.f32[0, 0], MLPCORE_FLOAT32
    else:
        job.X, job.x_type = &block.rows.f64[0, 0], MLPCORE_FLOAT64
    job.table = (&block.rows.table_f32[0] if real is float
                 else <const void *> &block.rows.table_f64[0])
    mlpcore_team_run(<mlpcore_team *> block.team, mlpcore_sparse_gather_f if real is float
                     else mlpcore_sparse_gather_d, &job)


cdef void take_csr(Rows rows, mlpcore_sparse_job *job) noexcept nogil:
    """Point a job to the arrays of a CSR matrix; without an entry they have no address."""
    job.csr_start = &rows.csr_start[0]
    job.x_type = MLPCORE_FLOAT32 if rows.dtype == FLOAT32 else MLPCORE_FLOAT64
    if rows.csr_feature.shape[0]:
        job.csr_feature = <const int32_t *> &rows.csr_feature[0]
        job.X = (&rows.csr_f32[0] if rows.dtype == FLOAT32
                 else <const void *> &rows.csr_f64[0])


cdef void sparse_forward(SparseBlock block, const real[::1] W, const real[::1] b,
                         real[:, ::1] Z) noexcept nogil:
    """Z = X W + b; X the rows of the block, the rest as in `_layers.affine_forward`."""
    cdef mlpcore_sparse_job job = new_job(block, Z)
    job.W, job.b, job.b_step = &W[0], &b[0], b.shape[0] != 1
    mlpcore_team_run(<mlpcore_team *> block.team, mlpcore_sparse_forward_f if real is float
                     else mlpcore_sparse_forward_d, &job)


cdef void sparse_gradient(SparseBlock block, const real[:, ::1] D, real alpha, real beta,
                          real[::1] d_W) noexcept nogil:
    """d_W = alpha X^T D + beta d_W; X the rows of the block."""
    cdef mlpcore_sparse_job job = new_job(block, D)
    job.d_W, job.alpha, job.beta = &d_W[0], alpha, beta
    mlpcore_team_run(<mlpcore_team *> block.team, mlpcore_sparse_gradient_f if real is float
                     else mlpcore_sparse_gradient_d, &job)
