cdef extern from "_team.h" nogil:
    ctypedef struct mlpcore_team:
        pass
    ctypedef void (*mlpcore_task)(const void *job, int thread, int n_threads)
    int mlpcore_team_watch_forks()
    mlpcore_team *mlpcore_team_start(int n_threads)
    void mlpcore_team_run(mlpcore_team *team, mlpcore_task task, const void *job)
    void mlpcore_team_join(mlpcore_team *team)

cdef extern from "_denormals.h" nogil:
    unsigned int mlpcore_flush_denormals()
    void mlpcore_restore_mode(unsigned int before)

cdef extern from "_pieces.h" nogil:
    ctypedef struct mlpcore_shared:
        pass

cdef bint worth_a_team(double work) noexcept nogil

cdef on_lines(Py_ssize_t n_bytes)
cdef matrix_on_lines(Py_ssize_t rows, Py_ssize_t columns, dtype)

cdef class Team:
    cdef readonly int n_threads
    cdef readonly bint bfloat16, tiles
    cdef bint rests
    cdef mlpcore_team *members
    cdef unsigned char[:, ::1] rooms
    cdef unsigned char[::1] shared
    cdef Py_ssize_t room_size

    cdef int make_room(self, Py_ssize_t n_bytes) except -1
    cdef void run(self, mlpcore_task task, const void *job, double work) noexcept nogil
