/* Forward pass and gradient for one type T and one level, included by _sparse.h for each. */

#define NAME(name) MLPCORE_NAME(name, S, LEVEL)
#define LANES (VECTOR_BYTES / (int)sizeof(T))

#if !defined(_MSC_VER)
typedef T NAME(lanes) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T))));
#endif

#include "_gather.h"
#include "_idle.h"

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

/* A tile of columns: what they are, where they lie, and the rule for the weights under them. */
typedef struct {
    const T *columns;
    ptrdiff_t first, n;
    int vectors, skips_unmet;
    MLPCORE_SUFFIX(mlpcore_rule, S) rule;
} NAME(tile_of_delta);

/* X^T D and what follows, for some features and a tile of columns. */
TARGET static void NAME(gradient_of_features)(const mlpcore_sparse_job *job,
                                              const NAME(tile_of_delta) *tile, const int32_t *list,
                                              ptrdiff_t n_listed)
{
    enum { ROOM = 8, SIZE = sizeof(T) };
    const int padded = tile->vectors * LANES;
    NAME(terms) terms[MLPCORE_MOST_PARTS];
    T sum[ROOM * LANES];
    for (ptrdiff_t k = 0; k < n_listed; k++) {
        const ptrdiff_t at = list[k] * job->n_units + tile->first;
        if (tile->skips_unmet && k + MLPCORE_AHEAD < n_listed)
            mlpcore_prefetch_rows(job->d_W, job->first, job->second, SIZE * (
                list[k + MLPCORE_AHEAD] * job->n_units + tile->first), SIZE * tile->n);
        const int n_terms = NAME(terms_of_feature)(job, list[k], terms);
        NAME(sum_of_rows)(tile->vectors, tile->columns, padded, padded - LANES, terms, n_terms, sum);
        MLPCORE_SUFFIX(mlpcore_apply, S)(&tile->rule, tile->n, sum, (T *)job->d_W + at,
                                         (T *)job->first + at, (T *)job->second + at);
    }
}

/* A thread's share is a slice of many units, or of few units some of the features; to features
   without non-zeros nothing may be added, or their step waits. At the edges of slices lie cache
   lines of two threads: each begins at another feature, so as not to write to them at once. */
TARGET static void NAME(mlpcore_sparse_gradient)(const mlpcore_sparse_job *job, int t,
                                                 int n_threads)
{
    enum { MOST = 4 };
    const int by_units = job->n_units >= MLPCORE_MANY_UNITS;
    const ptrdiff_t end = by_units ? NAME(slice)(job->n_units, t + 1, n_threads) : job->n_units;
    T *columns = (T *)(job->rooms + t * job->room_size);
    int32_t *list = job->lists + t * (job->n_features + 1);
    NAME(tile_of_delta) tile = {columns, by_units ? NAME(slice)(job->n_units, t, n_threads) : 0};
    tile.rule = MLPCORE_SUFFIX(mlpcore_new_rule, S)(job->update);
    tile.skips_unmet = job->others_wait || (tile.rule.kind == MLPCORE_ADD && tile.rule.keep == 1);
    const ptrdiff_t n_listed = mlpcore_list_features(
        job->parts, *job->n_parts, !tile.skips_unmet, job->n_features, by_units ? 0 : t,
        by_units ? 1 : n_threads, list);
    const ptrdiff_t begin = by_units ? mlpcore_part(n_listed, t, n_threads) : 0;
    for (; tile.first < end; tile.first += tile.n) {
        const ptrdiff_t left = (end - tile.first + LANES - 1) / LANES;
        tile.vectors = (int)(left < MOST ? left : MOST);
        tile.n = tile.vectors * LANES < end - tile.first ? tile.vectors * LANES : end - tile.first;
        NAME(copy_columns)(job, tile.first, tile.n, tile.vectors * LANES, columns);
        NAME(gradient_of_features)(job, &tile, list + begin, n_listed - begin);
        NAME(gradient_of_features)(job, &tile, list, begin);
    }
}

#undef T
#undef S
#undef NAME
#undef LANES
#undef SQUARE_ROOT
