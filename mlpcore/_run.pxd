cpdef enum Outcome:
    RUNNING, MAX_ITER, CONVERGED, STOPPED, NON_FINITE

cdef class Run:
    cdef public Outcome outcome
    cdef readonly Py_ssize_t n_iter
    cdef readonly double tol
    cdef readonly double n_iter_no_change
    cdef readonly double best_loss
    cdef public Py_ssize_t no_improvement_count
    cdef double[:, ::1] epochs
    cdef double epoch_start
    cdef double last_check
    cdef double last_report

    cdef list column(self, int k)
    cdef void start_clock(self) noexcept nogil
    cdef int record(self, double loss, double learning_rate, double gradient_norm) except -1 nogil
    cdef int answer_signals(self) except -1 nogil

cdef double clock_seconds() noexcept nogil
cdef bint interval_over(double *last) noexcept nogil
