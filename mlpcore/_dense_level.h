/* The product for one type T and one level, included by _dense.h for each of them. */

#define NAME(name) MLPCORE_NAME(name, S, LEVEL)
#define LANES (VECTOR_BYTES / (int)sizeof(T))

#ifdef PAIRS
#include "_operands_bfloat16.h"
#else
#include "_operands_level.h"
#endif

/* What is done to the sums of a tile in registers: they begin with a bias of each row if there
   is one, relu follows them, or their derivative, told from a (rows, vectors). */
typedef struct {
    const T *bias;
    ptrdiff_t bias_step;
    int relu;
    const T *a;
} NAME(ends);

#if !defined(_MSC_VER)
typedef __typeof__((NAME(vector)){0} == (NAME(vector)){0}) NAME(mask);

/* A row of sums to begin with. */
TARGET MLPCORE_INLINE NAME(vector) NAME(first_sum)(int adds, const NAME(ends) *ends, int i,
                                                   const T *out)
{
    NAME(vector) sum = {0};
    if (ends && ends->bias) return sum + ends->bias[i * ends->bias_step];
    return adds ? *(const NAME(vector) *)out : sum;
}

/* What becomes of a row of sums; a NaN stays one. */
TARGET MLPCORE_INLINE NAME(vector) NAME(last_sum)(const NAME(ends) *ends, NAME(vector) sum,
                                                  const T *a)
{
    if (ends && ends->relu) return (NAME(vector))((NAME(mask))sum & ~(sum < 0));
    if (!ends || !ends->a) return sum;
    return (NAME(vector))((NAME(mask))sum & (*(const NAME(vector) *)a != 0));
}
#endif

/* out (rows, vectors) = A (rows, k) B (k, vectors), added to what stands there if there is
   more of the sums; the constants are known at each call. */
TARGET MLPCORE_INLINE void NAME(tile)(const int rows, const int vectors, const int transposed,
                                      ptrdiff_t k, const T *A, ptrdiff_t a_stride, const T *B,
                                      ptrdiff_t b_stride, int adds, const NAME(ends) *ends, T *out)
{
#if defined(_MSC_VER)
    for (int i = 0; i < rows; i++)
        for (int c = 0; c < vectors * LANES; c++) {
            const ptrdiff_t at = i * vectors * LANES + c;
            T sum = ends && ends->bias ? ends->bias[i * ends->bias_step] : adds ? out[at] : 0;
            for (ptrdiff_t p = 0; p < k; p++)
                sum += (transposed ? A[p * a_stride + i] : A[i * a_stride + p]) * B[p * b_stride + c];
            if (ends && ends->relu && sum < 0) sum = 0;
            out[at] = ends && ends->a && ends->a[at] == 0 ? 0 : sum;
        }
#else
    NAME(vector) sum[MLPCORE_ROWS][2], b[2];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++)
            sum[i][v] = NAME(first_sum)(adds, ends, i, out + (i * vectors + v) * LANES);
    for (ptrdiff_t p = 0; p < k; p++) {
        for (int v = 0; v < vectors; v++)
            b[v] = *(const NAME(vector) *)(B + p * b_stride + v * LANES);
        for (int i = 0; i < rows; i++) {
            const T a = transposed ? A[p * a_stride + i] : A[i * a_stride + p];
            for (int v = 0; v < vectors; v++) sum[i][v] = NAME(multiply_add)(sum[i][v], a, b[v]);
        }
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) {
            const ptrdiff_t at = (i * vectors + v) * LANES;
            *(NAME(vector) *)(out + at) =
                NAME(last_sum)(ends, sum[i][v], ends && ends->a ? ends->a + at : NULL);
        }
#endif
}

#define CASE(r)                                                                            \
    case r:                                                                                \
        NAME(tile)(r < MLPCORE_ROWS ? r : MLPCORE_ROWS, vectors, transposed, k, A, a_stride, B, \
                   b_stride, adds, ends, out);                                             \
        break;
TARGET MLPCORE_INLINE void NAME(tile_of)(int rows, const int vectors, const int transposed,
                                         ptrdiff_t k, const T *A, ptrdiff_t a_stride, const T *B,
                                         ptrdiff_t b_stride, int adds, const NAME(ends) *ends,
                                         T *out)
{
    switch (rows) {
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
        CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
    }
}
#undef CASE

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

/* Columns j to j + width of B, of k terms from p on; copied, the panel is zero beyond width.
   A is read in tiles of rows: where it lies, or from copies of them that adjoin. */
typedef struct {
    ptrdiff_t j, width, padded, p, k, stride;
    const T *B, *tiles_of_A;
} NAME(panel);

/* Rows i to i + n of C from `out`, finished, or as they are if sums go on; to_out fetches these. */
TARGET MLPCORE_INLINE void NAME(partial)(const mlpcore_product *job, const NAME(panel) *panel,
                                         ptrdiff_t i, int n, int to_out, T *out)
{
    for (int r = 0; r < n; r++) {
        T *c = (T *)job->C + (i + r) * job->c_stride + panel->j, *sum = out + r * panel->padded;
        for (ptrdiff_t v = 0; v < panel->width; v++)
            if (to_out)
                sum[v] = c[v];
            else
                c[v] = sum[v];
        for (ptrdiff_t v = panel->width; v < panel->padded && to_out; v++) sum[v] = 0;
    }
}

/* Ask for what a step will change, n rows of C from row i: the sums before it take long enough
   for it to come from memory. */
TARGET MLPCORE_INLINE void NAME(prefetch_step)(const mlpcore_product *job, ptrdiff_t i, int n,
                                               const NAME(panel) *panel)
{
#if !defined(_MSC_VER)
    const T *of_step[3] = {job->C, job->first, job->second};
    for (int s = 0; s < 3 && of_step[s]; s++)
        for (int r = 0; r < n; r++)
            for (ptrdiff_t c = 0; c < panel->width; c += 64 / (ptrdiff_t)sizeof(T))
                __builtin_prefetch(of_step[s] + (i + r) * job->c_stride + panel->j + c, 0, 2);
#endif
}

/* The first row of a tile, of as many as there are rows; all are about as high. */
MLPCORE_INLINE ptrdiff_t NAME(first_row)(const ptrdiff_t *rows, ptrdiff_t tile)
{
    const ptrdiff_t n = rows[1] - rows[0], tiles = (n + MLPCORE_ROWS - 1) / MLPCORE_ROWS;
    return rows[0] + n * tile / tiles;
}

/* Some rows times one panel. */
TARGET static void NAME(rows_of_panel)(const mlpcore_product *job,
                                       const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                       const ptrdiff_t *rows, const NAME(panel) *panel)
{
    enum { LONG_SUM = 128 };
    const ptrdiff_t k = PLACES(panel->k), width = panel->width;
    const ptrdiff_t stride = panel->tiles_of_A ? LANES : job->a_stride;
    const int vectors = width > LANES ? 2 : 1;
    const int transposed = job->a_is_transposed || panel->tiles_of_A;
    const int adds = panel->p > 0, ends = panel->p + panel->k == job->k;
    T out[MLPCORE_ROWS * 2 * LANES];
    for (ptrdiff_t i = rows[0], t = 0, next; i < rows[1]; i = next, t++) {
        const T *A = (const T *)job->A + (transposed ? panel->p * stride + i : i * stride + panel->p);
        int n;
        next = NAME(first_row)(rows, t + 1), n = (int)(next - i);
        if (panel->tiles_of_A) A = panel->tiles_of_A + t * k * LANES;
        if (adds) NAME(partial)(job, panel, i, n, 1, out);
        if (job->update && panel->k >= LONG_SUM) NAME(prefetch_step)(job, i, n, panel);
        if (vectors == 2 && transposed)
            NAME(tile_of)(n, 2, 1, k, A, stride, panel->B, panel->stride, adds, NULL, out);
        else if (vectors == 2)
            NAME(tile_of)(n, 2, 0, k, A, stride, panel->B, panel->stride, adds, NULL, out);
        else if (transposed)
            NAME(tile_of)(n, 1, 1, k, A, stride, panel->B, panel->stride, adds, NULL, out);
        else
            NAME(tile_of)(n, 1, 0, k, A, stride, panel->B, panel->stride, adds, NULL, out);
        if (!ends) NAME(partial)(job, panel, i, n, 0, out);
        for (int r = 0; r < n && ends; r++)
            if (width == 2 * LANES)
                NAME(finish)(job, rule, i + r, panel->j, 2 * LANES, 2 * LANES, out + r * 2 * LANES);
            else if (vectors == 2)
                NAME(finish)(job, rule, i + r, panel->j, width, 2 * LANES, out + r * 2 * LANES);
            else
                NAME(finish)(job, rule, i + r, panel->j, width, LANES, out + r * LANES);
    }
}

/* Some rows times all panels of a thread. Few rows do not pay for a copy of B. */
TARGET static void NAME(panels_of_rows)(const mlpcore_product *job,
                                        const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                        const ptrdiff_t *rows, const ptrdiff_t *columns,
                                        NAME(panel) panel, T *copy)
{
    enum { FEW_ROWS = 8 };
    for (panel.j = columns[0]; panel.j < columns[1]; panel.j += 2 * LANES) {
        const ptrdiff_t left = columns[1] - panel.j;
        const T *B = (const T *)job->B + (job->b_is_transposed ? panel.j * job->b_stride + panel.p
                                                               : panel.p * job->b_stride + panel.j);
        panel.width = left < 2 * LANES ? left : 2 * LANES;
        panel.padded = panel.stride = panel.width > LANES ? 2 * LANES : LANES;
        panel.B = copy;
        if (!panel.tiles_of_A && panel.width == panel.padded && !job->b_is_transposed
            && rows[1] - rows[0] <= FEW_ROWS)
            panel.B = B, panel.stride = job->b_stride;
        else
            NAME(copy)(B, job->b_stride, job->b_is_transposed, panel.k, panel.width, copy,
                       panel.padded);
        NAME(rows_of_panel)(job, rule, rows, &panel);
    }
}

#ifdef PAIRS
/* The same of copies of the rows, as many at a time as there is room for. */
TARGET static void NAME(copied_rows)(const mlpcore_product *job,
                                     const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                     const ptrdiff_t *rows, const ptrdiff_t *columns,
                                     NAME(panel) panel, T *room)
{
    const ptrdiff_t k = PLACES(panel.k), stride = job->a_stride;
    const ptrdiff_t most = MLPCORE_COPIED_BYTES / (k * LANES * (ptrdiff_t)sizeof(T)) * MLPCORE_ROWS;
    const ptrdiff_t parts = (rows[1] - rows[0] + most - 1) / most;
    T *copies = room, *copy = room + MLPCORE_COPIED_BYTES / sizeof(T);
    panel.tiles_of_A = copies;
    for (ptrdiff_t part = 0; part < parts; part++) {
        const ptrdiff_t some[2] = {rows[0] + (rows[1] - rows[0]) * part / parts,
                                   rows[0] + (rows[1] - rows[0]) * (part + 1) / parts};
        for (ptrdiff_t i = some[0], t = 0, next; i < some[1]; i = next, t++) {
            const T *A = (const T *)job->A + (job->a_is_transposed ? panel.p * stride + i
                                                                   : i * stride + panel.p);
            next = NAME(first_row)(some, t + 1);
            NAME(copy)(A, stride, !job->a_is_transposed, panel.k, next - i,
                       copies + t * k * LANES, LANES);
        }
        NAME(panels_of_rows)(job, rule, some, columns, panel, copy);
    }
}
#endif

/* A thread's part of the product. Long sums are added up piece by piece, so that a piece of A
   stays in cache for all panels; not if a step follows, whose C is no place for them. */
TARGET static void NAME(mlpcore_dense)(const mlpcore_product *job, int t, int n_threads)
{
    const ptrdiff_t most = MLPCORE_TERMS * (PLACES(2) == 1 ? 2 : 1);
    const ptrdiff_t pieces = job->update ? 1 : (job->k + most - 1) / most;
    T *copy = (T *)(job->panels + t * job->panel_size);
    MLPCORE_SUFFIX(mlpcore_rule, S) rule;
    NAME(panel) panel;
    ptrdiff_t rows[2], columns[2];
    memset(&rule, 0, sizeof rule);
    memset(&panel, 0, sizeof panel);
    if (job->update) rule = MLPCORE_SUFFIX(mlpcore_new_rule, S)(job->update);
    mlpcore_share(job, 2 * LANES, t, n_threads, rows, columns);
    for (ptrdiff_t piece = 0; piece < pieces; piece++) {
        panel.p = job->k * piece / pieces;
        panel.k = job->k * (piece + 1) / pieces - panel.p;
#ifdef PAIRS
        NAME(copied_rows)(job, &rule, rows, columns, panel, copy);
#else
        NAME(panels_of_rows)(job, &rule, rows, columns, panel, copy);
#endif
    }
}

#undef T
#undef S
#undef NAME
#undef LANES
#undef PLACES
