/* How threads wait: for each other at some point of a task, or for the next task. */
#ifndef MLPCORE_BARRIER_H
#define MLPCORE_BARRIER_H

#include "_pieces.h"

#if defined(_WIN32)
static void mlpcore_barrier_wait(mlpcore_counter *n_arrived, int n_threads)
{
    (void)n_arrived, (void)n_threads;
}
#else
#include <time.h>

enum { MLPCORE_SPINS = 1000000 };

static void mlpcore_wait_a_little(unsigned waited)
{
    const struct timespec nap = {0, 50000};
    /* No pause instruction: a hypervisor may take it for a reason to stop the thread. */
    if (waited >= MLPCORE_SPINS) nanosleep(&nap, NULL);
}

/* Wait until so many threads have come here, each as often; the counter is one of their
   mlpcore_shared. */
static void mlpcore_barrier_wait(mlpcore_counter *n_arrived, int n_threads)
{
    int all;
    if (n_threads == 1) return;
    all = (MLPCORE_COUNT(n_arrived) / n_threads + 1) * n_threads;
    for (unsigned waited = 0; MLPCORE_COUNTED(n_arrived) < all; waited++)
        mlpcore_wait_a_little(waited);
}
#endif

#endif
