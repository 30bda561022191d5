/* The product for one type T and one level, included by _dense.h for each of them. */

#define NAME(name) MLPCORE_NAME(name, S, LEVEL)
#define LANES (VECTOR_BYTES / (int)sizeof(T))

#ifdef PAIRS
#include "_operands_bfloat16.h"
#else
#include "_operands_level.h"
#endif

#ifdef AMX
#include "_tile_amx.h"
#else
#include "_tile_level.h"
#endif

/* Columns of A lie on as many pages as they have terms: tiles of them are computed faster than they
   are found, and are copied. Terms adjoin, and a vector that is longer writes beyond the last. */
#ifdef PAIRS
#define COPIES_TILES 0
#define BLOCK_BYTES (NAME(beside_copies))
#else
#define COPIES_TILES 1
#define BLOCK_BYTES (job->block_bytes)
#endif
#define PANEL_SIZE(k) ((PLACES(k) + 1) * 2 * LANES)
#define TILE_SIZE(k) (((k) * MLPCORE_ROWS + LANES + 15) / 16 * 16)

/* n elements; a call of memcpy, which the compiler makes of a loop, takes longer. */
TARGET MLPCORE_INLINE void NAME(put)(T *to, const T *from, ptrdiff_t n)
{
    ptrdiff_t i = 0;
#if !defined(_MSC_VER)
    for (; i + LANES <= n; i += LANES)
        *(NAME(vector) *)(to + i) = *(const NAME(vector) *)(from + i);
#endif
    for (; i < n; i++) to[i] = from[i];
}

/* What follows the product, on n columns from column j of some rows from row i on. A row of sums is
   `padded` to whole vectors, so that all elements meet the same instructions. */
TARGET MLPCORE_INLINE void NAME(finish)(const mlpcore_product *job,
                                        const MLPCORE_SUFFIX(mlpcore_rule, S) *rule, ptrdiff_t i,
                                        int rows, ptrdiff_t j, ptrdiff_t n, const int padded,
                                        T *restrict sums)
{
    const T scale = (T)job->scale;
    T bias[MLPCORE_GROUP * LANES];
    const ptrdiff_t at = i * job->c_stride + j;
    if (job->update) {
        MLPCORE_SUFFIX(mlpcore_apply_rows, S)(MLPCORE_FUSES, rule, rows, n, sums, padded,
                                              (T *)job->C + at, (T *)job->first + at,
                                              (T *)job->second + at, job->c_stride);
        return;
    }
    if (job->bias) {
        for (ptrdiff_t v = 0; v < padded; v++)
            bias[v] = ((const T *)job->bias)[v < n ? (j + v) * job->bias_step : 0];
        for (int r = 0; r < rows; r++)
            for (ptrdiff_t v = 0; v < padded; v++)
                sums[r * padded + v] = scale * sums[r * padded + v] + bias[v];
    }
    for (int r = 0; r < rows; r++)
        if (job->derived)
            MLPCORE_SUFFIX(mlpcore_row_backward, S)(
                job->activation, n, (const T *)job->derived + (i + r) * job->derived_stride + j,
                sums + r * padded);
        else
            MLPCORE_SUFFIX(mlpcore_row_forward, S)(job->activation, padded, sums + r * padded);
    for (int r = 0; r < rows; r++)
        NAME(put)((T *)job->C + (i + r) * job->c_stride + j, sums + r * padded, n);
}

/* What a thread computes in. */
MLPCORE_INLINE T *NAME(room_of)(const mlpcore_product *job, int t)
{
    return (T *)(job->panels + t * job->panel_size);
}

/* Some columns of B, of k terms from p on, in panels that lie `size` apart; copied, they are zero
   beyond the last column. A is read in tiles of rows: where it lies, or from copies. */
typedef struct {
    ptrdiff_t from, to, p, k, size, stride;
    const T *panels, *rest;     /* whole ones, and a last one if it is narrower */
    T *copies;                  /* of whole ones, made as the first tile meets them, or NULL */
    T *tiles;                   /* copies of A, all or some at a time, or NULL: */
    ptrdiff_t apart, term;      /* how far tiles, and terms of one, lie apart */
    int is_low;                 /* A: it stays in the second cache beside a few panels */
    int ends;                   /* the sums */
    int is_shared;              /* other threads may have read what stands in C, and beside it */
} NAME(block);

/* Whether rows of A, n of them, are low, and several tiles. Panels are read where they lie if no other
   thread has just written them, as it has where parts are rows: they would come too late. */
MLPCORE_INLINE int NAME(is_low)(const mlpcore_product *job, const NAME(block) *block, ptrdiff_t n)
{
    const ptrdiff_t bytes = n * block->k * (ptrdiff_t)sizeof(T);
    return COPIES_TILES && !job->a_is_transposed && n == job->m && n > MLPCORE_ROWS
           && bytes <= MLPCORE_LOW_BYTES && bytes <= BLOCK_BYTES / 2;
}

/* Where the copies of whole panels are. */
MLPCORE_INLINE void NAME(use_copies)(NAME(block) *block)
{
    block->panels = block->copies, block->copies = NULL;
    block->stride = 2 * LANES, block->size = PANEL_SIZE(block->k);
}

/* C = sums of n rows, or they go on from there. */
TARGET MLPCORE_INLINE void NAME(partial)(const mlpcore_product *job, const NAME(block) *block,
                                         ptrdiff_t i, int n, ptrdiff_t j, ptrdiff_t width,
                                         ptrdiff_t padded, T *restrict sum)
{
    for (int r = 0; r < n; r++, sum += padded) {
        T *restrict c = (T *)job->C + (i + r) * job->c_stride + j;
        if (block->p > 0)
            for (ptrdiff_t v = 0; v < width; v++) sum[v] += c[v];
        if (!block->ends) NAME(put)(c, sum, width);
    }
}

/* What is done with the sums of a piece, or of the last one. */
TARGET MLPCORE_INLINE void NAME(follow)(const mlpcore_product *job,
                                        const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                        const NAME(block) *block, ptrdiff_t i, int n, ptrdiff_t j,
                                        ptrdiff_t width, const int padded, T *restrict sums)
{
    if (block->p > 0 || !block->ends)
        NAME(partial)(job, block, i, n, j, width, padded, sums);
    if (block->ends) NAME(finish)(job, rule, i, n, j, width, padded, sums);
}

#ifdef AMX
#include "_panels_amx.h"
#else
#include "_panels_level.h"
#endif

/* Copy a block of B, many panels at a time: rows are read from end to end. If A is low, the first of
   its tiles reads whole panels where they lie and copies them, unless it is the only one. */
TARGET static void NAME(copy_block)(const mlpcore_product *job, ptrdiff_t n_tiles, T *copies,
                                    NAME(block) *block)
{
    const int transposed = job->b_is_transposed;
    const ptrdiff_t n = block->to - block->from, whole = n - n % (2 * LANES);
    const ptrdiff_t stride = job->b_stride;
    const T *B = (const T *)job->B + (transposed ? block->from * stride + block->p
                                                 : block->p * stride + block->from);
    T *rest = copies + whole / (2 * LANES) * PANEL_SIZE(block->k);
    block->rest = rest, block->copies = copies;
    if (transposed || block->tiles || (n_tiles > 1 && !block->is_low)) {
        NAME(use_copies)(block);
        NAME(copy)(B, stride, transposed, block->k, whole, 2 * LANES, copies, 2 * LANES,
                   block->size);
    } else {
        block->panels = B, block->stride = stride, block->size = 2 * LANES;
        if (n_tiles == 1) block->copies = NULL;
    }
    if (whole < n)
        NAME(copy)(B + whole * (transposed ? stride : 1), stride, transposed, block->k, n - whole,
                   n - whole, rest, n - whole > LANES ? 2 * LANES : LANES, 0);
}

/* sums = the sum of the rows of a block of B, which is copied next. */
TARGET static void NAME(sum_block)(const mlpcore_product *job, const NAME(block) *block)
{
    const ptrdiff_t n = block->to - block->from;
    const T *row = (const T *)job->B + block->from;
    T *restrict sums = (T *)job->sums + block->from;
    for (ptrdiff_t j = 0; j < n; j++) sums[j] = row[j];
    for (ptrdiff_t p = 1; p < block->k; p++) {
        row += job->b_stride;
        for (ptrdiff_t j = 0; j < n; j++) sums[j] += row[j];
    }
}

/* How many of some panels a block has at most: so many stay in cache. Others help with blocks, but only
   with some of them. */
MLPCORE_INLINE ptrdiff_t NAME(most_panels)(const mlpcore_product *job, const NAME(block) *block,
                                           ptrdiff_t panels)
{
    const ptrdiff_t bytes = PANEL_SIZE(block->k) * (ptrdiff_t)sizeof(T);
    const ptrdiff_t most = (block->is_low ? BLOCK_BYTES / 5 : BLOCK_BYTES) / bytes;
    const ptrdiff_t least = block->is_low ? panels / MLPCORE_MOST_WALKS + 1 : 1;
    return most > least ? most : least;
}

/* The rows of a part times its columns, as many of these at a time as stay in cache. */
TARGET static void NAME(blocks_of_part)(const mlpcore_product *job,
                                        const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                        const mlpcore_dense_part *part, NAME(block) block, T *copies)
{
    const ptrdiff_t *rows = part->rows, *columns = part->columns, n_rows = rows[1] - rows[0];
    const ptrdiff_t n_tiles = (n_rows + MLPCORE_ROWS - 1) / MLPCORE_ROWS;
    const ptrdiff_t panels = (columns[1] - columns[0] + 2 * LANES - 1) / (2 * LANES);
    block.is_low = NAME(is_low)(job, &block, n_rows);
    const ptrdiff_t most = NAME(most_panels)(job, &block, panels);
    const ptrdiff_t blocks = (panels + most - 1) / most;
    const ptrdiff_t shared = !part->taken || !block.ends ? 0
                             : blocks < MLPCORE_MOST_WALKS ? blocks : MLPCORE_MOST_WALKS;
    for (ptrdiff_t b = 0; b < shared && part->is_own; b++) MLPCORE_COUNT(part->taken + b);
    for (ptrdiff_t b = 0; b < (part->is_own ? blocks : shared); b++) {
        mlpcore_pile tiles = mlpcore_new_pile(n_tiles, b < shared ? part->taken + b : NULL,
                                              part->is_own);
        if (!part->is_own && !mlpcore_needs_help(&tiles)) continue;
        block.from = columns[0] + panels * b / blocks * 2 * LANES;
        block.to = b + 1 < blocks ? columns[0] + panels * (b + 1) / blocks * 2 * LANES : columns[1];
        if (part->sums) NAME(sum_block)(job, &block);
        NAME(copy_block)(job, n_tiles, copies, &block);
        NAME(tiles_of_block)(job, rule, rows, &block, &tiles);
    }
}

#ifdef PAIRS
/* Copy a thread's share of the tiles of some rows to the block's. */
TARGET static void NAME(copy_share)(const mlpcore_product *job, const mlpcore_dense_part *part,
                                    const NAME(block) *block)
{
    const ptrdiff_t *rows = part->rows, stride = job->a_stride;
    const ptrdiff_t n_tiles = (rows[1] - rows[0] + MLPCORE_ROWS - 1) / MLPCORE_ROWS;
    const ptrdiff_t tile = mlpcore_part(n_tiles, part->mate, part->mates);
    const ptrdiff_t end = rows[0] + mlpcore_part(n_tiles, part->mate + 1, part->mates) * MLPCORE_ROWS;
    const ptrdiff_t i = rows[0] + tile * MLPCORE_ROWS, n = (end < rows[1] ? end : rows[1]) - i;
    const T *A = (const T *)job->A + (job->a_is_transposed ? block->p * stride + i
                                                           : i * stride + block->p);
    NAME(copy_rows)(A, stride, job->a_is_transposed, block->k, n,
                    block->tiles + tile * block->apart, block->apart);
}

/* The same of copies of the rows, as many at a time as there is room for. Threads that have the same
   rows copy them together, to the rooms of all in turn: another may still read those before. */
TARGET static void NAME(copied_rows)(const mlpcore_product *job,
                                     const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                     mlpcore_dense_part *part, NAME(block) block, T *copies_of_B)
{
    const ptrdiff_t size = SIZE_OF_ROWS(block.k), *rows = part->rows;
    const ptrdiff_t most = MLPCORE_COPIED_BYTES / (size * (ptrdiff_t)sizeof(T)) * MLPCORE_ROWS;
    const ptrdiff_t times = (rows[1] - rows[0] + most - 1) / most;
    block.apart = size, block.term = LANES;
    for (ptrdiff_t time = 0; time < times; time++) {
        mlpcore_dense_part some = *part;
        some.rows[0] = rows[0] + (rows[1] - rows[0]) * time / times;
        some.rows[1] = rows[0] + (rows[1] - rows[0]) * (time + 1) / times;
        some.sums = part->sums && time == 0;
        block.tiles = NAME(room_of)(job, part->first + part->turn++ % part->mates);
        NAME(copy_share)(job, &some, &block);
        mlpcore_barrier_wait(job->shared[part->first].n_taken, part->mates);
        NAME(blocks_of_part)(job, rule, &some, block, copies_of_B);
    }
}
#endif

/* Where a piece of the sums begins: the terms before need no padding. */
MLPCORE_INLINE ptrdiff_t NAME(first_term)(const mlpcore_product *job, ptrdiff_t piece,
                                          ptrdiff_t pieces)
{
    const ptrdiff_t p = job->k * piece / pieces;
    return piece < pieces ? p / 32 * 32 : p;
}

/* A part of a product, or of another thread's what is left to help with. Long sums are added up piece
   by piece, so that a piece of A stays in cache for all panels; not if a step follows, whose C is
   no place for them. Others may help with the last piece. */
TARGET static void NAME(part_of_product)(const mlpcore_product *job,
                                         const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                         mlpcore_dense_part *part, T *room)
{
    enum { MOST = NAME(most_terms), LEAST_PANELS = 4 };
    const ptrdiff_t pieces = job->update ? 1 : (job->k + MOST - 1) / MOST;
    /* For few panels a tile is not worth a copy. */
    const int is_wide = part->columns[1] - part->columns[0] >= LEAST_PANELS * 2 * LANES;
    NAME(block) block;
    memset(&block, 0, sizeof block);
    block.is_shared = part->is_shared;
    if (COPIES_TILES && job->a_is_transposed && is_wide) {
        block.tiles = room, block.apart = TILE_SIZE(job->k), block.term = MLPCORE_ROWS;
        room += MLPCORE_TILES_BYTES / (ptrdiff_t)sizeof(T) + block.apart;
    }
    for (ptrdiff_t piece = part->is_own ? 0 : pieces - 1; piece < pieces; piece++) {
        block.p = NAME(first_term)(job, piece, pieces);
        block.k = NAME(first_term)(job, piece + 1, pieces) - block.p;
        block.ends = piece + 1 == pieces;
#ifdef PAIRS
        NAME(copied_rows)(job, rule, part, block, room + MLPCORE_COPIED_BYTES / sizeof(T));
#else
        NAME(blocks_of_part)(job, rule, part, block, room);
#endif
    }
}

/* A thread's part of the product, and then that of its neighbour. */
TARGET static void NAME(mlpcore_dense)(const mlpcore_product *job, int t, int n_threads)
{
    T *room = NAME(room_of)(job, t);
    const ptrdiff_t high = COPIES_TILES ? MLPCORE_ROWS : 0;
    mlpcore_dense_part part = mlpcore_dense_part_of(job, 2 * LANES, high, t, n_threads);
    MLPCORE_SUFFIX(mlpcore_rule, S) rule;
    memset(&rule, 0, sizeof rule);
    if (job->update) rule = MLPCORE_SUFFIX(mlpcore_new_rule, S)(job->update);
#ifdef AMX
    NAME(begin)();
#endif
#ifdef PAIRS
    part.taken = NULL; /* its copies are not worth the help */
#endif
    NAME(part_of_product)(job, &rule, &part, room);
    if (part.taken) {
        part = mlpcore_dense_part_of(job, 2 * LANES, high, t ^ 1, n_threads);
        part.is_own = part.sums = 0;
        NAME(part_of_product)(job, &rule, &part, room);
    }
#ifdef AMX
    NAME(end)();
#endif
}

#undef NAME
#undef LANES
#undef PLACES
#undef PLACE
#undef TERMS
#undef SLICES
#undef COPIES_TILES
#undef BLOCK_BYTES
#undef PANEL_SIZE
#undef TILE_SIZE
#undef SIZE_OF_ROWS
#undef FLOATS
