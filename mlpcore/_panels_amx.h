/* Rows of A times panels of B on the processor's tiles, included by _dense_level.h.

   What follows the sums of a tile takes about as long as they do, and most of that is memory's. So
   it is done row by row, while the next tile's are added up. */

/* The last tile's sums, which wait for what is to follow: n rows from row i on, `width` columns from
   column j on; and room for those that are added up meanwhile. */
typedef struct {
    ptrdiff_t i, j, width;
    int n, which;
    _Alignas(64) float sums[2][MLPCORE_ROWS * 2 * LANES];
} NAME(waiting);

/* What follows some of their rows. */
TARGET static void NAME(follow_rows)(const mlpcore_product *job, const mlpcore_rule_f *rule,
                                     const NAME(block) *block, NAME(waiting) *last, int from, int to)
{
    const ptrdiff_t i = last->i + from, j = last->j, width = last->width;
    const int n = to - from, padded = width > LANES ? 2 * LANES : LANES;
    float *sums = last->sums[last->which] + from * padded;
    if (width == 2 * LANES)
        NAME(follow)(job, rule, block, i, n, j, 2 * LANES, 2 * LANES, sums);
    else if (width > LANES)
        NAME(follow)(job, rule, block, i, n, j, width, 2 * LANES, sums);
    else
        NAME(follow)(job, rule, block, i, n, j, width, LANES, sums);
}

/* A tile: n rows from row i on, of which A is the copy, times one panel, which is column j's. */
TARGET static void NAME(rows_of_panel)(const mlpcore_product *job, const mlpcore_rule_f *rule,
                                       const NAME(block) *block, ptrdiff_t i, int n, const float *A,
                                       ptrdiff_t j, NAME(waiting) *last)
{
    const ptrdiff_t k = PLACES(block->k), half = k * LANES, left = block->to - j;
    const ptrdiff_t width = left < 2 * LANES ? left : 2 * LANES, at = (j - block->from) / (2 * LANES);
    const int vectors = width > LANES ? 2 : 1, steps = (int)(k / LANES);
    const int each = (last->n + steps - 1) / steps;
    const float *B = width < 2 * LANES ? block->rest : block->panels + at * block->size;
    NAME(begin_sums)();
    for (int step = 0, from = 0; step < steps; step++, A += LANES * LANES) {
        const int to = from + each < last->n ? from + each : last->n;
        NAME(add_terms)(n, vectors, A, half, B + step * LANES * vectors * LANES);
        if (from < to) NAME(follow_rows)(job, rule, block, last, from, to);
        from = to;
    }
    last->which = 1 - last->which;
    last->i = i, last->n = n, last->j = j, last->width = width;
    NAME(end_sums)(n, vectors, last->sums[last->which]);
}

/* Tiles of some rows times the panels of a block: a tile stays in the first cache for all of them. */
TARGET static void NAME(tiles_of_block)(const mlpcore_product *job, const mlpcore_rule_f *rule,
                                        const ptrdiff_t *rows, const NAME(block) *block,
                                        mlpcore_pile *tiles)
{
    NAME(waiting) last;
    last.n = last.which = 0;
    while (mlpcore_take(tiles))
        for (ptrdiff_t t = tiles->from; t < tiles->to; t++) {
            const ptrdiff_t i = rows[0] + t * MLPCORE_ROWS, left = rows[1] - i;
            const int n = (int)(left < MLPCORE_ROWS ? left : MLPCORE_ROWS);
            for (ptrdiff_t j = block->from; j < block->to; j += 2 * LANES)
                NAME(rows_of_panel)(job, rule, block, i, n, block->tiles + t * block->apart, j, &last);
        }
    NAME(follow_rows)(job, rule, block, &last, 0, last.n);
}
