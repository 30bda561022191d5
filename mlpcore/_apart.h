/* Threads of a team, each on a processor of its own.

   The system may begin two of them on one, and take longer to part them than a fit lasts; as they spin
   while they wait for each other, both then take twice as long as one alone. So each tells where it
   runs, and the caller moves off whichever is where it runs itself. None is bound to any place. */
#ifndef MLPCORE_APART_H
#define MLPCORE_APART_H

#if defined(__linux__)
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <sched.h>

/* The processor that this thread is on. */
static int mlpcore_processor(void) { return sched_getcpu(); }

/* Whether this thread may run on so many processors. */
static int mlpcore_has_processors(int n)
{
    cpu_set_t allowed;
    return sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) >= n;
}

/* Move a thread off a processor, to any other one that it may run on. */
static void mlpcore_move_off(pthread_t thread, int processor)
{
    cpu_set_t allowed, others;
    if (pthread_getaffinity_np(thread, sizeof allowed, &allowed) != 0) return;
    others = allowed;
    CPU_CLR((size_t)processor, &others);
    if (CPU_COUNT(&others) > 0 && pthread_setaffinity_np(thread, sizeof others, &others) == 0)
        pthread_setaffinity_np(thread, sizeof allowed, &allowed);
}
#else
#include <pthread.h>

static int mlpcore_processor(void) { return -1; }
static int mlpcore_has_processors(int n)
{
    (void)n;
    return 0;
}
static void mlpcore_move_off(pthread_t thread, int processor) { (void)thread, (void)processor; }
#endif

#endif
