/* Rows of A times panels of B on the processor's tiles, included by _dense_level.h.

   What follows the sums of a tile takes about as long as they do, and most of that is memory's. So
   it is done row by row, while the next sums are added up, and for the tiles of a group of panels
   together: short pieces of rows, each on a page of its own, come from memory half as fast. */

enum { NAME(group) = MLPCORE_GROUP * LANES }; /* columns */

/* The last group's sums, which wait for what is to follow: n rows from row i on, `width` columns
   from column j on, of which `done` rows have been followed; and room for those that are added up
   meanwhile. */
typedef struct {
    ptrdiff_t i, j, width;
    int n, done, which;
    _Alignas(64) float sums[2][MLPCORE_ROWS * NAME(group)];
} NAME(waiting);

/* What follows the next rows of them, n if there are as many. */
TARGET static void NAME(follow_rows)(const mlpcore_product *job, const mlpcore_rule_f *rule,
                                     const NAME(block) *block, NAME(waiting) *last, int n)
{
    const ptrdiff_t i = last->i + last->done, j = last->j, width = last->width;
    const int rows = n < last->n - last->done ? n : last->n - last->done;
    const int padded = (int)(width + LANES - 1) / LANES * LANES;
    float *sums = last->sums[last->which] + last->done * padded;
    last->done += rows;
    if (width == NAME(group))
        NAME(follow)(job, rule, block, i, rows, j, NAME(group), NAME(group), sums);
    else
        NAME(follow)(job, rule, block, i, rows, j, width, padded, sums);
}

/* A tile: n rows, of which A is the copy, times a panel of so many vectors. Some of the last group's
   rows are followed `each` time that terms are added. */
TARGET static void NAME(rows_of_panel)(const mlpcore_product *job, const mlpcore_rule_f *rule,
                                       const NAME(block) *block, int n, const float *A,
                                       const float *B, int vectors, NAME(waiting) *last, int each)
{
    const ptrdiff_t k = PLACES(block->k), half = k * LANES;
    NAME(begin_sums)();
    for (ptrdiff_t p = 0; p < k; p += SLICES * LANES, A += SLICES * LANES * LANES) {
        NAME(add_terms)(n, vectors, A, half, B + p * vectors * LANES);
        if (last->done < last->n) NAME(follow_rows)(job, rule, block, last, each);
    }
}

/* A group: n rows from row i on, of which A is the copy, times panels from column j on. */
TARGET static void NAME(rows_of_group)(const mlpcore_product *job, const mlpcore_rule_f *rule,
                                       const NAME(block) *block, ptrdiff_t i, int n, const float *A,
                                       ptrdiff_t j, NAME(waiting) *last)
{
    const ptrdiff_t left = block->to - j, width = left < NAME(group) ? left : NAME(group);
    const int padded = (int)(width + LANES - 1) / LANES * LANES;
    const int steps = (int)TERMS(block->k) / 32 * ((padded + 2 * LANES - 1) / (2 * LANES));
    float *sums = last->sums[1 - last->which];
    for (ptrdiff_t c = 0; c < width; c += 2 * LANES) {
        const int vectors = width - c > LANES ? 2 : 1;
        const ptrdiff_t at = (j + c - block->from) / (2 * LANES);
        const float *B = width - c < 2 * LANES ? block->rest : block->panels + at * block->size;
        NAME(rows_of_panel)(job, rule, block, n, A, B, vectors, last, (last->n + steps - 1) / steps);
        NAME(end_sums)(n, vectors, sums + c, padded);
    }
    last->which = 1 - last->which;
    last->i = i, last->n = n, last->done = 0, last->j = j, last->width = width;
}

/* Tiles of some rows times the panels of a block: a tile stays in the first cache for all of them. */
TARGET static void NAME(tiles_of_block)(const mlpcore_product *job, const mlpcore_rule_f *rule,
                                        const ptrdiff_t *rows, const NAME(block) *block,
                                        mlpcore_pile *tiles)
{
    NAME(waiting) last;
    last.i = last.j = last.width = 0;
    last.n = last.done = last.which = 0;
    while (mlpcore_take(tiles))
        for (ptrdiff_t t = tiles->from; t < tiles->to; t++) {
            const ptrdiff_t i = rows[0] + t * MLPCORE_ROWS, left = rows[1] - i;
            const int n = (int)(left < MLPCORE_ROWS ? left : MLPCORE_ROWS);
            for (ptrdiff_t j = block->from; j < block->to; j += NAME(group))
                NAME(rows_of_group)(job, rule, block, i, n, block->tiles + t * block->apart, j, &last);
        }
    NAME(follow_rows)(job, rule, block, &last, last.n);
}
