/* Rows of A times panels of B, tile by tile, for one type T and one level; included by
   _dense_level.h. */

/* The first row of a tile, of as many as there are rows; all are about as high. */
MLPCORE_INLINE ptrdiff_t NAME(first_row)(const ptrdiff_t *rows, ptrdiff_t tile)
{
    const ptrdiff_t n = rows[1] - rows[0], tiles = (n + MLPCORE_ROWS - 1) / MLPCORE_ROWS;
    return rows[0] + n * tile / tiles;
}

/* What follows the sums of a tile and is read: a step, a derivative, or what stands there. */
TARGET MLPCORE_INLINE void NAME(look_ahead)(const mlpcore_product *job, const NAME(block) *block,
                                            ptrdiff_t i, ptrdiff_t j, ptrdiff_t width,
                                            NAME(ahead) *ahead)
{
    enum { LONG_SUM = 96 };
    const T *derived = block->ends && !job->update ? job->derived : NULL;
    const T *follows[3] = {job->C, derived ? derived : job->first, job->second};
    const int is_read = job->update || derived || block->p > 0;
    ahead->n = 0, ahead->last = width * (ptrdiff_t)sizeof(T) - 1;
    if (!is_read || PLACES(block->k) < LONG_SUM) return;
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
    const T *whole = block->panels + (j - block->from) / (2 * LANES) * block->size;
    const T *B = is_whole ? whole : block->rest;
    const ptrdiff_t b_stride = is_whole ? block->stride : vectors * LANES;
    NAME(ahead) ahead;
    T out[MLPCORE_ROWS * 2 * LANES];
    NAME(look_ahead)(job, block, i, j, width, &ahead);
    /* Where strides are known to the compiler, terms are counted by one instruction less. */
    if (vectors == 2 && COPIES_TILES && block->tiles)
        NAME(tile_of)(n, 2, 1, k, A, MLPCORE_ROWS, B, 2 * LANES, 0, NULL, &ahead, out);
    else if (vectors == 2 && transposed)
        NAME(tile_of)(n, 2, 1, k, A, stride, B, b_stride, 0, NULL, &ahead, out);
    else if (vectors == 2 && COPIES_TILES && b_stride == 2 * LANES)
        NAME(tile_of)(n, 2, 0, k, A, stride, B, 2 * LANES, 0, NULL, &ahead, out);
    else if (vectors == 2)
        NAME(tile_of)(n, 2, 0, k, A, stride, B, b_stride, 0, NULL, &ahead, out);
    else if (transposed)
        NAME(tile_of)(n, 1, 1, k, A, stride, B, b_stride, 0, NULL, &ahead, out);
    else
        NAME(tile_of)(n, 1, 0, k, A, stride, B, b_stride, 0, NULL, &ahead, out);
    if (is_whole)
        NAME(follow)(job, rule, block, i, n, j, 2 * LANES, 2 * LANES, out);
    else if (vectors == 2)
        NAME(follow)(job, rule, block, i, n, j, width, 2 * LANES, out);
    else
        NAME(follow)(job, rule, block, i, n, j, width, LANES, out);
}

/* Some tiles of some rows, times panels of a block: a tile stays in the first cache for all of
   them. Copies are of as many rows as a tile can have, and begin with the first of these tiles. */
TARGET static void NAME(tiles_of_block)(const mlpcore_product *job,
                                        const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                        const ptrdiff_t *rows, const NAME(block) *block,
                                        const ptrdiff_t *tiles, ptrdiff_t from, ptrdiff_t to)
{
    for (ptrdiff_t t = tiles[0]; t < tiles[1]; t++) {
        const int copied = block->tiles != NULL;
        const ptrdiff_t i = copied ? rows[0] + t * MLPCORE_ROWS : NAME(first_row)(rows, t);
        const ptrdiff_t next = copied ? i + MLPCORE_ROWS : NAME(first_row)(rows, t + 1);
        const ptrdiff_t end = next < rows[1] ? next : rows[1];
        const T *A = (const T *)job->A + (job->a_is_transposed ? block->p * job->a_stride + i
                                                               : i * job->a_stride + block->p);
        if (copied) A = block->tiles + (t - tiles[0]) * block->apart;
        for (ptrdiff_t j = from; j < to; j += 2 * LANES)
            NAME(rows_of_panel)(job, rule, block, i, (int)(end - i), A, j);
    }
}
