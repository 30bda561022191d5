"""Whether a task that is run again and again is faster by a team, or by one thread alone.

For a few microseconds of work that depends on how far the cores are from each other, and on
who else wants them: it is tried, and now and then tried again.
"""

cimport cython
from libc.math cimport INFINITY

cdef enum:
    # Runs of one kind in a trial: of the first, when caches and threads are cold, nothing is told.
    OF_A_KIND = 4
    IN_A_TRIAL = 2 * OF_A_KIND
    # In a row, and the team is on trial again.
    SLOW_RUNS = 3
    # Between two trials, where one thread is faster: the next one twice as far away. The first may
    # have been disturbed, and is not to tell for most of a short fit.
    SHORTEST_PAUSE = 16
    LONGEST_PAUSE = 4096


@cython.final
cdef class Pace:
    """Who runs the task next, told from how long it took before.

    A trial runs it some times by one thread and then by the team; the faster of them goes on.
    Where that is one thread, the pause before the next trial becomes longer and longer. Where
    it is the team, the next trial begins when some runs are slower than one thread was.

    What is computed must not depend on who runs the task.
    """

    def __cinit__(self):
        self.pause = SHORTEST_PAUSE

    cpdef bint is_shared(self) noexcept nogil:
        """Whether the team is to run the task next."""
        return self.turn >= OF_A_KIND if self.turn < IN_A_TRIAL else self.shares

    cpdef void took(self, double seconds) noexcept nogil:
        """Take down how long that run took, for as much work as any other."""
        cdef int kind = self.is_shared()
        self.turn += 1
        if self.turn <= IN_A_TRIAL:
            self.seconds[kind] = (INFINITY if self.turn % OF_A_KIND == 1
                                  else min(self.seconds[kind], seconds))
        if self.turn == IN_A_TRIAL:
            self.n_slow, self.shares = 0, self.seconds[1] < self.seconds[0]
            self.pause = SHORTEST_PAUSE if self.shares else min(2 * self.pause, LONGEST_PAUSE)
        elif self.turn > IN_A_TRIAL:
            self.n_slow = self.n_slow + 1 if seconds > self.seconds[0] else 0
            if (self.n_slow == SLOW_RUNS if self.shares else self.turn > IN_A_TRIAL + self.pause):
                self.turn = 0
