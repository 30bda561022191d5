"""The first layer of an input that is mostly zeros: only its non-zeros are walked.

The non-zeros of a block of rows are gathered by row, for the forward pass, and by feature,
for the gradient. A team of threads gathers and walks them (`_sparse.h`); every sum is added
up in the same order for any number of threads.
"""

import numpy as np

from libc.math cimport log, sqrt
from libc.stdint cimport int32_t
from libc.string cimport memset

from mlpcore._activations cimport Activation, follows_product, IDENTITY
from mlpcore._optimizers cimport mlpcore_update, Optimizer
from mlpcore._published cimport forget, mlpcore_published
from mlpcore._rows cimport FLOAT32, FLOAT64, most_nonzeros, Rows
from mlpcore._team cimport matrix_on_lines, mlpcore_shared, on_lines, Team
from mlpcore._types cimport real


cdef extern from "_sparse.h" nogil:
    int MLPCORE_STRETCH, MLPCORE_MANY_UNITS
    Py_ssize_t mlpcore_delta_bytes()
    ctypedef struct mlpcore_nonzeros:
        Py_ssize_t first_row, n_rows, n_entries
        int32_t *row_start, *group, *group_start, *published_start
        void *values, *by_group, *published
    ctypedef struct mlpcore_sparse_job:
        mlpcore_nonzeros *parts
        int is_private
        int *n_parts, *n_copies
        mlpcore_shared *shared
        Py_ssize_t n_rows, n_features, n_units, per_group, n_groups, n_stretches
        Py_ssize_t b_step, z_stride
        const void *X
        int x_type
        const Py_ssize_t *csr_start
        const int32_t *csr_feature
        const Py_ssize_t *index, *next
        Py_ssize_t n_next
        const void *table
        double scale
        int activation
        const mlpcore_update *update
        int others_wait
        const void *W, *b
        mlpcore_published of_W, of_Z
        void *packed, *d_W, *first, *second, *sums, *Z
        unsigned char *rooms
        Py_ssize_t room_size, delta_bytes
        int32_t *lists
    ctypedef struct mlpcore_idle_job:
        const mlpcore_nonzeros *parts
        int n_parts, settles
        Py_ssize_t n_features, per_group, n_groups, n_units, n_steps, most_live
        int32_t *lists, *done
        const double *rates
        double beta_1, beta_2, epsilon, keep
        void *W, *first, *second
    void mlpcore_idle_f(const void *job, int thread, int n_threads)
    void mlpcore_idle_d(const void *job, int thread, int n_threads)
    void mlpcore_sparse_gather_f(const void *job, int thread, int n_threads)
    void mlpcore_sparse_gather_d(const void *job, int thread, int n_threads)
    void mlpcore_sparse_pack_f(const void *job, int thread, int n_threads)
    void mlpcore_sparse_pack_d(const void *job, int thread, int n_threads)
    void mlpcore_sparse_forward_f(const void *job, int thread, int n_threads)
    void mlpcore_sparse_forward_d(const void *job, int thread, int n_threads)
    void mlpcore_sparse_gradient_f(const void *job, int thread, int n_threads)
    void mlpcore_sparse_gradient_d(const void *job, int thread, int n_threads)
    void mlpcore_walk_row_f(const void *job, Py_ssize_t i)
    void mlpcore_walk_row_d(const void *job, Py_ssize_t i)


cdef enum:
    # A position is written before it is known whether there is a non-zero, sixteen at once.
    BEYOND = 16
    # Of a row's sums that a thread works on, alone or not; of its delta, and of a feature's sums.
    TILE_BYTES = 512
    LINE = 16  # starts in a cache line
    # Tiles are whole vectors.
    LONGEST_VECTOR = 64

# Of a row of the delta that a thread walks at a time, at most.
cdef Py_ssize_t DELTA_BYTES = mlpcore_delta_bytes()

# A step smaller by so much than the one before it moves no weight.
cdef double NO_MOVE = 2.0 ** -60


cdef class SparseBlock:
    """Room for the non-zeros of a block of rows.

    Parameters
    ----------
    rows : Rows
    capacity : int
        Largest number of rows in a block.
    n_units : int
        Of the first layer.
    dtype : float32 or float64
    team : Team
        Who gathers and walks them, each thread its share.
    per_group : int
        Features that are walked together: 1, or of dense rows PAIR.
    is_backward : bool
        Whether gradients are asked for.
    """

    def __cinit__(self, Rows rows, Py_ssize_t capacity, Py_ssize_t n_units, dtype, Team team,
                  Py_ssize_t per_group, bint is_backward):
        # Units of their own: two threads gather all rows, as one does, each for itself.
        self.is_private = n_units >= MLPCORE_MANY_UNITS and team.n_threads <= 2
        cdef int t, n = 2 * team.n_threads if self.is_private else max(2, team.n_threads)
        self.rows, self.team, self.capacity = rows, team, capacity
        self.per_group, self.n_groups = per_group, (rows.n_features + per_group - 1) // per_group
        self.most = most_nonzeros(rows) if rows.is_csr else per_group * self.n_groups
        # A small task is run by one thread, and one may be held up: each has room for all.
        cdef Py_ssize_t room = BEYOND + self.most * ((capacity + 1) // 2 if self.is_private
                                                     else capacity)
        team.make_room(TILE_BYTES * max(2 * capacity + MLPCORE_STRETCH,
                                        capacity + per_group * self.n_groups))
        self.n_stretches = (1 if rows.is_csr or rows.n_features == 0
                            else (rows.n_features + MLPCORE_STRETCH - 1) // MLPCORE_STRETCH)
        # The counts of groups, in place of their starts but the first, begin where a line does.
        cdef Py_ssize_t by_row = LINE + self.n_groups
        cdef Py_ssize_t width = by_row + capacity * (self.n_stretches + 1)
        width = (width + LINE - 1) // LINE * LINE
        self.starts = matrix_on_lines(n, width, np.int32)
        self.lists = np.empty((n, self.n_groups + 1), np.int32)
        self.packed = on_lines(0 if rows.is_csr else rows.n_features
                               * (n_units * dtype().itemsize + LONGEST_VECTOR))
        self.groups = np.empty((n, room), np.int32)
        # By row, and perhaps by group, each entry with its row.
        cdef Py_ssize_t by_group = (2 * room * dtype().itemsize + 63) // 64 * 64 * is_backward
        self.values = np.empty((n, by_group + room * dtype().itemsize), np.uint8)
        # Of CSR rows, and of many units, a thread reads little of what others write.
        cdef bint reads_others = n_units < MLPCORE_MANY_UNITS and not rows.is_csr
        self.publishes = is_backward and team.n_threads > 1 and reads_others
        self.published = matrix_on_lines(n * self.publishes, 4 * width + by_group, np.uint8)
        self.parts = np.zeros(n * sizeof(mlpcore_nonzeros), np.uint8)
        cdef mlpcore_nonzeros *parts = <mlpcore_nonzeros *> &self.parts[0]
        for t in range(n):
            parts[t].row_start, parts[t].group = &self.starts[t, by_row], &self.groups[t, 0]
            parts[t].group_start = &self.starts[t, LINE - 1]
            parts[t].values = &self.values[t, by_group]
            parts[t].by_group = &self.values[t, 0] if is_backward else NULL
            if self.publishes:
                parts[t].published_start = <int32_t *> &self.published[t, 0]
                parts[t].published = &self.published[t, 4 * width]


cdef class IdleSteps:
    """Steps of Adam without a gradient, made when a feature is met again (`_idle.h`).

    Parameters
    ----------
    optimizer : Optimizer
        ADAM or ADAMW; its learning rate is to change only where all is settled.
    n_features, n_units : int
        Of the first layer.
    most : int
        Steps until all is settled.
    """

    def __cinit__(self, Optimizer optimizer, Py_ssize_t n_features, Py_ssize_t n_units,
                  Py_ssize_t most):
        self.optimizer, self.n_units = optimizer, n_units
        self.done = np.zeros(n_features, np.int32)
        self.rates = np.empty(most)
        # Each step moves a weight by so much of what the last one did.
        cdef double shrinks = optimizer.beta_1 / sqrt(optimizer.beta_2) if optimizer.beta_2 else 1.0
        self.most_live = most
        if 0 < shrinks < 1:
            self.most_live = <Py_ssize_t> min(most, log(NO_MOVE) / log(shrinks))


cdef void begin_step(SparseBlock block, const mlpcore_update *update) noexcept nogil:
    """Take down a step, so that features which the block has not can make it later."""
    if block is not None and block.idle is not None:
        block.idle.rates[block.idle.n_steps] = update.rate
        block.idle.n_steps += 1
        block.idle.keep = update.keep


cdef void fill_idle_job(IdleSteps idle, mlpcore_idle_job *job) noexcept nogil:
    """Set what all steps have in common."""
    job.n_features, job.n_units, job.most_live = idle.done.shape[0], idle.n_units, idle.most_live
    job.done, job.rates, job.keep = &idle.done[0], &idle.rates[0], idle.keep
    job.beta_1, job.beta_2 = idle.optimizer.beta_1, idle.optimizer.beta_2
    job.epsilon = idle.optimizer.epsilon


cdef void idle_steps(SparseBlock block, bint settles, real[::1] params,
                     real[:, :] state) noexcept nogil:
    """Make the steps that wait: all, or those before this one on the block's own features.

    After all of them others may change weights: no copy of these is read any more.
    """
    cdef mlpcore_idle_job job
    if block is not None and settles:
        forget(&block.of_W)
    if block is None or block.idle is None or block.idle.n_steps == 0:
        return
    fill_idle_job(block.idle, &job)
    job.parts, job.n_parts = <mlpcore_nonzeros *> &block.parts[0], block.n_parts
    job.per_group, job.n_groups = block.per_group, block.n_groups
    job.lists = &block.lists[0, 0]
    job.settles, job.n_steps = settles, block.idle.n_steps - (not settles)
    job.W, job.first, job.second = &params[0], &state[0, 0], &state[1, 0]
    block.team.run(mlpcore_idle_f if real is float else mlpcore_idle_d, &job,
                   10.0 * job.n_features * job.n_units)
    if settles:
        block.idle.n_steps = 0
        block.idle.done[:] = 0


cdef mlpcore_sparse_job new_job(SparseBlock block, const real[:, ::1] Z) noexcept nogil:
    """Return a job on the rows of a block and Z (n_rows, n_units)."""
    cdef mlpcore_sparse_job job
    memset(&job, 0, sizeof(job))
    job.parts, job.is_private = <mlpcore_nonzeros *> &block.parts[0], block.is_private
    job.n_parts, job.n_copies = &block.n_parts, &block.n_copies
    job.shared = <mlpcore_shared *> &block.team.shared[0]
    job.n_rows, job.n_features, job.n_units = Z.shape[0], block.rows.n_features, Z.shape[1]
    job.per_group, job.n_groups = block.per_group, block.n_groups
    job.n_stretches = block.n_stretches
    job.rooms, job.room_size = &block.team.rooms[0, 0], block.team.rooms.strides[0]
    job.delta_bytes = DELTA_BYTES
    job.of_W, job.of_Z = block.of_W, block.of_Z
    job.Z = <void *> &Z[0, 0]
    job.z_stride = Z.strides[0] // <Py_ssize_t> sizeof(real)
    return job


cdef double work(const mlpcore_sparse_job *job) noexcept nogil:
    """Return about how many multiplications a walk over the non-zeros takes."""
    cdef int p
    cdef double n_entries = 0.0
    for p in range(job.n_parts[0]):
        n_entries += job.parts[p].n_entries
    return n_entries * job.per_group * job.n_units


cdef void expect(SparseBlock block, const Py_ssize_t[::1] index) noexcept nogil:
    """Take down the rows to come after this batch's."""
    if block is not None:
        block.n_after = index.shape[0]
        block.after = &index[0] if index.shape[0] else NULL


cdef void sparse_gather(SparseBlock block, const Py_ssize_t[::1] index, Py_ssize_t start,
                        Py_ssize_t stop, const real[:, ::1] Z) noexcept nogil:
    """Gather the non-zeros of scale * x_index[i], i from start to stop; Z is not used.

    The rows after them, or those to `expect`, are asked for in the forward pass.
    """
    cdef mlpcore_sparse_job job = new_job(block, Z)
    cdef Py_ssize_t n = index.shape[0]
    job.n_rows, job.index = stop - start, &index[start]
    # No weight changes before the last block of several: W is packed once for all.
    block.packs, block.is_first = n > block.capacity and not block.rows.is_csr, start == 0
    block.next = block.after if stop == n else &index[stop]
    block.n_next = min(block.capacity, block.n_after if stop == n else n - stop)
    take_rows(block.rows, &job)
    job.table = (&block.rows.table_f32[0] if real is float
                 else <const void *> &block.rows.table_f64[0])
    # To find, move and sort a value takes as long as some twenty multiplications.
    block.team.run(mlpcore_sparse_gather_f if real is float else mlpcore_sparse_gather_d, &job,
                   20.0 * job.n_rows * block.most)


cdef void take_rows(Rows rows, mlpcore_sparse_job *job) noexcept nogil:
    """Point a job to X; without an entry the arrays of a CSR matrix have no address."""
    job.scale = rows.scale
    if not rows.is_csr:
        job.X, job.x_type = rows.dense.X, rows.dense.type
        return
    job.csr_start, job.x_type = &rows.csr_start[0], rows.dtype
    if rows.csr_feature.shape[0]:
        job.csr_feature = <const int32_t *> &rows.csr_feature[0]
        job.X = (&rows.csr_f32[0] if rows.dtype == FLOAT32
                 else <const void *> &rows.csr_f64[0])


cdef void sparse_forward(SparseBlock block, const real[::1] W, const real[::1] b,
                         Activation kind, real[:, ::1] A) noexcept nogil:
    """A = f(X W + b); X the rows of the block, the rest as in `_layers.affine_forward`."""
    cdef mlpcore_sparse_job job = new_job(block, A)
    if not block.rows.is_csr:
        take_rows(block.rows, &job)
        job.next, job.n_next = block.next, block.n_next
    job.W, job.b, job.b_step = &W[0], &b[0], b.shape[0] != 1
    job.activation = kind if follows_product(kind) else IDENTITY
    if block.packs:
        job.packed = &block.packed[0]
        if block.is_first:
            block.team.run(mlpcore_sparse_pack_f if real is float else mlpcore_sparse_pack_d, &job,
                           W.shape[0])
    block.team.run(mlpcore_sparse_forward_f if real is float else mlpcore_sparse_forward_d,
                   &job, work(&job))


cdef void sparse_gradient(SparseBlock block, real[:, ::1] D, const mlpcore_update *update,
                          real[::1] d_W, real[:, :] state, real[::1] sums) noexcept nogil:
    """Apply a rule to d_W with the gradient X^T D, and sums_j = sum_i D_ij; X the block's rows."""
    cdef mlpcore_sparse_job job = new_job(block, D)
    job.d_W, job.update, job.others_wait = &d_W[0], update, block.idle is not None
    job.first = &state[0, 0] if state.shape[0] > 0 else NULL
    job.second = &state[1, 0] if state.shape[0] > 1 else NULL
    job.lists, job.sums = &block.lists[0, 0], &sums[0]
    block.team.run(mlpcore_sparse_gradient_f if real is float else mlpcore_sparse_gradient_d,
                   &job, work(&job) + d_W.shape[0])


cdef class WalkRoom:
    """Room for the non-zeros of one row.

    Parameters
    ----------
    n_features : int
        The longest row.
    dtype : float32 or float64
    """

    def __cinit__(self, Py_ssize_t n_features, dtype):
        self.groups = np.empty(n_features + BEYOND, np.int32)
        self.values = np.empty(n_features + BEYOND, dtype).view(np.uint8)


cdef void walk(WalkRoom room, const real *x, const real[::1] W, const real[::1] b,
               Activation kind, real[::1] a) noexcept nogil:
    """a = f(x W + b) of one row x, walking its non-zeros; W as in `_layers`."""
    cdef mlpcore_sparse_job job
    cdef mlpcore_nonzeros part
    cdef int32_t[2] row_start
    memset(&job, 0, sizeof(job))
    memset(&part, 0, sizeof(part))
    part.row_start, part.group = &row_start[0], &room.groups[0]
    part.values = &room.values[0]
    job.parts, job.n_units, job.n_features = &part, a.shape[0], W.shape[0] // a.shape[0]
    job.n_rows, job.n_stretches, job.scale, job.per_group = 1, 1, 1.0, 1
    job.W, job.b, job.b_step = &W[0], &b[0], b.shape[0] != 1
    job.X, job.x_type = x, FLOAT32 if real is float else FLOAT64
    job.activation = kind if follows_product(kind) else IDENTITY
    job.Z, job.z_stride = &a[0], a.shape[0]
    if real is float:
        mlpcore_walk_row_f(&job, 0)
    else:
        mlpcore_walk_row_d(&job, 0)
