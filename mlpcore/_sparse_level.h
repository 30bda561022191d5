/* Forward pass and gradient for one type T and one level, included by _sparse.h for each. */

#define NAME(name) MLPCORE_NAME(name, S, LEVEL)
#define LANES (VECTOR_BYTES / (int)sizeof(T))

#if !defined(_MSC_VER)
typedef T NAME(lanes) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T))));
#endif

#include "_gather.h"

/* out = sum_k value_k row(index_k) over N vectors; row(i) = A + i stride. The last vector
   begins at `last`, so that it may end where the row does, and overlap the one before. */
typedef struct {
    const int32_t *index;
    const T *value;
    ptrdiff_t nnz;
} NAME(terms);

TARGET MLPCORE_INLINE void NAME(tile)(const int N, const T *A, ptrdiff_t stride, ptrdiff_t last,
                                      const NAME(terms) *terms, int n_terms, T *out)
{
#if defined(_MSC_VER)
    for (int v = 0; v < last + LANES; v++) out[v] = 0;
    for (int s = 0; s < n_terms; s++)
        for (ptrdiff_t k = 0; k < terms[s].nnz; k++)
            for (int v = 0; v < last + LANES; v++)
                out[v] += terms[s].value[k] * A[terms[s].index[k] * stride + v];
#else
    NAME(lanes) sum[8];
    for (int v = 0; v < N; v++) memset(&sum[v], 0, sizeof sum[v]);
    for (int s = 0; s < n_terms; s++)
        for (ptrdiff_t k = 0; k < terms[s].nnz; k++) {
            const T *from = A + terms[s].index[k] * stride;
            const T x = terms[s].value[k];
            for (int v = 0; v < N - 1; v++)
                sum[v] += x * *(const NAME(lanes) *)(from + v * LANES);
            sum[N - 1] += x * *(const NAME(lanes) *)(from + last);
        }
    for (int v = 0; v < N - 1; v++) *(NAME(lanes) *)(out + v * LANES) = sum[v];
    *(NAME(lanes) *)(out + last) = sum[N - 1];
#endif
}

#define CASE(v)                                                                            \
    case v: NAME(tile)(v, A, stride, last, terms, n_terms, out); break;
TARGET static void NAME(sum_of_rows)(int vectors, const T *A, ptrdiff_t stride, ptrdiff_t last,
                                     const NAME(terms) *terms, int n_terms, T *out)
{
    switch (vectors) { CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) }
}
#undef CASE

/* The next tile of units from `done` on, at most `most` vectors: it begins at `from`, and its
   last vector at from + last. Only a layer narrower than the tile lets it reach back. */
TARGET MLPCORE_INLINE int NAME(next_tile)(ptrdiff_t done, ptrdiff_t end, ptrdiff_t n_units,
                                          int most, ptrdiff_t *from, ptrdiff_t *last,
                                          ptrdiff_t *stop)
{
    const ptrdiff_t left = (end - done + LANES - 1) / LANES;
    const int vectors = (int)(left < most ? left : most);
    const ptrdiff_t over = done + vectors * LANES - n_units;
    *from = over > 0 && vectors == 1 ? n_units - LANES : done;
    *last = over > 0 && vectors > 1 ? n_units - LANES - done : (vectors - 1) * LANES;
    *stop = done + vectors * LANES < end ? done + vectors * LANES : end;
    return vectors;
}

/* Units of thread t: first to last, in whole vectors. */
TARGET MLPCORE_INLINE ptrdiff_t NAME(slice)(ptrdiff_t n_units, int t, int n_threads)
{
    const ptrdiff_t first = mlpcore_part((n_units + LANES - 1) / LANES, t, n_threads) * LANES;
    return first < n_units ? first : n_units;
}

/* a = f(X W + b) for some rows of a part, and units from first to end. */
TARGET static void NAME(forward_part)(const mlpcore_sparse_job *job, const mlpcore_nonzeros *part,
                                      ptrdiff_t n_rows, ptrdiff_t first, ptrdiff_t end)
{
    enum { MOST = 8 };
    const T *W = job->W, *b = job->b;
    ptrdiff_t from, last, stop;
    T sum[MOST * LANES] = {0};
    for (ptrdiff_t done = first; done < end; done = stop) {
        const int vectors = NAME(next_tile)(done, end, job->n_units, MOST, &from, &last, &stop);
        for (ptrdiff_t i = 0; i < n_rows; i++) {
            const ptrdiff_t begin = part->row_start[i];
            const NAME(terms) terms = {part->feature + begin,
                                       (const T *)part->values_by_row + begin,
                                       part->row_start[i + 1] - begin};
            T *z = (T *)job->Z + (part->first_row + i) * job->z_stride;
            NAME(sum_of_rows)(vectors, W + from, job->n_units, last, &terms, 1, sum);
            for (ptrdiff_t c = from; c < stop; c++) sum[c - from] += b[c * job->b_step];
            for (int v = 0; v < vectors; v++)
                MLPCORE_SUFFIX(mlpcore_row_forward, S)(job->activation, LANES, sum + v * LANES);
            for (ptrdiff_t c = done; c < stop; c++) z[c] = sum[c - from];
        }
    }
}

TARGET static void NAME(mlpcore_sparse_forward)(const mlpcore_sparse_job *job, int t, int n_threads)
{
    const int n_parts = *job->n_parts;
    const int by_units = n_parts != n_threads || job->n_units >= MLPCORE_MANY_UNITS;
    const ptrdiff_t first = by_units ? NAME(slice)(job->n_units, t, n_threads) : 0;
    const ptrdiff_t end = by_units ? NAME(slice)(job->n_units, t + 1, n_threads) : job->n_units;
    for (int p = by_units ? 0 : t; p < (by_units ? n_parts : t + 1); p++)
        NAME(forward_part)(job, &job->parts[p],
                           mlpcore_part(job->n_rows, p + 1, n_parts) - job->parts[p].first_row,
                           first, end);
}

/* Row i of X through the layer into the first row of Z, by one thread, its non-zeros in the
   first part: for a few rows of a prediction, where nothing else is worth a preparation. A
   layer narrower than a vector is added up in memory. */
TARGET static void NAME(mlpcore_walk)(const mlpcore_sparse_job *job, ptrdiff_t i)
{
    mlpcore_nonzeros *part = job->parts;
    const ptrdiff_t n = job->n_units;
    const T *W = job->W, *b = job->b, *value = part->values_by_row;
    T *z = job->Z;
    part->first_row = 0;
    part->row_start[0] = 0;
    part->row_start[1] = (int32_t)NAME(gather_row)(
        job, i, part->feature, (T *)part->values_by_row);
    if (n >= LANES) {
        NAME(forward_part)(job, part, 1, 0, n);
        return;
    }
    T sum[LANES] = {0};
    for (int32_t k = 0; k < part->row_start[1]; k++)
        for (ptrdiff_t c = 0; c < n; c++) sum[c] += value[k] * W[part->feature[k] * n + c];
    for (ptrdiff_t c = 0; c < n; c++) sum[c] += b[c * job->b_step];
    MLPCORE_SUFFIX(mlpcore_row_forward, S)(job->activation, LANES, sum);
    for (ptrdiff_t c = 0; c < n; c++) z[c] = sum[c];
}

/* Columns of the delta side by side on whole cache lines, where each row's meet no other's. */
TARGET static void NAME(copy_columns)(const mlpcore_sparse_job *job, ptrdiff_t from, ptrdiff_t n,
                                      ptrdiff_t padded, T *columns)
{
    const T *D = (const T *)job->Z + from;
    for (ptrdiff_t i = 0; i < job->n_rows; i++)
        for (ptrdiff_t c = 0; c < n; c++) columns[i * padded + c] = D[i * job->z_stride + c];
}

/* The non-zeros of feature j in all parts; returns how many parts have some. */
TARGET MLPCORE_INLINE int NAME(terms_of_feature)(const mlpcore_sparse_job *job, ptrdiff_t j,
                                                 NAME(terms) *terms)
{
    int n_terms = 0;
    for (int p = 0; p < *job->n_parts; p++) {
        const mlpcore_nonzeros *part = &job->parts[p];
        const ptrdiff_t begin = part->feature_start[j];
        const NAME(terms) found = {part->row + begin,
                                   (const T *)part->values_by_feature + begin,
                                   part->feature_start[j + 1] - begin};
        if (found.nnz) terms[n_terms++] = found;
    }
    return n_terms;
}

/* X^T D and what follows; to a feature without non-zeros nothing is added. */
TARGET static void NAME(mlpcore_sparse_gradient)(const mlpcore_sparse_job *job, int t,
                                                 int n_threads)
{
    enum { MOST = 4, ROOM = 8 };
    const ptrdiff_t n = job->n_units, end = NAME(slice)(n, t + 1, n_threads);
    const int adds_only = job->update->kind == MLPCORE_ADD && job->update->keep == 1;
    const MLPCORE_SUFFIX(mlpcore_rule, S) rule = MLPCORE_SUFFIX(mlpcore_new_rule, S)(job->update);
    T *columns = (T *)(job->rooms + t * job->room_size), sum[ROOM * LANES];
    NAME(terms) terms[MLPCORE_MOST_PARTS];
    for (ptrdiff_t done = NAME(slice)(n, t, n_threads), stop; done < end; done = stop) {
        const ptrdiff_t left = (end - done + LANES - 1) / LANES;
        const int vectors = (int)(left < MOST ? left : MOST);
        stop = done + vectors * LANES < end ? done + vectors * LANES : end;
        NAME(copy_columns)(job, done, stop - done, vectors * LANES, columns);
        for (ptrdiff_t j = 0; j < job->n_features; j++) {
            const ptrdiff_t at = j * n + done;
            const int n_terms = NAME(terms_of_feature)(job, j, terms);
            if (n_terms == 0 && adds_only) continue;
            NAME(sum_of_rows)(vectors, columns, vectors * LANES, (vectors - 1) * LANES, terms,
                              n_terms, sum);
            MLPCORE_SUFFIX(mlpcore_apply, S)(&rule, stop - done, sum, (T *)job->d_W + at,
                                             (T *)job->first + at, (T *)job->second + at);
        }
    }
}

#undef T
#undef S
#undef NAME
#undef LANES
