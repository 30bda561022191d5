/* The product for one type T and one level, included by _dense.h for each of them. */

#define NAME(name) MLPCORE_NAME(name, S, LEVEL)
#define LANES (VECTOR_BYTES / (int)sizeof(T))

#ifdef PAIRS
#include "_operands_bfloat16.h"
#else
#include "_operands_level.h"
#endif

#include "_tile_level.h"

/* Columns of A lie on as many pages as they have terms. A tile of few rows is computed faster than
   they are found; it is copied for all panels of a block. */
#define COPIES_TILES (MLPCORE_ROWS < 12)
#define TILE ((MLPCORE_ROWS + LANES - 1) / LANES * LANES) /* a copy's columns */

/* What follows the product, on n adjoining elements of row i from column j; there is room for
   as many as a vector has, so that all of them meet the same instructions. */
TARGET MLPCORE_INLINE void NAME(finish)(const mlpcore_product *job,
                                        const MLPCORE_SUFFIX(mlpcore_rule, S) *rule, ptrdiff_t i,
                                        ptrdiff_t j, ptrdiff_t n, const int padded,
                                        T *restrict sum)
{
    const ptrdiff_t at = i * job->c_stride + j;
    T *restrict c = (T *)job->C + at;
    if (job->update) {
        MLPCORE_SUFFIX(mlpcore_apply, S)(rule, n, sum, c, (T *)job->first + at,
                                         (T *)job->second + at);
        return;
    }
    if (job->bias) {
        const T *bias = (const T *)job->bias + j * job->bias_step, scale = (T)job->scale;
        if (job->bias_step)
            for (ptrdiff_t v = 0; v < n; v++) sum[v] = scale * sum[v] + bias[v];
        else
            for (ptrdiff_t v = 0; v < n; v++) sum[v] = scale * sum[v] + bias[0];
    }
    MLPCORE_SUFFIX(mlpcore_row_forward, S)(job->derived ? 0 : job->activation, padded, sum);
    if (job->derived)
        MLPCORE_SUFFIX(mlpcore_row_backward, S)(job->activation, n,
                                                (const T *)job->derived + i * job->derived_stride + j, sum);
    for (ptrdiff_t v = 0; v < n; v++) c[v] = sum[v];
}

/* Some columns of B, of k terms from p on, in panels that lie `size` apart; copied, they are zero
   beyond the last column. A is read in tiles of rows: where it lies, or from copies. */
typedef struct {
    ptrdiff_t from, to, p, k, size, stride;
    const T *panels, *rest; /* whole ones, and a last one if it is narrower */
    const T *tiles_of_A;
    T *tile; /* room for the copy of one, or NULL */
    int ends; /* the sums */
} NAME(block);

/* What follows the sums of a tile and is read: a step, a derivative, or what stands there. */
TARGET MLPCORE_INLINE NAME(ahead) NAME(ahead_of)(const mlpcore_product *job,
                                                 const NAME(block) *block, ptrdiff_t i,
                                                 ptrdiff_t j, ptrdiff_t width)
{
    enum { LONG_SUM = 96 };
    const T *derived = block->ends && !job->update ? job->derived : NULL;
    const T *follows[3] = {job->C, derived ? derived : job->first, job->second};
    const int is_read = job->update || derived || block->p > 0;
    NAME(ahead) ahead;
    ahead.n = 0, ahead.last = width * (ptrdiff_t)sizeof(T) - 1;
    if (!is_read || PLACES(block->k) < LONG_SUM) return ahead;
    for (int s = 0; s < 3 && follows[s]; s++, ahead.n++) {
        const ptrdiff_t stride = s == 1 && derived ? job->derived_stride : job->c_stride;
        ahead.at[s] = (const char *)(follows[s] + i * stride + j);
        ahead.stride[s] = stride * (ptrdiff_t)sizeof(T);
    }
    return ahead;
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
        if (!block->ends)
            for (ptrdiff_t v = 0; v < width; v++) c[v] = sum[v];
    }
}

/* The first row of a tile, of as many as there are rows; all are about as high. */
MLPCORE_INLINE ptrdiff_t NAME(first_row)(const ptrdiff_t *rows, ptrdiff_t tile)
{
    const ptrdiff_t n = rows[1] - rows[0], tiles = (n + MLPCORE_ROWS - 1) / MLPCORE_ROWS;
    return rows[0] + n * tile / tiles;
}

/* A tile: n rows from row i on times one panel, which is column j's. */
TARGET static void NAME(rows_of_panel)(const mlpcore_product *job,
                                       const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                       const NAME(block) *block, ptrdiff_t i, int n,
                                       const T *A, ptrdiff_t j)
{
    const ptrdiff_t k = PLACES(block->k), left = block->to - j;
    const ptrdiff_t width = left < 2 * LANES ? left : 2 * LANES;
    const ptrdiff_t stride = block->tiles_of_A ? LANES : block->tile ? TILE : job->a_stride;
    const int vectors = width > LANES ? 2 : 1;
    const int transposed = job->a_is_transposed || block->tiles_of_A;
    const int is_whole = width == 2 * LANES;
    const T *whole = block->panels + (j - block->from) / (2 * LANES) * block->size;
    const T *B = is_whole ? whole : block->rest;
    const ptrdiff_t b_stride = is_whole ? block->stride : vectors * LANES;
    const NAME(ahead) ahead = NAME(ahead_of)(job, block, i, j, width);
    T out[MLPCORE_ROWS * 2 * LANES];
    if (vectors == 2 && transposed)
        NAME(tile_of)(n, 2, 1, k, A, stride, B, b_stride, 0, NULL, &ahead, out);
    else if (vectors == 2)
        NAME(tile_of)(n, 2, 0, k, A, stride, B, b_stride, 0, NULL, &ahead, out);
    else if (transposed)
        NAME(tile_of)(n, 1, 1, k, A, stride, B, b_stride, 0, NULL, &ahead, out);
    else
        NAME(tile_of)(n, 1, 0, k, A, stride, B, b_stride, 0, NULL, &ahead, out);
    if (block->p > 0 || !block->ends)
        NAME(partial)(job, block, i, n, j, width, vectors * LANES, out);
    for (int r = 0; r < n && block->ends; r++)
        if (is_whole)
            NAME(finish)(job, rule, i + r, j, 2 * LANES, 2 * LANES, out + r * 2 * LANES);
        else if (vectors == 2)
            NAME(finish)(job, rule, i + r, j, width, 2 * LANES, out + r * 2 * LANES);
        else
            NAME(finish)(job, rule, i + r, j, width, LANES, out + r * LANES);
}

/* The tile of A from column i on, n columns side by side. */
TARGET static void NAME(copy_tile)(const mlpcore_product *job, const NAME(block) *block,
                                   ptrdiff_t i, int n, const T *A)
{
    enum { AHEAD = 8 };
    T *to = block->tile;
    for (ptrdiff_t p = 0; p < block->k; p++, A += job->a_stride, to += TILE) {
        MLPCORE_PREFETCH(A + AHEAD * job->a_stride);
#if !defined(_MSC_VER)
        if (i + TILE <= job->m) {
            for (int c = 0; c < TILE; c += LANES)
                *(NAME(vector) *)(to + c) = *(const NAME(vector) *)(A + c);
            continue;
        }
#endif
        for (int c = 0; c < n; c++) to[c] = A[c];
    }
}

/* Some rows times a block. A tile of A stays in the first cache for all of its panels. */
TARGET static void NAME(rows_of_block)(const mlpcore_product *job,
                                       const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                       const ptrdiff_t *rows, const NAME(block) *block)
{
    for (ptrdiff_t i = rows[0], t = 0, next; i < rows[1]; i = next, t++) {
        const T *A = (const T *)job->A + (job->a_is_transposed ? block->p * job->a_stride + i
                                                               : i * job->a_stride + block->p);
        next = NAME(first_row)(rows, t + 1);
        if (block->tiles_of_A) {
            A = block->tiles_of_A + t * (PLACES(block->k) + 1) * LANES;
            next = i + MLPCORE_ROWS < rows[1] ? i + MLPCORE_ROWS : rows[1];
        }
        if (block->tile) {
            NAME(copy_tile)(job, block, i, (int)(next - i), A);
            A = block->tile;
        }
        for (ptrdiff_t j = block->from; j < block->to; j += 2 * LANES)
            NAME(rows_of_panel)(job, rule, block, i, (int)(next - i), A, j);
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
    if (few_rows && !transposed && !block->tiles_of_A)
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
    const ptrdiff_t room = block.tiles_of_A ? MLPCORE_BLOCK_BESIDE_A : MLPCORE_BLOCK_BYTES;
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
    const ptrdiff_t size = (PLACES(block.k) + 1) * LANES, stride = job->a_stride;
    const ptrdiff_t most = MLPCORE_COPIED_BYTES / (size * (ptrdiff_t)sizeof(T)) * MLPCORE_ROWS;
    const ptrdiff_t parts = (rows[1] - rows[0] + most - 1) / most;
    T *copies_of_B = room + MLPCORE_COPIED_BYTES / sizeof(T);
    block.tiles_of_A = room;
    for (ptrdiff_t part = 0; part < parts; part++) {
        const ptrdiff_t some[2] = {rows[0] + (rows[1] - rows[0]) * part / parts,
                                   rows[0] + (rows[1] - rows[0]) * (part + 1) / parts};
        const T *A = (const T *)job->A + (job->a_is_transposed ? block.p * stride + some[0]
                                                               : some[0] * stride + block.p);
        NAME(copy)(A, stride, !job->a_is_transposed, block.k, some[1] - some[0], MLPCORE_ROWS, room,
                   LANES, size);
        NAME(blocks_of_rows)(job, rule, some, columns, block, copies_of_B);
    }
}
#endif

/* A thread's part of the product. Long sums are added up piece by piece, so that a piece of A
   stays in cache for all panels; not if a step follows, whose C is no place for them. */
TARGET static void NAME(mlpcore_dense)(const mlpcore_product *job, int t, int n_threads)
{
    enum { MANY_COLUMNS = 8 * LANES };
    const ptrdiff_t pieces = job->update ? 1 : (job->k + MLPCORE_TERMS - 1) / MLPCORE_TERMS;
    T *room = (T *)(job->panels + t * job->panel_size);
    MLPCORE_SUFFIX(mlpcore_rule, S) rule;
    NAME(block) block;
    ptrdiff_t rows[2], columns[2];
    memset(&rule, 0, sizeof rule);
    memset(&block, 0, sizeof block);
    if (job->update) rule = MLPCORE_SUFFIX(mlpcore_new_rule, S)(job->update);
    mlpcore_share(job, 2 * LANES, t, n_threads, rows, columns);
    if (COPIES_TILES && job->a_is_transposed && columns[1] - columns[0] >= MANY_COLUMNS) {
        block.tile = room;
        room += (job->k + 1) * TILE;
    }
    for (ptrdiff_t piece = 0; piece < pieces; piece++) {
        block.p = job->k * piece / pieces;
        block.k = job->k * (piece + 1) / pieces - block.p;
        block.ends = piece + 1 == pieces;
#ifdef PAIRS
        NAME(copied_rows)(job, &rule, rows, columns, block, room);
#else
        NAME(blocks_of_rows)(job, &rule, rows, columns, block, room);
#endif
    }
}

#undef NAME
#undef LANES
#undef PLACES
#undef COPIES_TILES
#undef TILE
