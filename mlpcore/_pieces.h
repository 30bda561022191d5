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
#define MLPCORE_COUNTED(counter) (*(counter))
#else
#include <stdatomic.h>
typedef atomic_int mlpcore_counter;
#define MLPCORE_COUNT(counter) atomic_fetch_add(counter, 1)
#define MLPCORE_COUNTED(counter) atomic_load(counter)
#endif

/* The small pieces that two threads have taken, of each walk of a task, or of each pile of one of
   them, or how far each has come (_stages.h): a cache line, which is zero before the task. */
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

/* Things that lie side by side and are one thread's. It takes most of them at once and what is left
   in two times, so that another one that has nothing to do can help: to count takes as long as
   some of them, as it waits for all that was written before. */
typedef struct {
    mlpcore_counter *n_taken; /* times, and once more when the owner begins; NULL: nobody helps */
    ptrdiff_t n, own, size;   /* things, those only its owner takes, and those taken at a time */
    ptrdiff_t from, to;       /* what is taken */
} mlpcore_pile;

/* For whoever takes of it: its owner, who begins with its own, or another one. */
static inline mlpcore_pile mlpcore_new_pile(ptrdiff_t n, mlpcore_counter *n_taken, int is_owner)
{
    const ptrdiff_t own = n_taken ? n * 3 / 4 : n;
    const mlpcore_pile pile = {n_taken, n, own, (n - own + 1) / 2, 0, is_owner ? 0 : own};
    return pile;
}

/* Whether the owner has begun and left something. */
static inline int mlpcore_needs_help(const mlpcore_pile *pile)
{
    const int count = MLPCORE_COUNTED(pile->n_taken);
    return count > 0 && pile->own + (count - 1) * pile->size < pile->n;
}

/* Take what is next, if there is something left. */
static inline int mlpcore_take(mlpcore_pile *pile)
{
    if (pile->to == pile->n) return 0;
    pile->from = pile->to;
    if (pile->to >= pile->own)
        pile->from = pile->own + (MLPCORE_COUNT(pile->n_taken) - 1) * pile->size;
    pile->to = pile->to < pile->own ? pile->own : pile->from + pile->size;
    if (pile->to > pile->n) pile->to = pile->n;
    return pile->from < pile->n;
}

#endif
