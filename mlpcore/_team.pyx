"""The threads of one fit, the room each of them computes in, and how exactly."""

from math import prod

import numpy as np

from libc.string cimport memset

from mlpcore._levels import has_bfloat16, may_use_tiles

if mlpcore_team_watch_forks():
    raise MemoryError("no memory to watch for forks")

# Below this many multiplications a task is done before another thread has heard of it.
cdef double LEAST_WORK = 2e5


cdef bint worth_a_team(double work) noexcept nogil:
    """Whether a task of so many multiplications is worth the call of other threads."""
    return work >= LEAST_WORK


def zeros_on_lines(shape, dtype):
    """Return zeros of this shape, whose rows start where cache lines do.

    A vector that straddles two lines takes twice as long to store. The lines of a row are odd in
    number: where those of a page follow each other in two rows alike, a processor may take what
    it reads from one for what it has just written to the other, and wait.
    """
    *several, n = np.atleast_1d(shape).tolist()
    rows, line = prod(several), 64 // np.dtype(dtype).itemsize
    apart = ((n + line - 1) // line | 1) * line
    room = from_a_line(np.zeros(rows * apart + line, dtype))
    return room[:rows * apart].reshape(*several, apart)[..., :n]


def copy_on_lines(array):
    """Return a copy of parameters, or of an optimizer's state, that lies as zeros_on_lines says."""
    copy = zeros_on_lines(array.shape, array.dtype)
    copy[...] = array
    return copy


cdef on_lines(Py_ssize_t n_bytes):
    """Return room that starts where a cache line does."""
    return from_a_line(np.empty(n_bytes + 64, np.uint8))[:n_bytes]


cdef matrix_on_lines(Py_ssize_t rows, Py_ssize_t columns, dtype):
    """Return room for a matrix, which starts where a cache line does."""
    n_bytes = rows * columns * np.dtype(dtype).itemsize
    return on_lines(n_bytes).view(dtype).reshape(rows, columns)


cdef from_a_line(room):
    """Return a vector from where a cache line starts on."""
    return room[-room.ctypes.data % 64 // room.itemsize:]


cdef class Team:
    """Threads that run one task after another; they live as long as this object.

    Parameters
    ----------
    n_threads : int
        The caller included: one alone starts none.
    bfloat16 : bool, default=False
        Round what is multiplied to bfloat16, in the products of float32 layers.
    slices : bool, default=False
        Whether there are products of float32 to compute in slices, if the processor has tiles.

    Attributes
    ----------
    rests : bool
        Set to have the caller run tasks alone.

    Raises
    ------
    ValueError
        If the processor has no products of bfloat16, or MLPCORE_SIMD rules them out.
    """

    def __cinit__(self, int n_threads, bint bfloat16=False, bint slices=False):
        if bfloat16 and not has_bfloat16():
            raise ValueError("compute_dtype='bfloat16': the processor needs AVX-512 BF16, and the "
                             "kernels its instructions, see show_config()")
        self.n_threads, self.bfloat16 = n_threads, bfloat16
        self.tiles = (bfloat16 or slices) and may_use_tiles()
        self.make_room(64)
        self.shared = on_lines(n_threads * sizeof(mlpcore_shared))
        if n_threads > 1:
            self.members = mlpcore_team_start(n_threads)
            if self.members == NULL:
                raise MemoryError("no memory for a team of threads")

    def __dealloc__(self):
        if self.members != NULL:
            mlpcore_team_join(self.members)

    cdef int make_room(self, Py_ssize_t n_bytes) except -1:
        """Give every thread n_bytes or more, each on cache lines of its own."""
        if self.room_size < n_bytes:
            self.room_size = (n_bytes + 63) // 64 * 64
            self.rooms = matrix_on_lines(self.n_threads, self.room_size, np.uint8)
        return 0

    cdef void run(self, mlpcore_task task, const void *job, double work) noexcept nogil:
        """Run a task of about so many multiplications; it returns when all threads are done.

        In it, numbers too small to be normal are zeros.
        """
        cdef unsigned int mode = mlpcore_flush_denormals()
        memset(&self.shared[0], 0, self.shared.shape[0])
        if self.members == NULL or self.rests or not worth_a_team(work):
            task(job, 0, 1)
        else:
            mlpcore_team_run(self.members, task, job)
        mlpcore_restore_mode(mode)
