/* Rows of A times panels of B, tile by tile, for one type T and one level; included by
   _dense_level.h. */

/* The first row of a tile, of as many as there are rows; all are about as high. */
MLPCORE_INLINE ptrdiff_t NAME(first_row)(const ptrdiff_t *rows, ptrdiff_t tile)
{
    const ptrdiff_t n = rows[1] - rows[0], tiles = (n + MLPCORE_ROWS - 1) / MLPCORE_ROWS;
    return rows[0] + n * tile / tiles;
}

/* What follows the sums of a tile and is read: a step, a derivative, or what stands there. Short sums
   are over before it comes from memory, but not before other threads give it away. */
TARGET MLPCORE_INLINE void NAME(look_ahead)(const mlpcore_product *job, const NAME(block) *block,
                                            ptrdiff_t i, ptrdiff_t j, ptrdiff_t width,
                                            NAME(ahead) *ahead)
{
    enum { LONG_SUM = 96 };
    const T *derived = block->ends && !job->update ? job->derived : NULL;
    const T *follows[3] = {job->C, derived ? derived : job->first, job->second};
    const int is_read = job->update || derived || block->p > 0;
    ahead->n = 0, ahead->written = derived ? 1 : 3;
    ahead->last = width * (ptrdiff_t)sizeof(T) - 1;
    if (!is_read || (!block->is_shared && PLACES(block->k) < LONG_SUM)) return;
    for (int s = 0; s < 3 && follows[s]; s++, ahead->n++) {
        const ptrdiff_t stride = s == 1 && derived ? job->derived_stride : job->c_stride;
        ahead->at[s] = (const char *)(follows[s] + i * stride + j);
        ahead->stride[s] = stride * (ptrdiff_t)sizeof(T);
    }
}

/* A tile: n rows from row i on times one panel, which is column j's. */
TARGET static void NAME(rows_of_panel)(const mlpcore_product *job,
                                       const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                       const NAME(block) *block, ptrdiff_t i, int n,
                                       const T *A, ptrdiff_t j)
{
    const ptrdiff_t k = PLACES(block->k), left = block->to - j;
    const ptrdiff_t width = left < 2 * LANES ? left : 2 * LANES;
    const ptrdiff_t stride = block->tiles ? block->term : job->a_stride;
    const int vectors = width > LANES ? 2 : 1;
    const int transposed = job->a_is_transposed || block->tiles;
    const int is_whole = width == 2 * LANES;
    const ptrdiff_t panel = (j - block->from) / (2 * LANES);
    const T *B = is_whole ? block->panels + panel * block->size : block->rest;
    const ptrdiff_t b_stride = is_whole ? block->stride : vectors * LANES;
    NAME(ahead) ahead;
    T out[MLPCORE_ROWS * 2 * LANES];
    NAME(look_ahead)(job, block, i, j, width, &ahead);
    /* Where strides are known to the compiler, terms are counted by one instruction less. */
    if (COPIES_TILES && is_whole && block->copies)
        NAME(tile_of)(n, 2, 0, k, A, stride, B, b_stride, 0, NULL, &ahead,
                      block->copies + panel * PANEL_SIZE(k), out);
    else if (vectors == 2 && COPIES_TILES && block->tiles)
        NAME(tile_of)(n, 2, 1, k, A, MLPCORE_ROWS, B, 2 * LANES, 0, NULL, &ahead, NULL, out);
    else if (vectors == 2 && transposed)
        NAME(tile_of)(n, 2, 1, k, A, stride, B, b_stride, 0, NULL, &ahead, NULL, out);
    else if (vectors == 2 && COPIES_TILES && b_stride == 2 * LANES)
        NAME(tile_of)(n, 2, 0, k, A, stride, B, 2 * LANES, 0, NULL, &ahead, NULL, out);
    else if (vectors == 2)
        NAME(tile_of)(n, 2, 0, k, A, stride, B, b_stride, 0, NULL, &ahead, NULL, out);
    else if (transposed)
        NAME(tile_of)(n, 1, 1, k, A, stride, B, b_stride, 0, NULL, &ahead, NULL, out);
    else
        NAME(tile_of)(n, 1, 0, k, A, stride, B, b_stride, 0, NULL, &ahead, NULL, out);
    if (is_whole)
        NAME(follow)(job, rule, block, i, n, j, 2 * LANES, 2 * LANES, out);
    else if (vectors == 2)
        NAME(follow)(job, rule, block, i, n, j, width, 2 * LANES, out);
    else
        NAME(follow)(job, rule, block, i, n, j, width, LANES, out);
}

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

/* Tiles of some rows as they are taken, times the panels of a block: a tile stays in the first cache
   for all of them. Copies are of as many rows as a tile can have, all or `most` tiles at a time. */
TARGET static void NAME(tiles_of_block)(const mlpcore_product *job,
                                        const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                        const ptrdiff_t *rows, NAME(block) *block,
                                        mlpcore_pile *tiles)
{
    const int copied = block->tiles != NULL, copies = COPIES_TILES && copied;
    const ptrdiff_t most = 1 + MLPCORE_TILES_BYTES / (block->apart * (ptrdiff_t)sizeof(T) + 1);
    while (mlpcore_take(tiles))
        for (ptrdiff_t t = tiles->from, first = t; t < tiles->to; t++) {
            const ptrdiff_t i = copied ? rows[0] + t * MLPCORE_ROWS : NAME(first_row)(rows, t);
            const ptrdiff_t next = copied ? i + MLPCORE_ROWS : NAME(first_row)(rows, t + 1);
            const ptrdiff_t end = next < rows[1] ? next : rows[1];
            const T *A = (const T *)job->A + (job->a_is_transposed ? block->p * job->a_stride + i
                                                                   : i * job->a_stride + block->p);
            if (copies && (t - first) % most == 0) {
                first = t;
                NAME(copy_tiles)(job, block, i, tiles->to - t < most ? tiles->to - t : most);
            }
            if (copied) A = block->tiles + (copies ? t - first : t) * block->apart;
            for (ptrdiff_t j = block->from; j < block->to; j += 2 * LANES)
                NAME(rows_of_panel)(job, rule, block, i, (int)(end - i), A, j);
            if (block->copies) NAME(use_copies)(block);
        }
}
