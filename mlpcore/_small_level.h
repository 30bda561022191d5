/* The steps for one type T and one level, included by _small.h for each of them. */

#define NAME(name) MLPCORE_NAME(name, S, LEVEL)
#define LANES (VECTOR_BYTES / (int)sizeof(T))
#define PADDED(n) (((n) + LANES - 1) / LANES * LANES)
#define OF_A_LINE (64 / (int)sizeof(T))
#define ON_LINES(n) (((n) + OF_A_LINE - 1) / OF_A_LINE * OF_A_LINE)

#include "_publish_level.h"
#include "_small_output_level.h"

/* How the samples of a batch lie. */
typedef struct {
    int vectors, width;     /* of a panel */
    ptrdiff_t m, n_panels;
    ptrdiff_t rows, turned; /* of a panel; elements of a panel's turned rows */
    ptrdiff_t n_parts, part[MLPCORE_MOST_PARTS + 1]; /* where each begins, and the last one ends */
} NAME(samples);

/* What a step changes, and by which rules: weights, or a gradient that is stored, and published for
   other threads, up to number `at` as yet. */
typedef struct {
    MLPCORE_SUFFIX(mlpcore_rule, S) of_weights, of_biases;
    T *target, *first, *second;
    T *published; /* or NULL */
    ptrdiff_t at;
} NAME(change);

/* A thread at a step. */
typedef struct {
    const mlpcore_small_job *job;
    int thread, n_threads;
    mlpcore_small_step *step;
    const T *params; /* that it reads */
    T *sums;
    T *A, *D, *turned; /* where the first of all panels is, or would be */
    NAME(change) to;
    NAME(samples) s;
} NAME(worker);

/* Whether each thread has weights of its own. */
MLPCORE_INLINE int NAME(small_owns)(const NAME(worker) *w)
{
    return w->n_threads > 1 && w->job->own;
}

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

/* One vector of samples is enough where that gives every thread a panel, or where one of two would
   be in two parts. Threads that have weights of their own keep their panels apart. */
TARGET static void NAME(small_samples)(NAME(worker) *w)
{
    const mlpcore_small_job *job = w->job;
    const ptrdiff_t gap = NAME(small_owns)(w) ? w->thread : 0;
    NAME(samples) *s = &w->s;
    s->m = w->step->n_rows;
    s->n_parts = mlpcore_small_n_parts(s->m, job->shared_rows);
    for (ptrdiff_t p = 0; p <= s->n_parts; p++)
        s->part[p] = mlpcore_small_part(s->m, p, s->n_parts);
    s->vectors = s->m > LANES * w->n_threads ? 2 : 1;
    if (NAME(small_owns)(w) && s->part[1] % (2 * LANES)) s->vectors = 1;
    s->width = s->vectors * LANES;
    s->n_panels = (s->m + s->width - 1) / s->width;
    s->rows = mlpcore_small_row(job, job->n_layers) + 2 * job->sizes[job->n_layers] + 1;
    s->turned = 0;
    for (ptrdiff_t l = 1; l <= job->n_layers; l++)
        s->turned += s->width * NAME(small_columns)(job, l);
    w->A = (T *)job->A + gap * s->rows * s->width;
    w->D = (T *)job->D + gap * s->rows * s->width;
    w->turned = (T *)job->turned + gap * s->turned;
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

/* Activations and deltas of one panel, what is turned of them, and the losses of its vectors. The
   delta of its inputs goes to their rows, if it is asked for. */
TARGET static void NAME(small_panel)(const mlpcore_small_job *job, const NAME(samples) *s,
                                     const T *params, ptrdiff_t from, ptrdiff_t m, T *A, T *D,
                                     T *turned, double *losses)
{
    const ptrdiff_t L = job->n_layers, width = s->width, n_out = job->sizes[L];
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
            NAME(copy_transposed)(D, width, m, n, turned, columns);
        else if (!NAME(small_reads_X)(job, l))
            NAME(copy_transposed)(z - back, width, m, job->sizes[l - 1], turned, columns);
        turned += width * columns;
        if (l == 1 && !job->d_X) break;
        NAME(small_backward)(s->vectors, job->sizes[l - 1], n, params + job->weights[l - 1],
                             l > 1 ? job->hidden[l - 2] : job->input, z - back, D, D - back);
        z -= back, D -= back;
    }
    if (job->d_X)
        NAME(copy_transposed)(D, width, m, job->sizes[0], (T *)job->d_X + from * job->row_stride,
                              job->row_stride);
}

#include "_small_gradient_level.h"
#include "_small_own_level.h"

/* A thread's first panel: where its first part begins, or an equal share of all. */
MLPCORE_INLINE ptrdiff_t NAME(small_first_panel)(const NAME(worker) *w, int thread)
{
    const ptrdiff_t part = mlpcore_part(w->s.n_parts, thread, w->n_threads);
    if (!NAME(small_owns)(w)) return mlpcore_part(w->s.n_panels, thread, w->n_threads);
    return (w->s.part[part] + w->s.width - 1) / w->s.width;
}

/* Publish the delta of m inputs from row `from` on. */
TARGET static void NAME(small_publish_delta)(const NAME(worker) *w, ptrdiff_t from, ptrdiff_t m)
{
    const mlpcore_small_job *job = w->job;
    const mlpcore_published *published = &job->of_d_X;
    for (ptrdiff_t i = from; i < from + m; i++) {
        mlpcore_name_publisher(published, i, w->thread, w->n_threads);
        if (w->n_threads > 1)
            NAME(stream_bytes)((const T *)job->d_X + i * job->row_stride,
                               (size_t)job->sizes[0] * sizeof(T),
                               (T *)published->rows + i * published->stride);
    }
}

/* A thread's panels of a step. */
TARGET static void NAME(small_panels)(const NAME(worker) *w)
{
    const mlpcore_small_job *job = w->job;
    const mlpcore_small_step *step = w->step;
    const NAME(samples) *s = &w->s;
    const ptrdiff_t size = s->rows * s->width, end = NAME(small_first_panel)(w, w->thread + 1);
    for (ptrdiff_t p = NAME(small_first_panel)(w, w->thread); p < end; p++) {
        const ptrdiff_t from = p * s->width, m = s->m - from < s->width ? s->m - from : s->width;
        if (step == job->steps || step->n_rows != step[-1].n_rows)
            NAME(small_frame)(job, m, s->width, w->A + p * size);
        NAME(small_panel)(job, s, w->params, step->first + from, m, w->A + p * size,
                          w->D + p * size, w->turned + p * s->turned,
                          mlpcore_small_losses(job, step, p));
        if (job->of_d_X.rows) NAME(small_publish_delta)(w, from, m);
    }
    if (job->of_d_X.rows) NAME(all_streamed)();
}

/* A thread's part of a step. */
TARGET static void NAME(small_step)(NAME(worker) *w)
{
    mlpcore_counter *n_arrived = w->job->shared->n_taken;
    mlpcore_small_step *step = w->step;
    const int owns = NAME(small_owns)(w);
    const ptrdiff_t all[2] = {0, w->s.n_parts};
    double square = 0;
    if (step > w->job->steps && !owns) mlpcore_barrier_wait(n_arrived, w->n_threads);
    NAME(small_panels)(w);
    if (owns) NAME(small_store)(w);
    if (w->thread == 0 && step->alpha != 0)
        square = MLPCORE_NAME(mlpcore_square, S, LEVEL)(w->params, w->job->n_weights);
    mlpcore_barrier_wait(n_arrived, w->n_threads);
    if (w->thread == 0) step->loss = 0.5 * step->alpha * square;
    for (ptrdiff_t p = 0; p < w->s.n_panels && w->thread == 0; p++)
        for (int v = 0; v < w->s.vectors; v++)
            step->loss += mlpcore_small_losses(w->job, step, p)[v];
    w->to.of_weights = MLPCORE_SUFFIX(mlpcore_new_rule, S)(&step->of_weights);
    w->to.of_biases = MLPCORE_SUFFIX(mlpcore_new_rule, S)(&step->of_biases);
    if (owns)
        NAME(small_own_step)(w);
    else
        NAME(small_layers)(w, &w->to, all);
}

TARGET static void NAME(mlpcore_small)(const mlpcore_small_job *job, int thread, int n_threads)
{
    NAME(worker) w = NAME(small_worker)(job, thread, n_threads);
    if (job->gather) {
        MLPCORE_SUFFIX(mlpcore_gather, S)(job->gather, thread, n_threads);
        mlpcore_barrier_wait(job->shared->n_taken, n_threads);
    }
    NAME(small_refresh)(&w);
    for (w.step = job->steps; w.step < job->steps + job->n_steps; w.step++) {
        if (w.s.m != w.step->n_rows) NAME(small_samples)(&w);
        NAME(small_step)(&w);
    }
    /* All have read it before they met at the first step. */
    if (thread == 0 && job->n_steps > 0) *job->n_alike = n_threads;
}

#undef NAME
#undef LANES
#undef PADDED
#undef OF_A_LINE
#undef ON_LINES
