/* Dense matrix products with what follows them: bias and activation, derivative, or a step.

   C = A B is computed tile by tile: up to MLPCORE_ROWS rows by two vectors stay in registers
   while the terms of a piece of k are added up, in order, so that an element does not depend on
   the tile, the thread or its neighbours. B comes in panels of two vectors' width, copied to
   adjoin and padded with zeros, as many as the second cache holds; few rows of A do not pay for
   that, and their first tile copies what it reads. A is read where it lies, in rows or, for the
   gradient, in columns, or copied tile by tile, so that it is read from end to end. What a tile
   is followed by comes from memory meanwhile. The processor's tiles multiply bfloat16 sixteen times
   as fast, and so float32 too, in slices: _operands_bfloat16.h.
   K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication", 2008. */
#ifndef MLPCORE_DENSE_H
#define MLPCORE_DENSE_H

#include <stddef.h>
#include <string.h>

#include "_levels.h"
#include "_activations.h"
#include "_barrier.h"
#include "_pieces.h"
#include "_updates.h"

enum { MLPCORE_PANEL_BYTES = 128 }; /* the widest panel's row */
enum { MLPCORE_TILE_BYTES = 128 };  /* the widest row of a tile of A that is copied */
enum { MLPCORE_GROUP = 8 };         /* vectors that are followed at a time, at most */
enum { MLPCORE_LOW_BYTES = 5 << 16 };      /* of A, at most, that pass for few rows */
enum { MLPCORE_COPIED_BYTES = 1 << 20 };   /* of A, at most, rounded to bfloat16, */
enum { MLPCORE_TILES_BYTES = 3 << 16 };    /* or in float, and one tile more */

/* The bytes of B that are copied at a time: they stay in the second cache beside what is read and
   written. */
static ptrdiff_t mlpcore_block_bytes(void)
{
    const ptrdiff_t least = 1 << 19;
#if defined(_SC_LEVEL2_CACHE_SIZE)
    const ptrdiff_t most = sysconf(_SC_LEVEL2_CACHE_SIZE) / 8 * 5;
    return most > least ? most : least;
#else
    return least;
#endif
}

/* Whether the compiler moves elements between vectors without naming an instruction. */
#if defined(__GNUC__) && !defined(__clang__)
#define MLPCORE_SHUFFLES 1
#else
#define MLPCORE_SHUFFLES 0
#endif

typedef struct {
    ptrdiff_t m, n, k;        /* C (m, n), A (m, k), B (k, n) */
    const void *A, *B;
    ptrdiff_t a_stride, b_stride;
    int a_is_transposed;      /* A lies in memory as (k, m) */
    int b_is_transposed;      /* B lies in memory as (n, k) */
    void *C;
    ptrdiff_t c_stride;
    double scale;             /* forward: of the sums, before the bias */
    const void *bias;         /* forward: added to each row if not NULL */
    ptrdiff_t bias_step;      /* 0 for a bias shared by all columns */
    int activation;           /* forward: C = f(C) */
    const void *derived;      /* backward: C = C f'(z), told from these a, if not NULL */
    ptrdiff_t derived_stride;
    const mlpcore_update *update; /* gradient: what becomes of the product, if not NULL */
    void *first, *second;     /* gradient: the state beside C */
    void *sums;               /* gradient: (n,) receives the sum of the rows of B, if not NULL */
    mlpcore_shared *shared;   /* (n_threads,) */
    unsigned char *panels;    /* (n_threads, panel_size) */
    ptrdiff_t panel_size;
    ptrdiff_t block_bytes;    /* of B that are copied at a time */
} mlpcore_product;

/* The part of a product that is thread t's: columns of a wide one, so that each thread keeps meeting
   the same units; rows of a narrow one; and if there are many threads, some rows of some columns, as
   copies that each of them makes would take longer than the rest. `taken` counts, for each of the
   blocks of its last piece, how often tiles of it are taken; NULL: nobody helps it. Threads from
   `first` on have the same rows, so many mates, of whom it is number `mate`; `turn` counts the copies
   that they made of some. */
typedef struct {
    ptrdiff_t rows[2], columns[2];
    int first, mates, mate, turn;
    mlpcore_counter *taken;
    int is_own; /* or that of the thread which is helped */
    int sums;   /* the rows of B, in its columns */
    int is_shared; /* whether other threads have parts */
} mlpcore_dense_part;

/* How many threads have the same rows, each other columns; `high` rows of A need no copy of B where it
   lies in rows itself. */
MLPCORE_INLINE int mlpcore_threads_across(const mlpcore_product *job, ptrdiff_t panels,
                                          ptrdiff_t high, int n_threads)
{
    enum { LEAST_PANELS = 4 };
    const int copies = job->a_is_transposed || job->b_is_transposed || job->m > high * n_threads;
    int across = n_threads;
    if (panels < LEAST_PANELS * across && !copies) return 1;
    while (across > 1 && (n_threads % across || panels < LEAST_PANELS * across)) across--;
    return across;
}

MLPCORE_INLINE mlpcore_dense_part mlpcore_dense_part_of(const mlpcore_product *job, ptrdiff_t width,
                                                        ptrdiff_t high, int t, int n_threads)
{
    const ptrdiff_t panels = (job->n + width - 1) / width;
    const int across = mlpcore_threads_across(job, panels, high, n_threads);
    const int down = n_threads / across, i = t / across, j = t % across;
    mlpcore_dense_part part = {{0, job->m}, {0, job->n}, t - j, across, j, 0, NULL, 1};
    part.sums = job->sums && i == 0;
    part.is_shared = n_threads > 1;
    part.rows[0] = mlpcore_part(job->m, i, down);
    part.rows[1] = mlpcore_part(job->m, i + 1, down);
    part.columns[0] = mlpcore_part(panels, j, across) * width;
    if (j + 1 < across) part.columns[1] = mlpcore_part(panels, j + 1, across) * width;
    if (across > 1 && mlpcore_sharing(n_threads) > 1) part.taken = job->shared[t].n_taken;
    return part;
}

#define LEVEL_BODY "_dense_level.h"
#include "_each_level.h"

#ifdef MLPCORE_FOR_BFLOAT16
#define VECTOR_BYTES 64
#define PAIRS
#define T float
#define S f

#define LEVEL bfloat16
#define TARGET MLPCORE_FOR_BFLOAT16
#define MLPCORE_ROWS 14
#include "_dense_level.h"
#undef LEVEL
#undef TARGET
#undef MLPCORE_ROWS

#ifdef MLPCORE_FOR_AMX
#define TARGET MLPCORE_FOR_AMX
#define MLPCORE_ROWS 32
#define AMX
#define LEVEL amx
#include "_dense_level.h"
#undef LEVEL
#define LEVEL slices
#define SLICES 3
#include "_dense_level.h"
#undef LEVEL
#undef TARGET
#undef MLPCORE_ROWS
#undef AMX
#endif

#undef VECTOR_BYTES
#undef PAIRS
#undef T
#undef S
#endif

/* For processors that mlpcore_has_bfloat16. */
static void mlpcore_dense_bfloat16(const void *job, int t, int n)
{
#ifdef MLPCORE_FOR_BFLOAT16
    mlpcore_dense_f_bfloat16(job, t, n);
#endif
}

/* For processes that mlpcore_may_use_tiles. */
static void mlpcore_dense_amx(const void *job, int t, int n)
{
#ifdef MLPCORE_FOR_AMX
    mlpcore_dense_f_amx(job, t, n);
#endif
}

/* Products of float32, for the same processes. */
static void mlpcore_dense_slices(const void *job, int t, int n)
{
#ifdef MLPCORE_FOR_AMX
    mlpcore_dense_f_slices(job, t, n);
#endif
}

MLPCORE_DISPATCH(mlpcore_dense_f, (const void *job, int t, int n), (job, t, n))
MLPCORE_DISPATCH(mlpcore_dense_d, (const void *job, int t, int n), (job, t, n))

#endif
