"""The affine map of a layer with its activation, A = f(X W + b), and its gradients.

X is (m, n_in), A and its delta D are (m, n_out), all possibly columns of wider scratch.
W is (n_in, n_out) in C order and lies in a flat vector, so it comes as (n_in * n_out,).
b is (n_out,), or (1,): one scalar shared by all units of the layer.

The products are our own (`_dense.h`): a BLAS packs both operands at every call, and knows
neither the activation nor the step that follows. The BLAS computes what `prefers_blas`.
"""

import numpy as np

from libc.string cimport memset

from mlpcore._activations cimport follows_product, IDENTITY, rows_backward, rows_forward
from mlpcore._blas cimport gemm_nn, gemm_nt
from mlpcore._team cimport mlpcore_shared, mlpcore_task

# Longer sums make panels that no cache holds.
cdef Py_ssize_t MOST_INNER = 16384

cdef extern from "_dense.h" nogil:
    int MLPCORE_PANEL_BYTES, MLPCORE_TILE_BYTES, MLPCORE_TILES_BYTES, MLPCORE_COPIED_BYTES
    Py_ssize_t mlpcore_block_bytes()
    ctypedef struct mlpcore_product:
        Py_ssize_t m, n, k
        const void *A
        const void *B
        Py_ssize_t a_stride, b_stride
        int a_is_transposed, b_is_transposed
        void *C
        Py_ssize_t c_stride
        double scale
        const void *bias
        Py_ssize_t bias_step
        int activation
        const void *derived
        Py_ssize_t derived_stride
        const mlpcore_update *update
        void *first
        void *second
        void *sums
        mlpcore_shared *shared
        unsigned char *panels
        Py_ssize_t panel_size, block_bytes
    void mlpcore_dense_f(const void *job, int thread, int n_threads)
    void mlpcore_dense_d(const void *job, int thread, int n_threads)
    void mlpcore_dense_bfloat16(const void *job, int thread, int n_threads)
    void mlpcore_dense_amx(const void *job, int thread, int n_threads)
    void mlpcore_dense_slices(const void *job, int thread, int n_threads)

cdef Py_ssize_t BLOCK_BYTES = mlpcore_block_bytes()


cdef bint prefers_blas(Py_ssize_t k) noexcept nogil:
    """Whether BLAS is to compute a product with sums of k terms: the one place that decides."""
    return k > MOST_INNER


cdef bint prefers_slices(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """Whether tiles are to compute a product of float32: its operands must be worth the copies.

    Found with one thread and two. Their number does not count: sums are to be the same for any.
    """
    return k >= 64 and m * n >= 64 * (m + n)


cdef bint has_slices(Py_ssize_t n_rows, Py_ssize_t n_in, Py_ssize_t n_out) noexcept nogil:
    """Whether a layer has products that tiles are to compute, one way or the other."""
    return (prefers_slices(n_rows, n_out, n_in) or prefers_slices(n_rows, n_in, n_out)
            or prefers_slices(n_in, n_out, n_rows))


cdef Py_ssize_t room_for_products(Team team, Py_ssize_t most_inner,
                                  Py_ssize_t most_of_B) noexcept nogil:
    """Return the bytes that a thread needs for products.

    They are of sums of up to most_inner terms; B, with a row more, has up to most_of_B elements.
    """
    cdef bint pairs = team.bfloat16 or team.tiles
    cdef Py_ssize_t copied = MLPCORE_COPIED_BYTES if pairs else MLPCORE_TILES_BYTES
    cdef Py_ssize_t inner = min(most_inner, MOST_INNER) + 1
    cdef Py_ssize_t block = min(<Py_ssize_t> sizeof(double) * most_of_B, BLOCK_BYTES)
    if team.tiles:
        # Sums of few terms are padded to 32.
        block = BLOCK_BYTES
    return copied + block + (MLPCORE_TILE_BYTES + MLPCORE_PANEL_BYTES) * inner


cdef Py_ssize_t whole_lines(Py_ssize_t n) noexcept nogil:
    """Return the elements of the cache lines that n elements take, float32 or float64."""
    return (n + 15) // 16 * 16


cdef Py_ssize_t room_of_row(Py_ssize_t n) noexcept nogil:
    """Return how many elements apart rows of n should lie.

    Rows whose addresses are equal modulo 4096 bytes push each other out of the first cache.
    """
    cdef Py_ssize_t room = whole_lines(n)
    return room + 16 if room > 0 and room % 512 == 0 else room


cdef mlpcore_product new_product(Team team, Py_ssize_t m, Py_ssize_t n,
                                 Py_ssize_t k) noexcept nogil:
    """Return a product of (m, k) and (k, n) with nothing after it."""
    cdef mlpcore_product job
    memset(&job, 0, sizeof(job))
    job.m, job.n, job.k, job.scale = m, n, k, 1.0
    job.shared = <mlpcore_shared *> &team.shared[0]
    job.panels, job.panel_size = &team.rooms[0, 0], team.rooms.strides[0]
    job.block_bytes = BLOCK_BYTES
    return job


cdef void compute(Team team, mlpcore_product *job, real *C, bint slices=False) noexcept nogil:
    """Run a product on the team; C tells the type. In slices if it prefers them or is to be."""
    cdef mlpcore_task task = mlpcore_dense_f if real is float else mlpcore_dense_d
    if real is float and team.bfloat16:
        task = mlpcore_dense_amx if team.tiles else mlpcore_dense_bfloat16
    elif real is float and team.tiles and (slices or prefers_slices(job.m, job.n, job.k)):
        # There is no room for sums of a step, which are in one piece, of very many rows.
        if job.update == NULL or job.k <= MOST_INNER // 4:
            task = mlpcore_dense_slices
    job.C = C
    team.run(task, job, <double> job.m * job.n * job.k)


cdef int affine_forward(Team team, const real[:, ::1] X, const real[::1] W, const real[::1] b,
                        double scale, Activation kind, real[:, ::1] A) except -1 nogil:
    """A = f(scale X W + b), f of those that `follows_product`, else the identity."""
    cdef Py_ssize_t i, j, m = X.shape[0], n_in = X.shape[1], n_out = A.shape[1]
    cdef bint shared = b.shape[0] == 1
    cdef mlpcore_product job
    if m == 0 or n_out == 0:
        return 0
    if n_in > 0 and not prefers_blas(n_in):
        job = new_product(team, m, n_out, n_in)
        job.A, job.a_stride, job.B, job.b_stride = &X[0, 0], row_stride(X), &W[0], n_out
        job.bias, job.bias_step, job.c_stride = &b[0], not shared, row_stride(A)
        job.scale = scale
        job.activation = kind if follows_product(kind) else IDENTITY
        compute(team, &job, &A[0, 0])
        return 0
    for i in range(m):
        for j in range(n_out):
            A[i, j] = b[0] if shared else b[j]
    if n_in > 0:
        gemm_nn(m, n_out, n_in, &X[0, 0], row_stride(X), &W[0], n_out,
                <real> scale, <real> 1, &A[0, 0], row_stride(A))
    if follows_product(kind):
        rows_forward(kind, A)
    return 0


cdef int affine_input_gradient(Team team, const real[:, ::1] D, const real[::1] W,
                               Activation kind, const real[:, ::1] a,
                               real[:, ::1] d_X) except -1 nogil:
    """d_X = D W^T f'(z), f' told from a (m, n_in); without columns in a, d_X = D W^T."""
    cdef Py_ssize_t m = D.shape[0], n_in = d_X.shape[1], n_out = D.shape[1]
    cdef mlpcore_product job
    if m == 0 or n_in == 0 or n_out == 0:
        return 0
    if not prefers_blas(n_out):
        job = new_product(team, m, n_in, n_out)
        job.A, job.a_stride, job.B, job.b_stride = &D[0, 0], row_stride(D), &W[0], n_out
        job.b_is_transposed, job.c_stride = True, row_stride(d_X)
        if a.shape[1]:
            job.activation, job.derived, job.derived_stride = kind, &a[0, 0], row_stride(a)
        compute(team, &job, &d_X[0, 0])
        return 0
    gemm_nt(m, n_in, n_out, &D[0, 0], row_stride(D), &W[0], n_out,
            <real> 1, <real> 0, &d_X[0, 0], row_stride(d_X))
    if a.shape[1]:
        rows_backward(kind, a, d_X)
    return 0


cdef int affine_gradient(Team team, const real[:, ::1] X, const real[:, ::1] D,
                         const mlpcore_update *update, real[::1] d_W, real[:, :] state,
                         real[::1] sums) except -1 nogil:
    """Apply a rule to d_W with the gradient X^T D; sums_j = sum_i D_ij, the gradient of b.

    state (n_state, n_in * n_out) is the rule's own.
    """
    cdef Py_ssize_t i, j, m = D.shape[0], n_in = X.shape[1], n_out = D.shape[1]
    cdef mlpcore_product job
    for j in range(n_out if n_in == 0 else 0):
        sums[j] = 0
        for i in range(m):
            sums[j] += D[i, j]
    if n_in == 0 or n_out == 0:
        return 0
    job = new_product(team, n_in, n_out, m)
    job.A, job.a_stride, job.a_is_transposed = &X[0, 0], row_stride(X), True
    job.B, job.b_stride, job.c_stride, job.update = &D[0, 0], row_stride(D), n_out, update
    job.first = &state[0, 0] if state.shape[0] > 0 else NULL
    job.second = &state[1, 0] if state.shape[0] > 1 else NULL
    job.sums = &sums[0]
    compute(team, &job, &d_W[0])
    return 0


def product(Team team, const real[:, ::1] A, const real[:, ::1] B, real[:, ::1] C, *,
            bint trans_a=False, bint trans_b=False, bint slices=False):
    """Compute C = op(A) op(B) by our own kernels, op being the identity or transpose.

    Parameters
    ----------
    team : Team
        One with bfloat16 rounds A and B of float32; one with slices uses them where they pay.
    A, B, C : C-contiguous ndarrays of one dtype, float32 or float64
        op(A) (m, k), op(B) (k, n) and C (m, n); C must not overlap A or B.
    trans_a, trans_b : bool, default=False
    slices : bool, default=False
        Use them anyway, if the team has tiles.

    Raises
    ------
    ValueError
        If the shapes do not agree, one of them is empty, or k is left to BLAS.
    """
    cdef Py_ssize_t m = C.shape[0], n = C.shape[1], k = A.shape[0] if trans_a else A.shape[1]
    if ((A.shape[1] if trans_a else A.shape[0]) != m or (B.shape[0] if trans_b else B.shape[1]) != n
            or (B.shape[1] if trans_b else B.shape[0]) != k or min(m, n, k) == 0
            or prefers_blas(k)):
        raise ValueError(f"A {np.shape(A)}, B {np.shape(B)}, C {np.shape(C)}: needed are "
                         f"(m, k), (k, n) and (m, n), none empty, and k up to {MOST_INNER}")
    team.make_room(room_for_products(team, k, (k + 1) * n))
    cdef mlpcore_product job = new_product(team, m, n, k)
    job.A, job.a_stride, job.a_is_transposed = &A[0, 0], A.shape[1], trans_a
    job.B, job.b_stride, job.b_is_transposed = &B[0, 0], B.shape[1], trans_b
    job.c_stride = n
    with nogil:
        compute(team, &job, &C[0, 0], slices)


cdef inline Py_ssize_t row_stride(const real[:, ::1] A) noexcept nogil:
    """Return the distance between two rows, in elements."""
    return A.strides[0] // <Py_ssize_t> sizeof(real)
