/* A team of threads for one fit: started with it, joined at its end, so that nothing of it
   is left to spin, to fight with another pool, or to be missing in a forked child.

   team_run gives every thread the same task; it returns when all are done. Between tasks,
   which follow each other within microseconds, a thread spins; only after some hundred of them
   it sleeps, as it wakes up late. It does not yield: another program would then have the core
   for milliseconds, at every task. The caller is thread 0. */
#ifndef MLPCORE_TEAM_H
#define MLPCORE_TEAM_H

#include <stdlib.h>

#include "_barrier.h"
#include "_denormals.h"

typedef void (*mlpcore_task)(const void *job, int thread, int n_threads);

#if defined(_WIN32)

typedef struct { int n_threads; } mlpcore_team;

static int mlpcore_team_watch_forks(void) { return 0; }

static mlpcore_team *mlpcore_team_start(int n_threads)
{
    mlpcore_team *team = calloc(1, sizeof *team);
    (void)n_threads;
    if (team) team->n_threads = 1;
    return team;
}
static void mlpcore_team_run(mlpcore_team *team, mlpcore_task task, const void *job)
{
    (void)team;
    task(job, 0, 1);
}
static void mlpcore_team_join(mlpcore_team *team) { free(team); }

#else

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "_apart.h"

/* How often this process was forked: in the child, teams of its parent have no threads. */
static unsigned mlpcore_n_forks;
static void mlpcore_count_fork(void) { mlpcore_n_forks++; }
static int mlpcore_team_watch_forks(void)
{
    return pthread_atfork(NULL, NULL, mlpcore_count_fork);
}

typedef struct {
    int n_threads;
    unsigned n_forks;     /* when it was started */
    pthread_t *threads;
    atomic_int *processors; /* (n_threads - 1,): where each was last, or at first its caller */
    int may_part;           /* whether there is a processor for each */
    atomic_uint round;    /* counts the tasks; each begins when it changes */
    atomic_int n_waiting; /* threads that have not finished the task */
    atomic_int n_started;
    atomic_int stopping;
    mlpcore_task task;
    const void *job;
} mlpcore_team;

/* Take down where a thread runs. */
static void mlpcore_team_locate(mlpcore_team *team, int thread)
{
    const int processor = mlpcore_processor();
    if (atomic_load(&team->processors[thread - 1]) != processor)
        atomic_store(&team->processors[thread - 1], processor);
}

/* Move threads off the processor of the caller. */
static void mlpcore_team_part(mlpcore_team *team)
{
    const int here = team->may_part ? mlpcore_processor() : -1;
    for (int t = 1; t < team->n_threads && team->may_part; t++)
        if (atomic_load(&team->processors[t - 1]) == here)
            mlpcore_move_off(team->threads[t - 1], here);
}

/* So often a thread that waits asks where it is. */
enum { MLPCORE_LOOK_AROUND = 1 << 12 };

static void *mlpcore_team_member(void *argument)
{
    mlpcore_team *team = argument;
    const int thread = 1 + atomic_fetch_add(&team->n_started, 1);
    mlpcore_flush_denormals();
    for (unsigned done = 0;; done++) {
        for (unsigned waited = 0; atomic_load(&team->round) == done; waited++) {
            if (waited % MLPCORE_LOOK_AROUND == 0) mlpcore_team_locate(team, thread);
            mlpcore_wait_a_little(waited);
        }
        if (atomic_load(&team->stopping)) return NULL;
        team->task(team->job, thread, team->n_threads);
        atomic_fetch_sub(&team->n_waiting, 1);
    }
}

static void mlpcore_team_run(mlpcore_team *team, mlpcore_task task, const void *job)
{
    if (team->n_forks != mlpcore_n_forks) {
        task(job, 0, 1);
        return;
    }
    team->task = task;
    team->job = job;
    mlpcore_team_part(team);
    atomic_store(&team->n_waiting, team->n_threads - 1);
    atomic_fetch_add(&team->round, 1);
    task(job, 0, team->n_threads);
    for (unsigned waited = 1; atomic_load(&team->n_waiting) > 0; waited++) {
        if (waited % MLPCORE_LOOK_AROUND == 0) mlpcore_team_part(team);
        mlpcore_wait_a_little(waited);
    }
}

static void mlpcore_team_join(mlpcore_team *team)
{
    if (!team) return;
    atomic_store(&team->stopping, 1);
    atomic_fetch_add(&team->round, 1);
    if (team->n_forks == mlpcore_n_forks)
        for (int i = 0; i < team->n_threads - 1; i++) pthread_join(team->threads[i], NULL);
    free(team->threads);
    free(team->processors);
    free(team);
}

/* NULL without memory; a team of fewer threads if the system gives no more. */
static mlpcore_team *mlpcore_team_start(int n_threads)
{
    sigset_t all, before;
    mlpcore_team *team = calloc(1, sizeof *team);
    if (!team) return NULL;
    team->threads = calloc((size_t)n_threads, sizeof *team->threads);
    team->processors = calloc((size_t)n_threads, sizeof *team->processors);
    if (!team->threads || !team->processors) {
        free(team->threads);
        free(team->processors);
        free(team);
        return NULL;
    }
    for (int i = 0; i < n_threads - 1; i++) atomic_init(&team->processors[i], mlpcore_processor());
    team->may_part = mlpcore_has_processors(n_threads);
    team->n_threads = n_threads;
    team->n_forks = mlpcore_n_forks;
    /* Signals are for the thread that runs Python. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; i < n_threads - 1; i++)
        if (pthread_create(&team->threads[i], NULL, mlpcore_team_member, team)) {
            team->n_threads = i + 1;
            break;
        }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return team;
}

#endif
#endif
