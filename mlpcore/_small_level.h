/* The steps for one type T and one level, included by _small.h for each of them. */

#define NAME(name) MLPCORE_NAME(name, S, LEVEL)
#define LANES (VECTOR_BYTES / (int)sizeof(T))
#define PADDED(n) (((n) + LANES - 1) / LANES * LANES)

#include "_small_output_level.h"

/* How the samples of a batch lie. */
typedef struct {
    int vectors, width;         /* of a panel */
    ptrdiff_t m, n_panels;
    ptrdiff_t rows, transposed; /* of a panel; elements of a panel's transposed rows */
} NAME(samples);

/* Whether the gradient of a layer is computed as D_l A_(l-1)^T, and turned when it is stored: its
   rows would leave most of a vector empty. */
MLPCORE_INLINE int NAME(small_is_narrow)(const mlpcore_small_job *job, ptrdiff_t l)
{
    return job->sizes[l] < LANES;
}

/* Columns of what is transposed for the gradient of layer l. */
MLPCORE_INLINE ptrdiff_t NAME(small_columns)(const mlpcore_small_job *job, ptrdiff_t l)
{
    return PADDED(job->sizes[NAME(small_is_narrow)(job, l) ? l - 1 : l]);
}

/* Whether A_(l-1)^T is X, which lies where more may be read than it has. */
MLPCORE_INLINE int NAME(small_reads_X)(const mlpcore_small_job *job, ptrdiff_t l)
{
    return l == 1 && job->d_X && NAME(small_is_narrow)(job, l);
}

/* One vector of samples is enough where that gives every thread a panel. */
TARGET static NAME(samples) NAME(small_samples)(const mlpcore_small_job *job, ptrdiff_t m,
                                                int n_threads)
{
    NAME(samples) s;
    s.m = m;
    s.vectors = m > LANES * n_threads ? 2 : 1;
    s.width = s.vectors * LANES;
    s.n_panels = (m + s.width - 1) / s.width;
    s.rows = mlpcore_small_row(job, job->n_layers) + 2 * job->sizes[job->n_layers] + 1;
    s.transposed = 0;
    for (ptrdiff_t l = 1; l <= job->n_layers; l++)
        s.transposed += s.width * NAME(small_columns)(job, l);
    return s;
}

/* out (n, vectors) = A (n, k) B (k, vectors), see tile. */
TARGET MLPCORE_INLINE void NAME(small_tile)(int n, int vectors, const int transposed, ptrdiff_t k,
                                            const T *A, ptrdiff_t a_stride, const T *B,
                                            ptrdiff_t b_stride, int adds, const NAME(ends) *ends,
                                            T *out)
{
    if (vectors == 2)
        NAME(tile_of)(n, 2, transposed, k, A, a_stride, B, b_stride, adds, ends, NULL, NULL, out);
    else
        NAME(tile_of)(n, 1, transposed, k, A, a_stride, B, b_stride, adds, ends, NULL, NULL, out);
}

/* z (n_out, width) = f(W^T a + b); W (n_in, n_out), a (n_in, width). */
TARGET static void NAME(small_forward)(int vectors, ptrdiff_t n_in, ptrdiff_t n_out, const T *W,
                                       const T *b, int shared_bias, int kind, const T *a, T *z)
{
    const ptrdiff_t width = vectors * LANES, rows[2] = {0, n_out};
    for (ptrdiff_t i = 0, t = 0, next; i < n_out; i = next, t++) {
        const NAME(ends) ends = {b + (shared_bias ? 0 : i), !shared_bias, kind == MLPCORE_RELU, NULL};
        next = NAME(first_row)(rows, t + 1);
        NAME(small_tile)((int)(next - i), vectors, 1, n_in, W + i, n_out, a, width, 0, &ends,
                         z + i * width);
    }
    if (kind != MLPCORE_RELU) MLPCORE_SUFFIX(mlpcore_row_forward, S)(kind, n_out * width, z);
}

/* d_in (n_in, width) = W d f'(z), f' told from a (n_in, width); d (n_out, width). */
TARGET static void NAME(small_backward)(int vectors, ptrdiff_t n_in, ptrdiff_t n_out, const T *W,
                                        int kind, const T *a, const T *d, T *d_in)
{
    const ptrdiff_t width = vectors * LANES, rows[2] = {0, n_in};
    for (ptrdiff_t i = 0, t = 0, next; i < n_in; i = next, t++) {
        const NAME(ends) ends = {NULL, 0, 0, kind == MLPCORE_RELU ? a + i * width : NULL};
        next = NAME(first_row)(rows, t + 1);
        NAME(small_tile)((int)(next - i), vectors, 0, n_out, W + i * n_out, n_out, d, width, 0,
                         &ends, d_in + i * width);
    }
    if (kind != MLPCORE_RELU) MLPCORE_SUFFIX(mlpcore_row_backward, S)(kind, n_in * width, a, d_in);
}

/* The ones of a panel, and the weights of its m samples, beyond which they are 0. */
TARGET static void NAME(small_frame)(const mlpcore_small_job *job, ptrdiff_t m, ptrdiff_t width,
                                     T *A)
{
    const ptrdiff_t last = mlpcore_small_row(job, job->n_layers) + 2 * job->sizes[job->n_layers];
    for (ptrdiff_t c = 0; c < width; c++) A[last * width + c] = c < m;
    for (ptrdiff_t l = 1; l <= job->n_layers; l++)
        for (ptrdiff_t c = 0; c < width; c++) A[(mlpcore_small_row(job, l) - 1) * width + c] = 1;
}

/* The inputs, targets and weights of one panel: m samples, from row `from` of them. */
TARGET static void NAME(small_inputs)(const mlpcore_small_job *job, ptrdiff_t from, ptrdiff_t m,
                                      ptrdiff_t width, T *A)
{
    const ptrdiff_t n_in = job->sizes[0], n_out = job->sizes[job->n_layers];
    const ptrdiff_t *index = job->index + from;
    const T *Y = job->Y, *weight = job->sample_weight;
    T *y = A + (mlpcore_small_row(job, job->n_layers) + n_out) * width, *w = y + n_out * width;
    for (ptrdiff_t c = 0; c < m; c++) MLPCORE_PREFETCH(Y + index[c] * n_out);
    NAME(copy_transposed)((const T *)job->X + from * job->row_stride, job->row_stride, n_in, m, A,
                          width);
    for (ptrdiff_t c = 0; c < m; c++)
        for (ptrdiff_t j = 0; j < n_out; j++) y[j * width + c] = Y[index[c] * n_out + j];
    for (ptrdiff_t c = 0; c < m && weight; c++) w[c] = weight[index[c]];
}

/* Activations and deltas of one panel, what is transposed of them, and the losses of its vectors.
   The delta of its inputs goes to their rows, if it is asked for. */
TARGET static void NAME(small_panel)(const mlpcore_small_job *job, const NAME(samples) *s,
                                     ptrdiff_t from, ptrdiff_t m, T *A, T *D, T *transposed,
                                     double *losses)
{
    const ptrdiff_t L = job->n_layers, width = s->width, n_out = job->sizes[L];
    const T *params = job->params;
    T *a, *z = A;
    NAME(small_inputs)(job, from, m, width, A);
    for (ptrdiff_t l = 0; l < L; l++) {
        a = z, z = a + (job->sizes[l] + 1) * width;
        NAME(small_forward)(s->vectors, job->sizes[l], job->sizes[l + 1], params + job->weights[l],
                            params + job->biases[l], job->shared_bias,
                            l + 1 < L ? job->hidden[l] : job->output, a, z);
    }
    if (job->output == MLPCORE_SOFTMAX) NAME(small_softmax)(n_out, s->width, z);
    D += z - A;
    NAME(small_loss)(job->loss, n_out, s->width, z, z + n_out * width, z + 2 * n_out * width, D,
                     losses);
    if (job->loss == MLPCORE_MSE)
        MLPCORE_SUFFIX(mlpcore_row_backward, S)(job->output, n_out * width, z, D);
    for (ptrdiff_t l = L; l > 0; l--) {
        const ptrdiff_t n = job->sizes[l], back = (job->sizes[l - 1] + 1) * width;
        const ptrdiff_t columns = NAME(small_columns)(job, l);
        if (!NAME(small_is_narrow)(job, l))
            NAME(copy_transposed)(D, width, m, n, transposed, columns);
        else if (!NAME(small_reads_X)(job, l))
            NAME(copy_transposed)(z - back, width, m, job->sizes[l - 1], transposed, columns);
        transposed += width * columns;
        if (l == 1 && !job->d_X) break;
        NAME(small_backward)(s->vectors, job->sizes[l - 1], n, params + job->weights[l - 1],
                             l > 1 ? job->hidden[l - 2] : job->input, z - back, D, D - back);
        z -= back, D -= back;
    }
    if (job->d_X)
        NAME(copy_transposed)(D, width, m, job->sizes[0], (T *)job->d_X + from * job->row_stride,
                              job->row_stride);
}

/* out (n, vectors) = A B, summed over the panels; A (n, width), B (width, b_stride) of each. B of two
   panels lie `apart`. */
TARGET static void NAME(small_product)(const NAME(samples) *s, int n, int vectors, const T *A,
                                       const T *B, ptrdiff_t b_stride, ptrdiff_t apart, T *out)
{
    for (ptrdiff_t p = 0; p < s->n_panels; p++) {
        const ptrdiff_t left = s->m - p * s->width;
        NAME(small_tile)(n, vectors, 0, left < s->width ? left : s->width,
                         A + p * s->rows * s->width, s->width, B + p * apart, b_stride,
                         p > 0, NULL, out);
    }
}

/* A step on rows of n parameters, from number `at` on, or their part of a gradient. */
TARGET MLPCORE_INLINE void NAME(small_apply)(const mlpcore_small_job *job,
                                             const MLPCORE_SUFFIX(mlpcore_rule, S) *rule,
                                             ptrdiff_t at, ptrdiff_t rows, ptrdiff_t n, const T *g,
                                             ptrdiff_t g_stride, ptrdiff_t stride)
{
    MLPCORE_SUFFIX(mlpcore_apply_rows, S)(rule, rows, n, g, g_stride, (T *)job->target + at,
                                          (T *)job->first + at, (T *)job->second + at, stride);
}

/* A step on the biases of layer l, g (n_out,). */
TARGET static void NAME(small_biases)(const mlpcore_small_job *job, const mlpcore_small_step *step,
                                      ptrdiff_t l, T *g)
{
    const ptrdiff_t n = job->sizes[l];
    const MLPCORE_SUFFIX(mlpcore_rule, S) rule =
        MLPCORE_SUFFIX(mlpcore_new_rule, S)(&step->of_biases);
    for (ptrdiff_t j = 1; j < n && job->shared_bias; j++) g[0] += g[j];
    NAME(small_apply)(job, &rule, job->biases[l - 1], 1, job->shared_bias ? 1 : n, g, 0, 0);
}

/* A step on some rows of [W; b] of layer l, and on b if its row is one of them;
   A and transposed are of the first panel. Other threads have read the weights of one that has
   not all rows: while a tile is added up, their lines are taken away from them. */
TARGET static void NAME(small_update)(const mlpcore_small_job *job, const mlpcore_small_step *step,
                                      const NAME(samples) *s, ptrdiff_t l, const ptrdiff_t *rows,
                                      const T *A, const T *transposed, T *biases)
{
    const ptrdiff_t n_in = job->sizes[l - 1], n_out = job->sizes[l];
    const MLPCORE_SUFFIX(mlpcore_rule, S) rule =
        MLPCORE_SUFFIX(mlpcore_new_rule, S)(&step->of_weights);
    T tile[MLPCORE_ROWS * 2 * LANES];
    for (ptrdiff_t i = rows[0], t = 0, next; i < rows[1]; i = next, t++) {
        next = NAME(first_row)(rows, t + 1);
        for (ptrdiff_t j = 0, columns; j < n_out; j += columns) {
            const int vectors = n_out - j > LANES ? 2 : 1, padded = vectors * LANES;
            const ptrdiff_t of_weights = (next < n_in ? next : n_in) - i;
            const ptrdiff_t at = job->weights[l - 1] + i * n_out + j;
            columns = padded < n_out - j ? padded : n_out - j;
            for (ptrdiff_t r = 0; r < of_weights && rows[1] - rows[0] <= n_in; r++)
                for (ptrdiff_t c = 0; c < columns; c += LANES)
                    MLPCORE_PREFETCH_TO_WRITE((const T *)job->target + at + r * n_out + c);
            NAME(small_product)(s, (int)(next - i), vectors, A + i * s->width, transposed + j,
                                PADDED(n_out), s->transposed, tile);
            if (columns == 2 * LANES)
                NAME(small_apply)(job, &rule, at, of_weights, 2 * LANES, tile, 2 * LANES, n_out);
            else if (columns == LANES)
                NAME(small_apply)(job, &rule, at, of_weights, LANES, tile, LANES, n_out);
            else
                NAME(small_apply)(job, &rule, at, of_weights, columns, tile, padded, n_out);
            if (next > n_in)
                memcpy(biases + j, tile + (n_in - i) * padded, (size_t)columns * sizeof(T));
        }
    }
    if (rows[1] > n_in) NAME(small_biases)(job, step, l, biases);
}

/* out (n,) = the sums of D (n, width) over the samples of all panels: of every LANES-th first, for
   them not to depend on the width. */
TARGET static void NAME(small_sums)(const NAME(samples) *s, ptrdiff_t n, const T *D, T *out)
{
    for (ptrdiff_t r = 0; r < n; r++) {
        T lane[LANES] = {0};
        for (ptrdiff_t i = 0; i < s->m; i += LANES) {
            const ptrdiff_t left = s->m - i;
            const T *d = D + (i / s->width * s->rows + r) * s->width + i % s->width;
            for (ptrdiff_t c = 0; c < LANES && left >= LANES; c++) lane[c] += d[c];
            for (ptrdiff_t c = 0; c < left && left < LANES; c++) lane[c] += d[c];
        }
        out[r] = 0;
        for (int c = 0; c < LANES; c++) out[r] += lane[c];
    }
}

/* The same as small_update for a layer that `small_is_narrow`. */
TARGET static void NAME(small_narrow_update)(const mlpcore_small_job *job,
                                             const mlpcore_small_step *step,
                                             const NAME(samples) *s, ptrdiff_t l,
                                             const ptrdiff_t *rows, const T *D,
                                             const T *transposed, T *g)
{
    const ptrdiff_t n_in = job->sizes[l - 1], n_out = job->sizes[l], outputs[2] = {0, n_out};
    const ptrdiff_t end = rows[1] < n_in ? rows[1] : n_in;
    const int reads_X = NAME(small_reads_X)(job, l);
    const T *B = reads_X ? (const T *)job->X + step->first * job->row_stride : transposed;
    const ptrdiff_t b_stride = reads_X ? job->row_stride : NAME(small_columns)(job, l);
    const ptrdiff_t apart = reads_X ? s->width * job->row_stride : s->transposed;
    const MLPCORE_SUFFIX(mlpcore_rule, S) rule =
        MLPCORE_SUFFIX(mlpcore_new_rule, S)(&step->of_weights);
    T tile[MLPCORE_ROWS * 2 * LANES];
    for (ptrdiff_t i = 0, t = 0, next; i < n_out; i = next, t++) {
        next = NAME(first_row)(outputs, t + 1);
        for (ptrdiff_t j = rows[0], columns; j < end; j += columns) {
            const int vectors = end - j > LANES ? 2 : 1, padded = vectors * LANES;
            columns = padded < end - j ? padded : end - j;
            NAME(small_product)(s, (int)(next - i), vectors, D + i * s->width, B + j, b_stride,
                                apart, tile);
            for (ptrdiff_t r = i; r < next; r++)
                for (ptrdiff_t c = 0; c < columns; c++)
                    g[(j - rows[0] + c) * n_out + r] = tile[(r - i) * padded + c];
        }
    }
    if (rows[0] < end)
        NAME(small_apply)(job, &rule, job->weights[l - 1] + rows[0] * n_out, 1,
                          (end - rows[0]) * n_out, g, 0, 0);
    if (rows[1] <= n_in) return;
    NAME(small_sums)(s, n_out, D, g);
    NAME(small_biases)(job, step, l, g);
}

/* The rows of [W; b] of layer l that are a thread's; of a narrow one whole vectors of them. Who has
   the last one makes the step on b, which takes as long as two. */
MLPCORE_INLINE ptrdiff_t NAME(small_first_row)(const mlpcore_small_job *job, ptrdiff_t l, int thread,
                                               int n_threads)
{
    const ptrdiff_t n = job->sizes[l - 1] + 1, unit = NAME(small_is_narrow)(job, l) ? LANES : 1;
    const ptrdiff_t row = mlpcore_part((n + 2 + unit - 1) / unit, thread, n_threads) * unit;
    return row < n ? row : n;
}

/* A thread's part of the steps on all layers: some rows of each. */
TARGET static void NAME(small_updates)(const mlpcore_small_job *job, const mlpcore_small_step *step,
                                       const NAME(samples) *s, int thread, int n_threads)
{
    const T *A, *D, *transposed = job->transposed;
    T *g = (T *)job->gradients + thread * job->gradient_size;
    for (ptrdiff_t l = job->n_layers; l > 0; l--) {
        const ptrdiff_t rows[2] = {NAME(small_first_row)(job, l, thread, n_threads),
                                   NAME(small_first_row)(job, l, thread + 1, n_threads)};
        A = (const T *)job->A + mlpcore_small_row(job, l - 1) * s->width;
        D = (const T *)job->D + mlpcore_small_row(job, l) * s->width;
        if (rows[0] < rows[1] && NAME(small_is_narrow)(job, l))
            NAME(small_narrow_update)(job, step, s, l, rows, D, transposed, g);
        else if (rows[0] < rows[1])
            NAME(small_update)(job, step, s, l, rows, A, transposed, g);
        transposed += s->width * NAME(small_columns)(job, l);
    }
}

/* A thread's part of a step: some panels, and when all threads have done theirs, some weights. */
TARGET static void NAME(small_step)(const mlpcore_small_job *job, mlpcore_small_step *step,
                                    const NAME(samples) *s, int thread, int n_threads)
{
    const ptrdiff_t panel = s->rows * s->width;
    const ptrdiff_t end = s->n_panels * (thread + 1) / n_threads;
    double square = 0;
    for (ptrdiff_t p = s->n_panels * thread / n_threads; p < end; p++) {
        const ptrdiff_t from = p * s->width, m = s->m - from < s->width ? s->m - from : s->width;
        if (step == job->steps || step->n_rows != step[-1].n_rows)
            NAME(small_frame)(job, m, s->width, (T *)job->A + p * panel);
        NAME(small_panel)(job, s, step->first + from, m, (T *)job->A + p * panel,
                          (T *)job->D + p * panel, (T *)job->transposed + p * s->transposed,
                          job->losses + p * s->vectors);
    }
    if (thread == 0 && step->alpha != 0)
        square = MLPCORE_NAME(mlpcore_square, S, LEVEL)(job->params, job->n_weights);
    mlpcore_barrier_wait(job->shared->n_taken, n_threads);
    if (thread == 0) step->loss = 0.5 * step->alpha * square;
    for (ptrdiff_t v = 0; v < s->n_panels * s->vectors && thread == 0; v++)
        step->loss += job->losses[v];
    NAME(small_updates)(job, step, s, thread, n_threads);
}

TARGET static void NAME(mlpcore_small)(const mlpcore_small_job *job, int thread, int n_threads)
{
    if (job->gather) {
        MLPCORE_SUFFIX(mlpcore_gather, S)(job->gather, thread, n_threads);
        mlpcore_barrier_wait(job->shared->n_taken, n_threads);
    }
    for (ptrdiff_t i = 0; i < job->n_steps; i++) {
        const NAME(samples) s = NAME(small_samples)(job, job->steps[i].n_rows, n_threads);
        if (i > 0) mlpcore_barrier_wait(job->shared->n_taken, n_threads);
        NAME(small_step)(job, job->steps + i, &s, thread, n_threads);
    }
}

#undef NAME
#undef LANES
#undef PADDED
