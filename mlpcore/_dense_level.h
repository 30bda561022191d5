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

/* Terms of a sum that are added up at a time: so many of a tile's rows stay in the first cache, or in
   the second, from which tiles are read fast enough. */
#ifdef AMX
enum { NAME(most_terms) = 1024 };
#else
enum { NAME(most_terms) = MLPCORE_ROWS * sizeof(T) <= 24 ? 1024 : 512 };
#endif

/* Columns of A lie on as many pages as they have terms: tiles of them are computed faster than they
   are found, and are copied. Terms adjoin, and a vector that is longer writes beyond the last. */
#ifdef PAIRS
#define COPIES_TILES 0
#else
#define COPIES_TILES 1
#endif
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
    T bias[2 * LANES];
    for (int r = 0; r < rows && job->update; r++) {
        const ptrdiff_t at = (i + r) * job->c_stride + j;
        MLPCORE_SUFFIX(mlpcore_apply, S)(rule, n, sums + r * padded, (T *)job->C + at,
                                         (T *)job->first + at, (T *)job->second + at);
    }
    if (job->update) return;
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

/* Some columns of B, of k terms from p on, in panels that lie `size` apart; copied, they are zero
   beyond the last column. A is read in tiles of rows: where it lies, or from copies. */
typedef struct {
    ptrdiff_t from, to, p, k, size, stride;
    const T *panels, *rest;     /* whole ones, and a last one if it is narrower */
    T *tiles;                   /* copies of A, or NULL: */
    ptrdiff_t apart, term;      /* how far tiles, and terms of one, lie apart */
    int ends;                   /* the sums */
} NAME(block);

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

/* Copy some tiles of A, whose columns they are: its rows are read from end to end. */
TARGET static void NAME(copy_tiles)(const mlpcore_product *job, const NAME(block) *block,
                                    ptrdiff_t i, ptrdiff_t n_tiles)
{
    enum { AHEAD = 4, READ = (MLPCORE_ROWS + LANES - 1) / LANES * LANES };
    const T *A = (const T *)job->A + block->p * job->a_stride + i;
    const ptrdiff_t left = job->m - i;
    for (ptrdiff_t p = 0; p < block->k; p++, A += job->a_stride)
        for (ptrdiff_t t = 0; t < n_tiles; t++) {
            const ptrdiff_t c = t * MLPCORE_ROWS;
            T *to = block->tiles + t * block->apart + p * block->term;
            MLPCORE_PREFETCH(A + AHEAD * job->a_stride + c);
#if !defined(_MSC_VER)
            if (c + READ <= left) {
                for (int v = 0; v < READ; v += LANES)
                    *(NAME(vector) *)(to + v) = *(const NAME(vector) *)(A + c + v);
                continue;
            }
#endif
            for (int v = 0; v < MLPCORE_ROWS && c + v < left; v++) to[v] = A[c + v];
        }
}

/* Some rows times a block. As many tiles are copied at a time as stay in the second cache beside
   a few panels, which take turns. */
TARGET static void NAME(rows_of_block)(const mlpcore_product *job,
                                       const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                       const ptrdiff_t *rows, const NAME(block) *block)
{
    const ptrdiff_t n = (rows[1] - rows[0] + MLPCORE_ROWS - 1) / MLPCORE_ROWS, all[2] = {0, n};
    const ptrdiff_t of_tile = block->apart * (ptrdiff_t)sizeof(T);
    const ptrdiff_t of_panel = block->size * (ptrdiff_t)sizeof(T);
    const ptrdiff_t most = 1 + MLPCORE_TILES_BYTES / (of_tile + 1);
    const ptrdiff_t group = (1 + MLPCORE_BLOCK_BESIDE_A / (of_panel + 1)) * 2 * LANES;
    if (!COPIES_TILES || !block->tiles) {
        NAME(tiles_of_block)(job, rule, rows, block, all, block->from, block->to);
        return;
    }
    for (ptrdiff_t t = 0; t < n; t += most) {
        const ptrdiff_t tiles[2] = {t, t + most < n ? t + most : n};
        NAME(copy_tiles)(job, block, rows[0] + t * MLPCORE_ROWS, tiles[1] - t);
        for (ptrdiff_t j = block->from; j < block->to; j += group)
            NAME(tiles_of_block)(job, rule, rows, block, tiles, j,
                                 j + group < block->to ? j + group : block->to);
    }
}

/* Copy a block of B, many panels at a time: rows are read from end to end. For few rows of A
   that does not pay, and whole panels are left where they are. */
TARGET static void NAME(copy_block)(const mlpcore_product *job, int few_rows, T *copies,
                                    NAME(block) *block)
{
    const int transposed = job->b_is_transposed;
    const ptrdiff_t n = block->to - block->from, whole = n - n % (2 * LANES);
    const ptrdiff_t stride = job->b_stride;
    const T *B = (const T *)job->B + (transposed ? block->from * stride + block->p
                                                 : block->p * stride + block->from);
    T *rest = copies;
    block->panels = copies, block->stride = 2 * LANES;
    block->size = (PLACES(block->k) + 1) * 2 * LANES;
    if (few_rows && !transposed && !block->tiles)
        block->panels = B, block->stride = stride, block->size = 2 * LANES;
    else {
        rest += whole / (2 * LANES) * block->size;
        NAME(copy)(B, stride, transposed, block->k, whole, 2 * LANES, copies, 2 * LANES,
                   block->size);
    }
    block->rest = rest;
    if (whole < n)
        NAME(copy)(B + whole * (transposed ? stride : 1), stride, transposed, block->k, n - whole,
                   n - whole, rest, n - whole > LANES ? 2 * LANES : LANES, 0);
}

/* Some rows times all columns of a thread, as many of them at a time as stay in cache. */
TARGET static void NAME(blocks_of_rows)(const mlpcore_product *job,
                                        const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                        const ptrdiff_t *rows, const ptrdiff_t *columns,
                                        NAME(block) block, T *copies)
{
    enum { FEW_ROWS = 8 };
    const ptrdiff_t bytes = (PLACES(block.k) + 1) * 2 * LANES * (ptrdiff_t)sizeof(T);
#ifdef PAIRS
    const ptrdiff_t room = NAME(beside_copies);
#else
    const ptrdiff_t room = block.tiles ? MLPCORE_BLOCK_OF_MANY : MLPCORE_BLOCK_BYTES;
#endif
    const ptrdiff_t most = room > bytes ? room / bytes : 1;
    const ptrdiff_t panels = (columns[1] - columns[0] + 2 * LANES - 1) / (2 * LANES);
    const ptrdiff_t blocks = (panels + most - 1) / most;
    for (ptrdiff_t b = 0; b < blocks; b++) {
        block.from = columns[0] + panels * b / blocks * 2 * LANES;
        block.to = b + 1 < blocks ? columns[0] + panels * (b + 1) / blocks * 2 * LANES : columns[1];
        NAME(copy_block)(job, rows[1] - rows[0] <= FEW_ROWS, copies, &block);
        NAME(rows_of_block)(job, rule, rows, &block);
    }
}

#ifdef PAIRS
/* The same of copies of the rows, as many at a time as there is room for. */
TARGET static void NAME(copied_rows)(const mlpcore_product *job,
                                     const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                     const ptrdiff_t *rows, const ptrdiff_t *columns,
                                     NAME(block) block, T *room)
{
    const ptrdiff_t size = SIZE_OF_ROWS(block.k), stride = job->a_stride;
    const ptrdiff_t most = NAME(copied_bytes) / (size * (ptrdiff_t)sizeof(T)) * MLPCORE_ROWS;
    const ptrdiff_t parts = (rows[1] - rows[0] + most - 1) / most;
    T *copies_of_B = room + MLPCORE_COPIED_BYTES / sizeof(T);
    block.tiles = room, block.apart = size, block.term = LANES;
    for (ptrdiff_t part = 0; part < parts; part++) {
        const ptrdiff_t some[2] = {rows[0] + (rows[1] - rows[0]) * part / parts,
                                   rows[0] + (rows[1] - rows[0]) * (part + 1) / parts};
        const T *A = (const T *)job->A + (job->a_is_transposed ? block.p * stride + some[0]
                                                               : some[0] * stride + block.p);
        NAME(copy_rows)(A, stride, job->a_is_transposed, block.k, some[1] - some[0], room, size);
        NAME(blocks_of_rows)(job, rule, some, columns, block, copies_of_B);
    }
}
#endif

/* How many panels are worth what is done anew for each piece of them: copies of A tile by tile, or
   pairs of all its rows, for which a piece is never wide enough. */
TARGET MLPCORE_INLINE ptrdiff_t NAME(least_panels)(const mlpcore_product *job)
{
#ifdef PAIRS
    return job->n;
#else
    return job->a_is_transposed ? 4 : 1;
#endif
}

/* Some columns of some rows. Long sums are added up piece by piece, so that a piece of A stays in
   cache for all panels; not if a step follows, whose C is no place for them. */
TARGET static void NAME(columns_of_rows)(const mlpcore_product *job,
                                         const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                         const ptrdiff_t *rows, const ptrdiff_t *columns, T *room)
{
    enum { MOST = NAME(most_terms) };
    const ptrdiff_t pieces = job->update ? 1 : (job->k + MOST - 1) / MOST;
    const int is_wide = columns[1] - columns[0] >= NAME(least_panels)(job) * 2 * LANES;
    NAME(block) block;
    memset(&block, 0, sizeof block);
    if (COPIES_TILES && job->a_is_transposed && is_wide) {
        block.tiles = room, block.apart = TILE_SIZE(job->k), block.term = MLPCORE_ROWS;
        room += MLPCORE_TILES_BYTES / (ptrdiff_t)sizeof(T) + block.apart;
    }
    for (ptrdiff_t piece = 0; piece < pieces; piece++) {
        block.p = job->k * piece / pieces;
        block.k = job->k * (piece + 1) / pieces - block.p;
        block.ends = piece + 1 == pieces;
#ifdef PAIRS
        NAME(copied_rows)(job, rule, rows, columns, block, room);
#else
        NAME(blocks_of_rows)(job, rule, rows, columns, block, room);
#endif
    }
}

/* A thread's part of the product. */
TARGET static void NAME(mlpcore_dense)(const mlpcore_product *job, int t, int n_threads)
{
    enum { WIDTH = 2 * LANES };
#ifdef AMX
    NAME(begin)();
#endif
    T *room = (T *)(job->panels + t * job->panel_size);
    const ptrdiff_t least = NAME(least_panels)(job);
    mlpcore_dense_part part = mlpcore_dense_part_of(job, WIDTH, least, t, n_threads);
    MLPCORE_SUFFIX(mlpcore_rule, S) rule;
    memset(&rule, 0, sizeof rule);
    if (job->update) rule = MLPCORE_SUFFIX(mlpcore_new_rule, S)(job->update);
    while (mlpcore_next_piece(&part.panels, part.piece)) {
        const ptrdiff_t from = (part.first + part.panels.from) * WIDTH;
        const ptrdiff_t to = (part.first + part.panels.to) * WIDTH;
        const ptrdiff_t columns[2] = {from, to < job->n ? to : job->n};
        NAME(columns_of_rows)(job, &rule, part.rows, columns, room);
    }
#ifdef AMX
    NAME(end)();
#endif
}

#undef NAME
#undef LANES
#undef PLACES
#undef COPIES_TILES
#undef TILE_SIZE
#undef SIZE_OF_ROWS
#undef FLOATS
