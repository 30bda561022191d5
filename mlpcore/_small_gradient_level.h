/* The gradient of small layers for one type T and one level, included by _small_level.h: tile by
   tile, and what becomes of it. */

/* Publish the gradient that is stored, as far as it fills lines up to number `end`. */
TARGET MLPCORE_INLINE void NAME(small_publish)(NAME(change) *to, ptrdiff_t end)
{
    for (; to->published && to->at + OF_A_LINE <= end; to->at += OF_A_LINE)
        NAME(stream_bytes)(to->target + to->at, 64, to->published + to->at);
}

/* The factors of a layer's gradient: A (n, width) and B (width, b_stride) of the first panel; B of
   two panels lie `apart`. */
typedef struct {
    const T *A, *B;
    ptrdiff_t b_stride, apart;
} NAME(factors);

/* Where the terms of the tile at row i and column j are, from sample c on; returns how many there
   are in its panel. */
MLPCORE_INLINE ptrdiff_t NAME(small_terms)(const NAME(samples) *s, const NAME(factors) *f,
                                           ptrdiff_t i, ptrdiff_t j, ptrdiff_t c, const T **A,
                                           const T **B)
{
    const ptrdiff_t panel = s->vectors == 2 ? c / (2 * LANES) : c / LANES;
    const ptrdiff_t column = c - panel * s->width;
    *A = f->A + (panel * s->rows + i) * s->width + column;
    *B = f->B + panel * f->apart + column * f->b_stride + j;
    return s->width - column;
}

/* out (n, vectors), at row i and column j of A B, summed over part p of the batch. */
TARGET static void NAME(small_product)(const NAME(samples) *s, ptrdiff_t p, int n, int vectors,
                                       const NAME(factors) *f, ptrdiff_t i, ptrdiff_t j, T *out)
{
    const T *A, *B;
    for (ptrdiff_t c = s->part[p], k; c < s->part[p + 1]; c += k) {
        k = NAME(small_terms)(s, f, i, j, c, &A, &B);
        if (k > s->part[p + 1] - c) k = s->part[p + 1] - c;
        NAME(small_tile)(n, vectors, 0, k, A, s->width, B, f->b_stride, c > s->part[p], NULL, out);
    }
}

#define CASE(r)                                                                            \
    case r:                                                                                \
        if (r <= MLPCORE_ROWS / 2 && vectors == 2)                                         \
            NAME(tile_of_two)(r, 2, k, A, s->width, B, f->b_stride, out);                  \
        else if (r <= MLPCORE_ROWS / 2)                                                    \
            NAME(tile_of_two)(r, 1, k, A, s->width, B, f->b_stride, out);                  \
        break;
/* The same for part p and the next one, if they are as long, and each is in one panel; returns
   whether they are. */
TARGET static int NAME(small_products)(const NAME(samples) *s, ptrdiff_t p, int n, int vectors,
                                       const NAME(factors) *f, ptrdiff_t i, ptrdiff_t j, T *out)
{
    const ptrdiff_t k = s->part[p + 1] - s->part[p];
    const int half = n > MLPCORE_ROWS / 2 ? (n + 1) / 2 : n;
    const T *A[2], *B[2];
    if (s->part[p + 2] - s->part[p + 1] != k) return 0;
    for (int q = 0; q < 2; q++)
        if (NAME(small_terms)(s, f, i, j, s->part[p + q], &A[q], &B[q]) < k) return 0;
    for (int from = 0, rows; from < n; from += rows) {
        rows = n - from < half ? n - from : half;
        switch (rows) { CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) }
        for (int q = 0; q < 2; q++) A[q] += rows * s->width;
        out += rows * vectors * LANES;
    }
    return 1;
}
#undef CASE

/* out (n,) += a. */
TARGET MLPCORE_INLINE void NAME(small_add)(ptrdiff_t n, const T *restrict a, T *restrict out)
{
    for (ptrdiff_t c = 0; c < n; c++) out[c] += a[c];
}

/* The sums of the tile at row i and column j over some parts: of two each, and of those. */
TARGET static void NAME(small_tile_sums)(const NAME(samples) *s, const ptrdiff_t *parts, int n,
                                         int vectors, const NAME(factors) *f, ptrdiff_t i,
                                         ptrdiff_t j, T *out)
{
    const ptrdiff_t size = n * vectors * LANES;
    T other[MLPCORE_ROWS * 2 * LANES], two[MLPCORE_ROWS * 2 * LANES];
    for (ptrdiff_t p = parts[0]; p < parts[1]; p += 2) {
        T *sum = p > parts[0] ? two : out;
        if (p + 1 == parts[1])
            NAME(small_product)(s, p, n, vectors, f, i, j, sum);
        else if (!NAME(small_products)(s, p, n, vectors, f, i, j, sum)) {
            NAME(small_product)(s, p, n, vectors, f, i, j, sum);
            NAME(small_product)(s, p + 1, n, vectors, f, i, j, other);
            NAME(small_add)(size, other, sum);
        }
        if (p > parts[0]) NAME(small_add)(size, two, out);
    }
}

/* A step on rows of n parameters, from number `at` on. */
TARGET MLPCORE_INLINE void NAME(small_apply)(const NAME(change) *to,
                                             const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                             ptrdiff_t at, ptrdiff_t rows, ptrdiff_t n, const T *g,
                                             ptrdiff_t g_stride, ptrdiff_t stride)
{
    MLPCORE_SUFFIX(mlpcore_apply_rows, S)(MLPCORE_FUSES, rule, rows, n, g, g_stride,
                                          to->target + at, to->first + at, to->second + at, stride);
}

/* A step on the biases of layer l, g (n_out,). */
TARGET static void NAME(small_biases)(const mlpcore_small_job *job, const NAME(change) *to,
                                      ptrdiff_t l, T *g)
{
    const ptrdiff_t n = job->sizes[l];
    for (ptrdiff_t j = 1; j < n && job->shared_bias; j++) g[0] += g[j];
    NAME(small_apply)(to, &to->of_biases, job->biases[l - 1], 1, job->shared_bias ? 1 : n, g, 0, 0);
}

/* Other threads have read the weights of one that has not all rows: while a tile is added up, their
   lines are taken away from them. */
TARGET MLPCORE_INLINE void NAME(small_ask)(const T *target, ptrdiff_t rows, ptrdiff_t columns,
                                           ptrdiff_t n_out)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < columns; c += LANES)
            MLPCORE_PREFETCH_TO_WRITE(target + r * n_out + c);
}

/* A step on some rows of [W; b] of layer l, and on b if its row is one of them. */
TARGET static void NAME(small_wide_layer)(const NAME(worker) *w, NAME(change) *to, ptrdiff_t l,
                                          const ptrdiff_t *rows, const ptrdiff_t *parts,
                                          const NAME(factors) *f)
{
    const ptrdiff_t n_in = w->job->sizes[l - 1], n_out = w->job->sizes[l];
    T tile[MLPCORE_ROWS * 2 * LANES];
    for (ptrdiff_t i = rows[0], t = 0, next; i < rows[1]; i = next, t++) {
        next = NAME(first_row)(rows, t + 1);
        for (ptrdiff_t j = 0, columns; j < n_out; j += columns) {
            const int vectors = n_out - j > LANES ? 2 : 1, padded = vectors * LANES;
            const ptrdiff_t of_weights = (next < n_in ? next : n_in) - i;
            const ptrdiff_t at = w->job->weights[l - 1] + i * n_out + j;
            columns = padded < n_out - j ? padded : n_out - j;
            if (rows[1] - rows[0] <= n_in)
                NAME(small_ask)(to->target + at, of_weights, columns, n_out);
            NAME(small_tile_sums)(&w->s, parts, (int)(next - i), vectors, f, i, j, tile);
            if (columns == 2 * LANES)
                NAME(small_apply)(to, &to->of_weights, at, of_weights, 2 * LANES, tile, 2 * LANES,
                                  n_out);
            else if (columns == LANES)
                NAME(small_apply)(to, &to->of_weights, at, of_weights, LANES, tile, LANES, n_out);
            else
                NAME(small_apply)(to, &to->of_weights, at, of_weights, columns, tile, padded,
                                  n_out);
            if (next > n_in)
                memcpy(w->sums + j, tile + of_weights * padded, (size_t)columns * sizeof(T));
        }
        NAME(small_publish)(to, w->job->weights[l - 1] + (next < n_in ? next : n_in) * n_out);
    }
    if (rows[1] > n_in) NAME(small_biases)(w->job, to, l, w->sums);
}

/* The sum of a row of D over the samples of part p: of every LANES-th first, for it not to depend
   on the width. */
TARGET static T NAME(small_sum)(const NAME(samples) *s, ptrdiff_t p, const T *D)
{
    T lane[LANES] = {0}, sum = 0;
    for (ptrdiff_t i = s->part[p]; i < s->part[p + 1]; i += LANES) {
        const ptrdiff_t left = s->part[p + 1] - i;
        const T *d = D + i / s->width * s->rows * s->width + i % s->width;
        for (ptrdiff_t c = 0; c < LANES && left >= LANES; c++) lane[c] += d[c];
        for (ptrdiff_t c = 0; c < left && left < LANES; c++) lane[c] += d[c];
    }
    for (int c = 0; c < LANES; c++) sum += lane[c];
    return sum;
}

/* out (n,) = the sums of D (n, width) over the samples of some parts, in the order of tiles. */
TARGET static void NAME(small_sums)(const NAME(samples) *s, const ptrdiff_t *parts, ptrdiff_t n,
                                    const T *D, T *out)
{
    for (ptrdiff_t r = 0; r < n; r++, D += s->width)
        for (ptrdiff_t p = parts[0]; p < parts[1]; p += 2) {
            T sum = NAME(small_sum)(s, p, D);
            if (p + 1 < parts[1]) sum += NAME(small_sum)(s, p + 1, D);
            out[r] = p > parts[0] ? out[r] + sum : sum;
        }
}

/* The same as small_wide_layer for one that `small_is_narrow`. */
TARGET static void NAME(small_narrow_layer)(const NAME(worker) *w, NAME(change) *to, ptrdiff_t l,
                                            const ptrdiff_t *rows, const ptrdiff_t *parts,
                                            const NAME(factors) *f)
{
    const ptrdiff_t n_in = w->job->sizes[l - 1], n_out = w->job->sizes[l], outputs[2] = {0, n_out};
    const ptrdiff_t end = rows[1] < n_in ? rows[1] : n_in, first = w->job->weights[l - 1];
    T tile[MLPCORE_ROWS * 2 * LANES], *g = w->sums;
    for (ptrdiff_t i = 0, t = 0, next; i < n_out; i = next, t++) {
        next = NAME(first_row)(outputs, t + 1);
        for (ptrdiff_t j = rows[0], columns; j < end; j += columns) {
            const int vectors = end - j > LANES ? 2 : 1, padded = vectors * LANES;
            columns = padded < end - j ? padded : end - j;
            NAME(small_tile_sums)(&w->s, parts, (int)(next - i), vectors, f, i, j, tile);
            for (ptrdiff_t r = i; r < next; r++)
                for (ptrdiff_t c = 0; c < columns; c++)
                    g[(j - rows[0] + c) * n_out + r] = tile[(r - i) * padded + c];
        }
    }
    if (rows[0] < end)
        NAME(small_apply)(to, &to->of_weights, first + rows[0] * n_out, 1, (end - rows[0]) * n_out,
                          g, 0, 0);
    if (rows[1] <= n_in) return;
    NAME(small_sums)(&w->s, parts, n_out, f->A, g);
    NAME(small_biases)(w->job, to, l, g);
}

/* What the gradient of layer l is the product of; `turned` is that of the first panel. */
TARGET static NAME(factors) NAME(small_factors)(const NAME(worker) *w, ptrdiff_t l, const T *turned)
{
    const mlpcore_small_job *job = w->job;
    const ptrdiff_t row = mlpcore_small_row(job, l - 1), width = w->s.width;
    NAME(factors) f = {w->A + row * width, turned, NAME(small_columns)(job, l), w->s.turned};
    if (NAME(small_is_narrow)(job, l)) f.A = w->D + (row + job->sizes[l - 1] + 1) * width;
    if (NAME(small_reads_X)(job, l)) {
        f.B = (const T *)job->X + w->step->first * job->row_stride;
        f.b_stride = job->row_stride, f.apart = width * job->row_stride;
    }
    return f;
}

/* The rows of [W; b] of layer l that are a thread's; of a narrow one whole vectors of them. Who has
   the last one makes the step on b, which takes as long as two. */
MLPCORE_INLINE ptrdiff_t NAME(small_first_row)(const mlpcore_small_job *job, ptrdiff_t l,
                                               int thread, int n_threads)
{
    const ptrdiff_t n = job->sizes[l - 1] + 1, unit = NAME(small_is_narrow)(job, l) ? LANES : 1;
    const ptrdiff_t row = mlpcore_part((n + 2 + unit - 1) / unit, thread, n_threads) * unit;
    return row < n ? row : n;
}

/* A step on all layers with the gradients of some parts, summed: on all rows of each layer, or on
   those that are a thread's. */
TARGET static void NAME(small_layers)(const NAME(worker) *w, NAME(change) *to,
                                      const ptrdiff_t *parts)
{
    const mlpcore_small_job *job = w->job;
    const int owns = NAME(small_owns)(w), t = owns ? 0 : w->thread, n = owns ? 1 : w->n_threads;
    const T *turned = w->turned;
    for (ptrdiff_t l = job->n_layers; l > 0; l--) {
        const ptrdiff_t rows[2] = {NAME(small_first_row)(job, l, t, n),
                                   NAME(small_first_row)(job, l, t + 1, n)};
        const NAME(factors) f = NAME(small_factors)(w, l, turned);
        to->at = ON_LINES(job->weights[l - 1]);
        if (rows[0] < rows[1] && NAME(small_is_narrow)(job, l))
            NAME(small_narrow_layer)(w, to, l, rows, parts, &f);
        else if (rows[0] < rows[1])
            NAME(small_wide_layer)(w, to, l, rows, parts, &f);
        /* The line that it shares with the layer above is full. */
        NAME(small_publish)(to, ON_LINES(job->weights[l - 1] + job->sizes[l - 1] * job->sizes[l]));
        turned += w->s.width * NAME(small_columns)(job, l);
    }
}
