/* The product for one type T and one level, included by _dense.h for each of them. */

#define NAME(name) MLPCORE_NAME(name, S, LEVEL)
#define LANES (VECTOR_BYTES / (int)sizeof(T))

#if defined(_MSC_VER)
typedef struct { T lane[LANES]; } NAME(vector);
#else
typedef T NAME(vector) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T))));
#endif

/* out (rows, vectors) = A (rows, k) B (k, vectors), added to what stands there if there is
   more of the sums; the constants are known at each call. */
TARGET MLPCORE_INLINE void NAME(tile)(const int rows, const int vectors, const int transposed,
                                      ptrdiff_t k, const T *A, ptrdiff_t a_stride, const T *B,
                                      ptrdiff_t b_stride, int adds, T *out)
{
#if defined(_MSC_VER)
    if (!adds) memset(out, 0, (size_t)(rows * vectors * LANES) * sizeof(T));
    for (ptrdiff_t p = 0; p < k; p++)
        for (int i = 0; i < rows; i++)
            for (int c = 0; c < vectors * LANES; c++)
                out[i * vectors * LANES + c] +=
                    (transposed ? A[p * a_stride + i] : A[i * a_stride + p]) * B[p * b_stride + c];
#else
    NAME(vector) sum[MLPCORE_ROWS][2], b[2];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++)
            if (adds)
                sum[i][v] = *(const NAME(vector) *)(out + (i * vectors + v) * LANES);
            else
                memset(&sum[i][v], 0, sizeof sum[i][v]);
    for (ptrdiff_t p = 0; p < k; p++) {
        for (int v = 0; v < vectors; v++)
            b[v] = *(const NAME(vector) *)(B + p * b_stride + v * LANES);
        for (int i = 0; i < rows; i++) {
            const T a = transposed ? A[p * a_stride + i] : A[i * a_stride + p];
            for (int v = 0; v < vectors; v++) sum[i][v] += a * b[v];
        }
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++)
            *(NAME(vector) *)(out + (i * vectors + v) * LANES) = sum[i][v];
#endif
}

#define CASE(r)                                                                            \
    case r:                                                                                \
        NAME(tile)(r < MLPCORE_ROWS ? r : MLPCORE_ROWS, vectors, transposed, k, A, a_stride, B, \
                   b_stride, adds, out);                                                   \
        break;
TARGET MLPCORE_INLINE void NAME(tile_of)(int rows, const int vectors, const int transposed,
                                         ptrdiff_t k, const T *A, ptrdiff_t a_stride, const T *B,
                                         ptrdiff_t b_stride, int adds, T *out)
{
    switch (rows) {
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
        CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
    }
}
#undef CASE

#if MLPCORE_SHUFFLES
typedef __typeof__((NAME(vector)){0} == (NAME(vector)){0}) NAME(places);

/* Exchange, in every pair of vectors s apart, what lies s places apart. */
TARGET MLPCORE_INLINE void NAME(exchange)(const int s, NAME(vector) *row)
{
    NAME(places) low, high;
    for (int c = 0; c < LANES; c++) low[c] = c & s ? LANES + c - s : c;
    for (int c = 0; c < LANES; c++) high[c] = c & s ? LANES + c : c + s;
    for (int r = 0; r < LANES && s < LANES; r++) {
        const NAME(vector) a = row[r], b = row[(r + s) % LANES];
        if (r & s) continue;
        row[r] = __builtin_shuffle(a, b, low);
        row[r + s] = __builtin_shuffle(a, b, high);
    }
}

/* to (LANES, LANES) = from^T, in registers. */
TARGET MLPCORE_INLINE void NAME(transpose)(const T *from, ptrdiff_t stride, T *to, ptrdiff_t padded)
{
    NAME(vector) row[LANES];
    for (int r = 0; r < LANES; r++) row[r] = *(const NAME(vector) *)(from + r * stride);
    NAME(exchange)(1, row);
    NAME(exchange)(2, row);
    NAME(exchange)(4, row);
    NAME(exchange)(8, row);
    for (int r = 0; r < LANES; r++) *(NAME(vector) *)(to + r * padded) = row[r];
}
#endif

/* Columns j to j + width of B, of k terms from p on; copied, the panel is zero beyond width. */
typedef struct {
    ptrdiff_t j, width, padded, p, k, stride;
    const T *B;
} NAME(panel);

/* k terms of `width` columns, which lie in B as rows. */
TARGET MLPCORE_INLINE void NAME(copy_transposed)(const T *B, ptrdiff_t stride, ptrdiff_t k,
                                                 ptrdiff_t width, T *to, ptrdiff_t padded)
{
    for (ptrdiff_t start = 0; start < k; start += LANES) {
        const ptrdiff_t stop = start + LANES < k ? start + LANES : k;
        ptrdiff_t c = 0;
#if MLPCORE_SHUFFLES
        for (; c + LANES <= width && stop - start == LANES; c += LANES)
            NAME(transpose)(B + c * stride + start, stride, to + start * padded + c, padded);
#endif
        for (; c < width; c++)
            for (ptrdiff_t p = start; p < stop; p++) to[p * padded + c] = B[c * stride + p];
    }
}

TARGET static void NAME(fill_panel)(const mlpcore_product *job, const NAME(panel) *panel, T *to)
{
    const ptrdiff_t k = panel->k, width = panel->width, padded = panel->padded;
    const ptrdiff_t stride = job->b_stride;
    const T *B = (const T *)job->B + (job->b_is_transposed ? panel->j * stride + panel->p
                                                           : panel->p * stride + panel->j);
    for (ptrdiff_t p = 0; p < k && width < padded; p++)
        memset(to + p * padded + width, 0, (size_t)(padded - width) * sizeof(T));
    if (job->b_is_transposed)
        NAME(copy_transposed)(B, stride, k, width, to, padded);
    else if (width == 2 * LANES)
        for (ptrdiff_t p = 0; p < k; p++) {
            const NAME(vector) *row = (const NAME(vector) *)(B + p * stride);
            NAME(vector) *copy = (NAME(vector) *)(to + p * 2 * LANES);
            copy[0] = row[0];
            copy[1] = row[1];
        }
    else
        for (ptrdiff_t p = 0; p < k; p++)
            for (ptrdiff_t c = 0; c < width; c++) to[p * padded + c] = B[p * stride + c];
}

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
        const T *bias = (const T *)job->bias + j * job->bias_step;
        if (job->bias_step)
            for (ptrdiff_t v = 0; v < n; v++) sum[v] += bias[v];
        else
            for (ptrdiff_t v = 0; v < n; v++) sum[v] += bias[0];
    }
    MLPCORE_SUFFIX(mlpcore_row_forward, S)(job->derived ? 0 : job->activation, padded, sum);
    if (job->derived)
        MLPCORE_SUFFIX(mlpcore_row_backward, S)(job->activation, n,
                                                (const T *)job->derived + i * job->derived_stride + j, sum);
    for (ptrdiff_t v = 0; v < n; v++) c[v] = sum[v];
}

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

/* All rows of a thread times one panel. */
TARGET static void NAME(rows_of_panel)(const mlpcore_product *job,
                                       const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                       const ptrdiff_t *rows, const NAME(panel) *panel)
{
    enum { LONG_SUM = 128 };
    const ptrdiff_t tiles = (rows[1] - rows[0] + MLPCORE_ROWS - 1) / MLPCORE_ROWS;
    const ptrdiff_t k = panel->k, stride = job->a_stride, width = panel->width;
    const int vectors = width > LANES ? 2 : 1, transposed = job->a_is_transposed;
    const int adds = panel->p > 0, ends = panel->p + k == job->k;
    T out[MLPCORE_ROWS * 2 * LANES];
    for (ptrdiff_t t = 0; t < tiles; t++) {
        const ptrdiff_t i = rows[0] + (rows[1] - rows[0]) * t / tiles;
        const int n = (int)(rows[0] + (rows[1] - rows[0]) * (t + 1) / tiles - i);
        const T *A = (const T *)job->A + (transposed ? panel->p * stride + i : i * stride + panel->p);
        if (adds) NAME(partial)(job, panel, i, n, 1, out);
        if (job->update && k >= LONG_SUM) NAME(prefetch_step)(job, i, n, panel);
        if (vectors == 2 && transposed)
            NAME(tile_of)(n, 2, 1, k, A, stride, panel->B, panel->stride, adds, out);
        else if (vectors == 2)
            NAME(tile_of)(n, 2, 0, k, A, stride, panel->B, panel->stride, adds, out);
        else if (transposed)
            NAME(tile_of)(n, 1, 1, k, A, stride, panel->B, panel->stride, adds, out);
        else
            NAME(tile_of)(n, 1, 0, k, A, stride, panel->B, panel->stride, adds, out);
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

/* A thread's part of the product. Long sums are added up piece by piece, so that a piece of A
   stays in cache for all panels; not if a step follows, whose C is no place for them. Few rows
   do not pay for a copy of B. */
TARGET static void NAME(mlpcore_dense)(const mlpcore_product *job, int t, int n_threads)
{
    enum { FEW_ROWS = 8 };
    const ptrdiff_t pieces = job->update ? 1 : (job->k + MLPCORE_TERMS - 1) / MLPCORE_TERMS;
    T *copy = (T *)(job->panels + t * job->panel_size);
    MLPCORE_SUFFIX(mlpcore_rule, S) rule;
    NAME(panel) panel;
    ptrdiff_t rows[2], columns[2];
    memset(&rule, 0, sizeof rule);
    if (job->update) rule = MLPCORE_SUFFIX(mlpcore_new_rule, S)(job->update);
    mlpcore_share(job, 2 * LANES, t, n_threads, rows, columns);
    for (ptrdiff_t piece = 0; piece < pieces; piece++) {
        panel.p = job->k * piece / pieces;
        panel.k = job->k * (piece + 1) / pieces - panel.p;
        for (panel.j = columns[0]; panel.j < columns[1]; panel.j += 2 * LANES) {
            const ptrdiff_t left = columns[1] - panel.j;
            panel.width = left < 2 * LANES ? left : 2 * LANES;
            panel.padded = panel.stride = panel.width > LANES ? 2 * LANES : LANES;
            panel.B = copy;
            if (panel.width == panel.padded && !job->b_is_transposed
                && rows[1] - rows[0] <= FEW_ROWS) {
                panel.B = (const T *)job->B + panel.p * job->b_stride + panel.j;
                panel.stride = job->b_stride;
            } else
                NAME(fill_panel)(job, &panel, copy);
            NAME(rows_of_panel)(job, &rule, rows, &panel);
        }
    }
}

#undef T
#undef S
#undef NAME
#undef LANES
