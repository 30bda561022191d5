/* How two threads walk things that lie side by side at each of several stages.

   As in _pieces.h each begins with a piece of its own, and takes small ones from its side until
   they meet, anew at every stage. A small piece is walked at a stage only after it was at the one
   before, by whichever thread; it may belong to the other then. */
#ifndef MLPCORE_STAGES_H
#define MLPCORE_STAGES_H

#include "_pieces.h"

#if defined(_WIN32)
#define MLPCORE_LOAD(counter) (*(counter))
#define MLPCORE_STORE(counter, value) (*(counter) = (value))
#define MLPCORE_REPLACE(counter, old, new) (*(counter) == *(old) ? (*(counter) = (new), 1) : 0)
#else
#define MLPCORE_LOAD(counter) atomic_load(counter)
#define MLPCORE_STORE(counter, value) atomic_store(counter, value)
#define MLPCORE_REPLACE(counter, old, new) atomic_compare_exchange_strong(counter, old, new)
#endif

typedef struct {
    mlpcore_counter *walked; /* NULL: alone; of each small piece twice the stages that it has been
                                walked at, and one more while it is */
    ptrdiff_t first, n, own; /* things: where they begin, and those of a piece of one's own */
    ptrdiff_t size, n_small; /* of small pieces, and how many there are */
    int is_last;             /* of two threads */
    int stage, n_taken;      /* pieces at this stage */
    ptrdiff_t from, to;      /* the piece to walk */
} mlpcore_stages;

/* Things of which a thread has no need to share any. */
static inline mlpcore_stages mlpcore_stages_of_one(ptrdiff_t first, ptrdiff_t end)
{
    const mlpcore_stages stages = {NULL, first, end - first, end - first};
    return stages;
}

/* The stages of thread t, which has a part of n things or shares one with another thread; so many
   eighths of it are a thread's own. */
static inline mlpcore_stages mlpcore_stages_of(mlpcore_shared *shared, ptrdiff_t n, int eighths,
                                               int t, int n_threads)
{
    enum { MOST = MLPCORE_MOST_WALKS };
    ptrdiff_t first;
    const mlpcore_walk walk = mlpcore_walk_of_part(shared, n, t, n_threads, &first);
    mlpcore_stages stages = mlpcore_stages_of_one(first, first + walk.n);
    if (!walk.n_taken) return stages;
    stages.walked = walk.n_taken;
    stages.is_last = walk.is_last;
    stages.own = stages.n * eighths / 8;
    stages.size = (stages.n + MOST - 1) / MOST;
    if (stages.size > 0)
        stages.n_small = (stages.n - 2 * stages.own + stages.size - 1) / stages.size;
    return stages;
}

/* The k-th small piece from the thread's side, and how often it was walked. */
static inline mlpcore_counter *mlpcore_small_piece(mlpcore_stages *stages, int k)
{
    const ptrdiff_t piece = stages->is_last ? stages->n_small - 1 - k : k;
    const ptrdiff_t end = stages->first + stages->n - stages->own;
    stages->from = stages->first + stages->own + piece * stages->size;
    stages->to = stages->from + stages->size < end ? stages->from + stages->size : end;
    return stages->walked + piece;
}

/* Go on to the next piece of this stage, or to the next stage if there is none. */
static inline int mlpcore_next_in_stage(mlpcore_stages *stages)
{
    const int k = stages->n_taken++ - 1;
    int before = 2 * stages->stage;
    if (k > 0) MLPCORE_STORE(mlpcore_small_piece(stages, k - 1), before + 2);
    if (k < 0) {
        stages->from = stages->first + (stages->is_last ? stages->n - stages->own : 0);
        stages->to = stages->from + stages->own;
        return 1;
    }
    if (k < stages->n_small) {
        mlpcore_counter *walked = mlpcore_small_piece(stages, k);
        while (MLPCORE_LOAD(walked) < before) {}
        if (MLPCORE_REPLACE(walked, &before, before + 1)) return 1;
    }
    stages->stage++, stages->n_taken = 0;
    return 0;
}

#endif
