/* The product for one type T and one level, included by _dense.h for each of them. */

#define NAME(name) MLPCORE_NAME(name, S, LEVEL)
#define LANES (VECTOR_BYTES / (int)sizeof(T))

#if defined(_MSC_VER)
typedef struct { T lane[LANES]; } NAME(vector);
#else
typedef T NAME(vector) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T))));
#endif

/* out (rows, vectors) = A (rows, k) B (k, vectors); the constants are known at each call. */
TARGET MLPCORE_INLINE void NAME(tile)(const int rows, const int vectors, const int transposed,
                                      ptrdiff_t k, const T *A, ptrdiff_t a_stride, const T *B,
                                      ptrdiff_t b_stride, T *out)
{
#if defined(_MSC_VER)
    memset(out, 0, (size_t)(rows * vectors * LANES) * sizeof(T));
    for (ptrdiff_t p = 0; p < k; p++)
        for (int i = 0; i < rows; i++)
            for (int c = 0; c < vectors * LANES; c++)
                out[i * vectors * LANES + c] +=
                    (transposed ? A[p * a_stride + i] : A[i * a_stride + p]) * B[p * b_stride + c];
#else
    NAME(vector) sum[MLPCORE_ROWS][2], b[2];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) memset(&sum[i][v], 0, sizeof sum[i][v]);
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
                   b_stride, out);                                                         \
        break;
TARGET MLPCORE_INLINE void NAME(tile_of)(int rows, const int vectors, const int transposed,
                                         ptrdiff_t k, const T *A, ptrdiff_t a_stride, const T *B,
                                         ptrdiff_t b_stride, T *out)
{
    switch (rows) {
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
        CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
    }
}
#undef CASE

/* Columns j to j + width of B, for all k, side by side; the panel is zero beyond width. */
TARGET static void NAME(fill_panel)(const mlpcore_product *job, ptrdiff_t j, ptrdiff_t width,
                                    ptrdiff_t padded, T *panel)
{
    const T *B = job->B;
    const ptrdiff_t stride = job->b_stride;
    for (ptrdiff_t p = 0; p < job->k && width < padded; p++)
        memset(panel + p * padded + width, 0, (size_t)(padded - width) * sizeof(T));
    if (job->b_is_transposed)
        for (ptrdiff_t start = 0; start < job->k; start += 16) {
            const ptrdiff_t stop = start + 16 < job->k ? start + 16 : job->k;
            for (ptrdiff_t c = 0; c < width; c++)
                for (ptrdiff_t p = start; p < stop; p++)
                    panel[p * padded + c] = B[(j + c) * stride + p];
        }
    else if (width == 2 * LANES)
        for (ptrdiff_t p = 0; p < job->k; p++)
            memcpy(panel + p * 2 * LANES, B + p * stride + j, 2 * LANES * sizeof(T));
    else
        for (ptrdiff_t p = 0; p < job->k; p++)
            for (ptrdiff_t c = 0; c < width; c++) panel[p * padded + c] = B[p * stride + j + c];
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

/* All rows of a thread times one panel. */
TARGET static void NAME(rows_of_panel)(const mlpcore_product *job,
                                       const MLPCORE_SUFFIX(mlpcore_rule, S) *rule, const ptrdiff_t *rows,
                                       ptrdiff_t j, ptrdiff_t width, const T *B,
                                       ptrdiff_t b_stride)
{
    const ptrdiff_t tiles = (rows[1] - rows[0] + MLPCORE_ROWS - 1) / MLPCORE_ROWS;
    const int vectors = width > LANES ? 2 : 1, transposed = job->a_is_transposed;
    T out[MLPCORE_ROWS * 2 * LANES];
    for (ptrdiff_t t = 0; t < tiles; t++) {
        const ptrdiff_t i = rows[0] + (rows[1] - rows[0]) * t / tiles;
        const int n = (int)(rows[0] + (rows[1] - rows[0]) * (t + 1) / tiles - i);
        const T *A = (const T *)job->A + (transposed ? i : i * job->a_stride);
        if (vectors == 2 && transposed)
            NAME(tile_of)(n, 2, 1, job->k, A, job->a_stride, B, b_stride, out);
        else if (vectors == 2)
            NAME(tile_of)(n, 2, 0, job->k, A, job->a_stride, B, b_stride, out);
        else if (transposed)
            NAME(tile_of)(n, 1, 1, job->k, A, job->a_stride, B, b_stride, out);
        else
            NAME(tile_of)(n, 1, 0, job->k, A, job->a_stride, B, b_stride, out);
        for (int r = 0; r < n; r++)
            if (width == 2 * LANES)
                NAME(finish)(job, rule, i + r, j, 2 * LANES, 2 * LANES, out + r * 2 * LANES);
            else if (vectors == 2)
                NAME(finish)(job, rule, i + r, j, width, 2 * LANES, out + r * 2 * LANES);
            else
                NAME(finish)(job, rule, i + r, j, width, LANES, out + r * LANES);
    }
}

/* A thread's part of the product. Few rows do not pay for a copy of B. */
TARGET static void NAME(mlpcore_dense)(const mlpcore_product *job, int t, int n_threads)
{
    enum { FEW_ROWS = 8 };
    T *panel = (T *)(job->panels + t * job->panel_size);
    MLPCORE_SUFFIX(mlpcore_rule, S) rule;
    ptrdiff_t rows[2], columns[2];
    memset(&rule, 0, sizeof rule);
    if (job->update) rule = MLPCORE_SUFFIX(mlpcore_new_rule, S)(job->update);
    mlpcore_share(job, 2 * LANES, t, n_threads, rows, columns);
    for (ptrdiff_t j = columns[0]; j < columns[1]; j += 2 * LANES) {
        const ptrdiff_t left = columns[1] - j, width = left < 2 * LANES ? left : 2 * LANES;
        const ptrdiff_t padded = width > LANES ? 2 * LANES : LANES;
        if (width == padded && !job->b_is_transposed && rows[1] - rows[0] <= FEW_ROWS) {
            NAME(rows_of_panel)(job, &rule, rows, j, width, (const T *)job->B + j, job->b_stride);
            continue;
        }
        NAME(fill_panel)(job, j, width, padded, panel);
        NAME(rows_of_panel)(job, &rule, rows, j, width, panel, padded);
    }
}

#undef T
#undef S
#undef NAME
#undef LANES
