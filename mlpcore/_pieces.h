/* How a thread walks things that lie side by side, a piece at a time.

   Alone it walks them all at once. Two neighbours share them: one begins at the first and the
   other near the last, each with a piece that is its own in any case; what is left between they
   take in small pieces, each from its side, until they meet. So each keeps to its end, whose cache
   lines it has, and one that is held up has less to do. */
#ifndef MLPCORE_PIECES_H
#define MLPCORE_PIECES_H

#include <stddef.h>

#if defined(_WIN32)
typedef int mlpcore_counter; /* a team is one thread */
#define MLPCORE_COUNT(counter) ((*(counter))++)
#else
#include <stdatomic.h>
typedef atomic_int mlpcore_counter;
#define MLPCORE_COUNT(counter) atomic_fetch_add(counter, 1)
#endif

/* The small pieces that two threads have taken, of each walk of a task, or how far each of them has
   come (_stages.h): a cache line, which is zero before the task. */
enum { MLPCORE_MOST_WALKS = 16 };
typedef struct { mlpcore_counter n_taken[MLPCORE_MOST_WALKS]; } mlpcore_shared;

typedef struct {
    mlpcore_counter *n_taken; /* NULL: alone */
    ptrdiff_t n, own;         /* things, and those of a piece of one's own */
    int is_last;              /* of two threads */
    int n_walked;             /* pieces */
    ptrdiff_t from, to;       /* the piece to walk */
} mlpcore_walk;

/* How many threads share their work: two, and of an odd number of them none. */
static inline int mlpcore_sharing(int n_threads) { return n_threads % 2 ? 1 : 2; }

/* Part t of n things. */
static inline ptrdiff_t mlpcore_part(ptrdiff_t n, int t, int n_threads)
{
    return n * t / n_threads;
}

/* A walk over n things, alone or, with a counter, one of two. */
static inline mlpcore_walk mlpcore_new_walk(ptrdiff_t n, mlpcore_counter *n_taken, int is_last)
{
    const mlpcore_walk walk = {n_taken, n, n_taken ? n * 3 / 8 : n, is_last};
    return walk;
}

/* How thread t walks its part of n things, of which two threads may have one; `first` is where it
   begins. `shared` is (n_threads / 2,). */
static inline mlpcore_walk mlpcore_walk_of_part(mlpcore_shared *shared, ptrdiff_t n, int t,
                                                int n_threads, ptrdiff_t *first)
{
    const int sharing = mlpcore_sharing(n_threads), together = t / sharing, of = n_threads / sharing;
    *first = mlpcore_part(n, together, of);
    return mlpcore_new_walk(mlpcore_part(n, together + 1, of) - *first,
                            sharing > 1 ? shared[together].n_taken : NULL, t % sharing);
}

/* Go on to the next piece, if there is one; small ones are of `size` things. */
static inline int mlpcore_next_piece(mlpcore_walk *walk, ptrdiff_t size)
{
    const ptrdiff_t n = walk->n, own = walk->own;
    const ptrdiff_t n_small = (n - 2 * own + size - 1) / size;
    const int k = walk->n_walked++;
    if (k == 0) {
        walk->from = walk->is_last ? n - own : 0;
        walk->to = walk->from + own;
        return 1;
    }
    if (!walk->n_taken || MLPCORE_COUNT(walk->n_taken) >= n_small) return 0;
    walk->from = own + (walk->is_last ? n_small - k : k - 1) * size;
    walk->to = walk->from + size < n - own ? walk->from + size : n - own;
    return 1;
}

#endif
