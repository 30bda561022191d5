/* The affine map of a layer whose input is mostly zeros: only its non-zeros are walked.

   Features are taken one by one or in pairs: a group is one or two that adjoin, an entry the
   values of a group in a row, unless all are zero. Each thread gathers some of a block's rows, by
   row and by group, or of many units two threads gather all of them, each for itself: to read what
   the other one has written would take longer. In the forward pass a thread computes some rows, or
   of many units some tiles of units; in the gradient some tiles, or of few units some groups. Two
   threads share rows, tiles and groups, to be done at the same time though one of them be held up.
   Of few units and dense rows, each reads copies of what others write of W, of its delta and of the
   entries by group (_published.h).
   A tile of units stays in registers while the entries of a row, or of a group, are added up in the
   order of the features, or of the rows: whatever the threads, no sum depends on them. */
#ifndef MLPCORE_SPARSE_H
#define MLPCORE_SPARSE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "_activations.h"
#include "_levels.h"
#include "_pieces.h"
#include "_published.h"
#include "_rows.h"
#include "_stages.h"
#include "_updates.h"

/* From so many units on, a thread's slice of the weights stays in its own cache. */
enum { MLPCORE_MANY_UNITS = 256 };
/* More threads than that do not gather. */
enum { MLPCORE_MOST_PARTS = 64 };

/* Features of a dense row that are walked at a time: so many rows of a tile of weights stay in
   the first cache. */
enum { MLPCORE_STRETCH = 112 };

/* Rows whose tile of the delta stays in the first cache, or nearly. */
enum { MLPCORE_ROWS_AT_ONCE = 144 };

/* Bytes of such a row, at most. */
static ptrdiff_t mlpcore_delta_bytes(void)
{
    const ptrdiff_t least = 384;
#if defined(_SC_LEVEL1_DCACHE_SIZE)
    return sysconf(_SC_LEVEL1_DCACHE_SIZE) > 1 << 15 ? 512 : least;
#else
    return least;
#endif
}

_Static_assert(MLPCORE_STRETCH % MLPCORE_PAIR == 0, "a pair is in two stretches");

/* Length of an entry among those of its group: the row, its values, and perhaps a gap. */
#define MLPCORE_ENTRY(per_group) (2 * (per_group))

/* The entries of a thread's rows, by row and by group, in the type of the weights. The rows lie side
   by side in the block, though not in the lists. */
typedef struct {
    ptrdiff_t first_row, n_rows, n_entries;
    int32_t *row_start;           /* (all rows of the block, n_stretches + 1) */
    int32_t *group;               /* (n_entries,) */
    void *values;                 /* (n_entries, per_group) */
    int32_t *group_start;         /* (n_groups + 1,) */
    void *by_group;               /* (n_entries, MLPCORE_ENTRY(per_group)), or NULL */
    int32_t *published_start;     /* copies of both, for others than thread gathered_by; or NULL */
    void *published;
    int is_published, gathered_by;
} mlpcore_nonzeros;

/* A block and what to do with it. */
typedef struct {
    mlpcore_nonzeros *parts;    /* (n_threads,), or two, or two for each thread */
    int is_private;             /* the latter */
    int *n_parts, *n_copies;    /* how many of them make up the block, and how often: set by the
                                   gathering */
    mlpcore_shared *shared;     /* (n_threads / 2,) */
    ptrdiff_t n_rows, n_features, n_units;
    ptrdiff_t per_group;        /* features of a group: one, as in CSR, or MLPCORE_PAIR */
    ptrdiff_t n_groups;
    ptrdiff_t n_stretches;      /* of a row's features; of CSR, whose order is free, one */
    const void *X;              /* (n_samples, n_features) of x_type; of CSR the values */
    int x_type;
    const ptrdiff_t *csr_start; /* (n_samples + 1,) of CSR, otherwise NULL */
    const int32_t *csr_feature; /* (nnz,) of CSR */
    const ptrdiff_t *index;     /* (n_rows,): which rows of X */
    const ptrdiff_t *next;      /* (n_next,): those of the block after this one */
    ptrdiff_t n_next;
    const void *table;          /* scale times each byte */
    double scale;
    const void *W, *b;          /* (n_features, n_units); (n_units,), or (1,) with b_step 0 */
    mlpcore_published of_W;     /* rows of W for others: whole vectors, of which the last one ends
                                   where W's row does */
    mlpcore_published of_Z;     /* the same of the delta, but as they are */
    void *packed;               /* W, tile after tile of units, if it is kept so; otherwise NULL */
    int activation;
    void *Z;                    /* a, or its delta, (n_rows, n_units), rows z_stride apart */
    ptrdiff_t b_step, z_stride;
    void *d_W, *first, *second; /* (n_features, n_units) */
    void *sums;                 /* (n_units,): receives the sum of the delta's rows */
    const mlpcore_update *update;
    int others_wait;            /* the step of groups without non-zeros is made later */
    unsigned char *rooms;       /* (n_threads, room_size): a tile's columns of the delta, or a
                                   tile of weights and its sums */
    ptrdiff_t room_size;
    ptrdiff_t delta_bytes;      /* of a row of the delta that are walked at a time, at most */
    int32_t *lists;             /* (n_threads, n_groups + 1): groups of a thread */
} mlpcore_sparse_job;

/* Steps that wait: see _idle.h. */
typedef struct {
    const mlpcore_nonzeros *parts;
    int n_parts, settles;       /* settles: all features, not those of a block */
    ptrdiff_t n_features, per_group, n_groups, n_units, n_steps, most_live;
    int32_t *lists;             /* (n_threads, n_groups + 1): groups of a thread */
    int32_t *done;              /* (n_features,): steps made */
    const double *rates;        /* (n_steps,) */
    double beta_1, beta_2, epsilon, keep;
    void *W, *first, *second;   /* (n_features, n_units) */
} mlpcore_idle_job;

/* In how many parts a block is gathered: one thread makes two. */
MLPCORE_INLINE int mlpcore_n_parts(int n_threads)
{
    return n_threads == 1 ? 2 : n_threads < MLPCORE_MOST_PARTS ? n_threads : MLPCORE_MOST_PARTS;
}

/* The job as thread t sees it: with its own parts, if it has some. */
MLPCORE_INLINE mlpcore_sparse_job mlpcore_job_of(const mlpcore_sparse_job *job, int t)
{
    mlpcore_sparse_job own = *job;
    if (t < *job->n_copies) own.parts += t * *job->n_parts;
    return own;
}

/* Have thread t read copies of the entries by group that others gathered; `parts` has room for all. */
MLPCORE_INLINE void mlpcore_take_published(mlpcore_sparse_job *job, mlpcore_nonzeros *parts, int t)
{
    for (int p = 0; p < *job->n_parts; p++) {
        parts[p] = job->parts[p];
        if (!parts[p].is_published || parts[p].gathered_by == t) continue;
        parts[p].group_start = parts[p].published_start;
        parts[p].by_group = parts[p].published;
    }
    job->parts = parts;
}

/* Where thread t's groups begin, if it takes some that lie side by side: each thread has about
   as many entries, and as many groups, whose step takes as long as eight of them. */
MLPCORE_INLINE ptrdiff_t mlpcore_first_group(const mlpcore_nonzeros *parts, int n_parts,
                                             ptrdiff_t n_groups, int t, int n_threads)
{
    enum { STEP = 8 };
    ptrdiff_t low = 0, high = n_groups, all = STEP * n_groups;
    for (int p = 0; p < n_parts; p++) all += parts[p].group_start[n_groups];
    while (low < high) {
        const ptrdiff_t j = low + (high - low) / 2;
        ptrdiff_t before = STEP * j;
        for (int p = 0; p < n_parts; p++) before += parts[p].group_start[j];
        if (before * n_threads < all * t)
            low = j + 1;
        else
            high = j;
    }
    return low;
}

/* The groups of thread t. Of them all it takes a slice, so that few cache lines are written to
   by two threads; of those that a row of the block has, which may become rarer and rarer, it looks
   for them in every n_threads-th sixteen. Returns how many there are. */
MLPCORE_INLINE ptrdiff_t mlpcore_list_groups(const mlpcore_nonzeros *parts, int n_parts, int all,
                                             ptrdiff_t n_groups, int t, int n_threads,
                                             int32_t *list)
{
    enum { TOGETHER = 16 };
    ptrdiff_t n = 0;
    if (all) {
        const ptrdiff_t end = mlpcore_first_group(parts, n_parts, n_groups, t + 1, n_threads);
        ptrdiff_t j = mlpcore_first_group(parts, n_parts, n_groups, t, n_threads);
        while (j < end) list[n++] = (int32_t)j++;
        return n;
    }
    for (ptrdiff_t from = (ptrdiff_t)t * TOGETHER; from < n_groups;
         from += (ptrdiff_t)n_threads * TOGETHER)
        for (ptrdiff_t j = from; j < n_groups && j < from + TOGETHER; j++) {
            int is_met = 0;
            for (int p = 0; p < n_parts; p++)
                is_met |= parts[p].group_start[j + 1] != parts[p].group_start[j];
            list[n] = (int32_t)j;
            n += is_met;
        }
    return n;
}

/* Tiles of so many pieces each, one after another, that two threads share, a run at a time: pieces
   `from` to `to` of a tile. */
typedef struct {
    mlpcore_walk walk;
    ptrdiff_t n_pieces, first, at, end, from, to;
    int tile;
} mlpcore_runs;

MLPCORE_INLINE mlpcore_runs mlpcore_runs_of(const mlpcore_sparse_job *job, int n_tiles,
                                            ptrdiff_t n_pieces, int t, int n_threads)
{
    mlpcore_runs runs = {{NULL}, n_pieces};
    runs.walk = mlpcore_walk_of_part(job->shared, n_tiles * n_pieces, t, n_threads, &runs.first);
    return runs;
}

/* Go on to the next run, if there is one. */
MLPCORE_INLINE int mlpcore_next_run(mlpcore_runs *runs)
{
    while (runs->at == runs->end) {
        if (!mlpcore_next_piece(&runs->walk, 1)) return 0;
        runs->at = runs->first + runs->walk.from;
        runs->end = runs->first + runs->walk.to;
    }
    runs->tile = (int)(runs->at / runs->n_pieces);
    runs->from = runs->at % runs->n_pieces;
    runs->to = runs->from + runs->end - runs->at;
    if (runs->to > runs->n_pieces) runs->to = runs->n_pieces;
    runs->at += runs->to - runs->from;
    return 1;
}

/* List the groups of thread t for the gradient, of many units all of them; of those that it looks
   for it shares none. Returns how it walks them. */
MLPCORE_INLINE mlpcore_walk mlpcore_walk_of(const mlpcore_sparse_job *job, int by_units,
                                            int only_met, int t, int n_threads, int32_t *list)
{
    const int sharing = by_units || only_met ? 1 : mlpcore_sharing(n_threads);
    const int together = by_units ? 0 : t / sharing, of = by_units ? 1 : n_threads / sharing;
    const ptrdiff_t n = mlpcore_list_groups(job->parts, *job->n_parts, !only_met, job->n_groups,
                                            together, of, list);
    return mlpcore_new_walk(n, sharing > 1 ? job->shared[together].n_taken : NULL, t % sharing);
}

/* So many features in advance the rows of those that lie anywhere are asked for. */
enum { MLPCORE_AHEAD = 8 };

/* Ask for a row of `size` bytes, which will be read later. */
MLPCORE_INLINE void mlpcore_prefetch_row(const void *row, ptrdiff_t size)
{
    for (ptrdiff_t b = 0; b < size; b += 64) MLPCORE_PREFETCH_FOR_LATER((const char *)row + b);
}

/* Ask for `size` bytes at `at` of up to three matrices, to be written to. */
MLPCORE_INLINE void mlpcore_prefetch_rows(const void *W, const void *first, const void *second,
                                          ptrdiff_t at, ptrdiff_t size)
{
    for (ptrdiff_t b = at; b < at + size; b += 64) {
        MLPCORE_PREFETCH_TO_WRITE((const char *)W + b);
        if (first) MLPCORE_PREFETCH_TO_WRITE((const char *)first + b);
        if (second) MLPCORE_PREFETCH_TO_WRITE((const char *)second + b);
    }
}

#ifdef MLPCORE_X86_LEVELS
/* The places of the ones of a byte: AVX2 has no instruction that moves what a mask selects. */
static unsigned char mlpcore_places[256][8];

__attribute__((constructor)) static void mlpcore_find_places(void)
{
    for (int byte = 0; byte < 256; byte++)
        for (int bit = 0, n = 0; bit < 8; bit++)
            if (byte >> bit & 1) mlpcore_places[byte][n++] = (unsigned char)bit;
}
#endif

#define LEVEL_BODY "_sparse_level.h"
#include "_each_level.h"

MLPCORE_DISPATCH(mlpcore_sparse_gather_f, (const void *job, int t, int n), (job, t, n))
MLPCORE_DISPATCH(mlpcore_sparse_gather_d, (const void *job, int t, int n), (job, t, n))
MLPCORE_DISPATCH(mlpcore_sparse_pack_f, (const void *job, int t, int n), (job, t, n))
MLPCORE_DISPATCH(mlpcore_sparse_pack_d, (const void *job, int t, int n), (job, t, n))
MLPCORE_DISPATCH(mlpcore_sparse_forward_f, (const void *job, int t, int n), (job, t, n))
MLPCORE_DISPATCH(mlpcore_sparse_forward_d, (const void *job, int t, int n), (job, t, n))
MLPCORE_DISPATCH(mlpcore_sparse_gradient_f, (const void *job, int t, int n), (job, t, n))
MLPCORE_DISPATCH(mlpcore_sparse_gradient_d, (const void *job, int t, int n), (job, t, n))
MLPCORE_DISPATCH(mlpcore_idle_f, (const void *job, int t, int n), (job, t, n))
MLPCORE_DISPATCH(mlpcore_idle_d, (const void *job, int t, int n), (job, t, n))
MLPCORE_DISPATCH(mlpcore_walk_row_f, (const void *job, ptrdiff_t i), (job, i))
MLPCORE_DISPATCH(mlpcore_walk_row_d, (const void *job, ptrdiff_t i), (job, i))

#endif
