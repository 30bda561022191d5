/* Forward pass and gradient for one type T and one level, included by _sparse.h for each. */

#define NAME(name) MLPCORE_NAME(name, S, LEVEL)
#define LANES (VECTOR_BYTES / (int)sizeof(T))

/* Vectors of a tile's sums: so many bytes of each row that is added stay in the first cache, and
   sixteen registers hold 13 with what is added to them. */
#define MOST_VECTORS(bytes, most) ((bytes) < (most) * VECTOR_BYTES ? (bytes) / VECTOR_BYTES : (most))
enum {
    NAME(forward_vectors) = MOST_VECTORS(512, 13),
    NAME(gradient_vectors) = MOST_VECTORS(256, 8),
};
#undef MOST_VECTORS
/* Each tile of few units is a walk that two threads share. */
_Static_assert((MLPCORE_MANY_UNITS - 1) / (NAME(gradient_vectors) * LANES) < MLPCORE_MOST_WALKS,
               "a layer of few units has more tiles than counters");

#if !defined(_MSC_VER)
typedef T NAME(lanes) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T))));
#endif

/* A non-zero among those of its feature. */
typedef struct {
    int32_t row;
    T value;
} NAME(entry);

#include "_gather.h"
#include "_idle.h"

/* out = sum_k value_k row(index_k), added to what stands there if there is more of the sums, over
   N vectors; row(i) = A + i stride. The last vector begins at `last`, so that it may end where
   the row does, and overlap the one before. Indices and values are apart, or in entries. */
typedef struct {
    const int32_t *index;
    const T *value;
    ptrdiff_t nnz;
} NAME(terms);

TARGET MLPCORE_INLINE void NAME(sum_rows)(const int N, const int in_entries, const T *A,
                                          ptrdiff_t stride, ptrdiff_t last,
                                          const NAME(terms) *terms, int n_terms, int adds, T *out)
{
    enum { INDEX = sizeof(NAME(entry)) / sizeof(int32_t), VALUE = sizeof(NAME(entry)) / sizeof(T) };
    const ptrdiff_t i_step = in_entries ? INDEX : 1, v_step = in_entries ? VALUE : 1;
#if defined(_MSC_VER)
    for (int v = 0; v < last + LANES && !adds; v++) out[v] = 0;
    for (int s = 0; s < n_terms; s++)
        for (ptrdiff_t k = 0; k < terms[s].nnz; k++)
            for (int v = 0; v < last + LANES; v++)
                out[v] += terms[s].value[k * v_step] * A[terms[s].index[k * i_step] * stride + v];
#else
    NAME(lanes) sum[NAME(forward_vectors)];
    for (int v = 0; v < N; v++)
        sum[v] = adds ? *(const NAME(lanes) *)(out + v * LANES) : (NAME(lanes)){0};
    for (int s = 0; s < n_terms; s++)
        for (ptrdiff_t k = 0; k < terms[s].nnz; k++) {
            const T *from = A + terms[s].index[k * i_step] * stride;
            const T x = terms[s].value[k * v_step];
            for (int v = 0; v < N - 1; v++)
                sum[v] += x * *(const NAME(lanes) *)(from + v * LANES);
            sum[N - 1] += x * *(const NAME(lanes) *)(from + last);
        }
    for (int v = 0; v < N - 1; v++) *(NAME(lanes) *)(out + v * LANES) = sum[v];
    *(NAME(lanes) *)(out + last) = sum[N - 1];
#endif
}

/* A call whose first argument, a number of vectors up to MOST, is known to the compiler. */
#define CASE(v, call, ...)                                                                 \
    case v:                                                                                \
        if (v <= MOST) NAME(call)(v, __VA_ARGS__);                                         \
        break;
#define FOR_EACH_WIDTH(vectors, ...)                                                       \
    switch (vectors) {                                                                     \
        CASE(1, __VA_ARGS__) CASE(2, __VA_ARGS__) CASE(3, __VA_ARGS__) CASE(4, __VA_ARGS__) \
        CASE(5, __VA_ARGS__) CASE(6, __VA_ARGS__) CASE(7, __VA_ARGS__) CASE(8, __VA_ARGS__) \
        CASE(9, __VA_ARGS__) CASE(10, __VA_ARGS__) CASE(11, __VA_ARGS__)                    \
        CASE(12, __VA_ARGS__) CASE(13, __VA_ARGS__)                                        \
    }

/* The vectors of the next tile of so many units; all tiles are about as wide. */
TARGET MLPCORE_INLINE int NAME(vectors_of_tile)(ptrdiff_t n_units, int most)
{
    const ptrdiff_t left = (n_units + LANES - 1) / LANES, tiles = (left + most - 1) / most;
    return (int)((left + tiles - 1) / tiles);
}

/* The next tile of units from `done` on, at most `most` vectors: it begins at `from`, and its
   last vector at from + last. Only a layer narrower than the tile lets it reach back. */
TARGET MLPCORE_INLINE int NAME(next_tile)(ptrdiff_t done, ptrdiff_t end, ptrdiff_t n_units,
                                          int most, ptrdiff_t *from, ptrdiff_t *last,
                                          ptrdiff_t *stop)
{
    const int vectors = NAME(vectors_of_tile)(end - done, most);
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

/* The biases of a tile of units from `from` on, in whole vectors. */
TARGET static void NAME(tile_biases)(const mlpcore_sparse_job *job, ptrdiff_t from, int vectors,
                                     T *bias)
{
    const T *b = job->b;
    for (ptrdiff_t c = 0; c < vectors * LANES; c++)
        bias[c] = from + c < job->n_units ? b[(from + c) * job->b_step] : 0;
}

/* z = f(sum + b) for units from `done` to `stop`; the sums are those from `from` on. */
TARGET static void NAME(finish_row)(const mlpcore_sparse_job *job, ptrdiff_t from, ptrdiff_t done,
                                    ptrdiff_t stop, int vectors, const T *restrict bias,
                                    T *restrict sum, T *restrict z)
{
    for (ptrdiff_t c = 0; c < vectors * LANES; c++) sum[c] += bias[c];
    MLPCORE_SUFFIX(mlpcore_row_forward, S)(job->activation, vectors * LANES, sum);
    for (ptrdiff_t c = done; c < stop; c++) z[c] = sum[c - from];
}

/* The non-zeros of a part's i-th row in n stretches of features from one on. */
TARGET MLPCORE_INLINE NAME(terms) NAME(terms_of_row)(const mlpcore_sparse_job *job,
                                                     const mlpcore_nonzeros *part, ptrdiff_t i,
                                                     ptrdiff_t stretch, ptrdiff_t n)
{
    const ptrdiff_t row = (part->first_row + i) * (job->n_stretches + 1);
    const int32_t *start = part->row_start + row + stretch;
    const NAME(terms) terms = {part->feature + start[0],
                               (const T *)part->values + start[0], start[n] - start[0]};
    return terms;
}

/* a = f(X W + b) for the rows of a part, and units from first to end: W is read where it lies. */
TARGET static void NAME(forward_part)(const mlpcore_sparse_job *job, const mlpcore_nonzeros *part,
                                      ptrdiff_t first, ptrdiff_t end)
{
    enum { MOST = NAME(forward_vectors) };
    const T *W = job->W;
    ptrdiff_t from, last, stop;
    T bias[MOST * LANES], sum[MOST * LANES] = {0};
    for (ptrdiff_t done = first; done < end; done = stop) {
        const int vectors = NAME(next_tile)(done, end, job->n_units, MOST, &from, &last, &stop);
        NAME(tile_biases)(job, from, vectors, bias);
        for (ptrdiff_t i = 0; i < part->n_rows; i++) {
            const NAME(terms) terms = NAME(terms_of_row)(job, part, i, 0, job->n_stretches);
            FOR_EACH_WIDTH(vectors, sum_rows, 0, W + from, job->n_units, last, &terms, 1, 0, sum)
            NAME(finish_row)(job, from, done, stop, vectors, bias, sum,
                             (T *)job->Z + (part->first_row + i) * job->z_stride);
        }
    }
}

/* Columns of a matrix side by side on whole cache lines, where each row's meet no other's. */
TARGET static void NAME(copy_columns)(const T *from, ptrdiff_t stride, ptrdiff_t n_rows,
                                      ptrdiff_t n, ptrdiff_t padded, T *columns)
{
    for (ptrdiff_t i = 0; i < n_rows; i++)
        for (ptrdiff_t c = 0; c < n; c++) columns[i * padded + c] = from[i * stride + c];
}

/* Add the non-zeros of stretch s of the rows of parts p to p_end to their sums (n_rows, N LANES);
   W holds N vectors of each feature of the stretch. Meanwhile the same stretch of the rows that
   will be part `ahead` of the next block comes from memory: it takes as long as these sums. */
TARGET MLPCORE_INLINE void NAME(add_stretch)(const int N, const mlpcore_sparse_job *job, int p,
                                             int p_end, int ahead, ptrdiff_t s, const T *W, T *sums)
{
    const ptrdiff_t from = s * MLPCORE_STRETCH, to = from + MLPCORE_STRETCH;
    for (; p < p_end; p++) {
        const ptrdiff_t n_ahead = p == ahead ? job->n_next : 0;
        const mlpcore_nonzeros *part = &job->parts[p];
        for (ptrdiff_t i = 0; i < part->n_rows; i++, sums += N * LANES) {
            const NAME(terms) terms = NAME(terms_of_row)(job, part, i, s, 1);
            if (part->first_row + i < n_ahead)
                NAME(prefetch_row)(job, job->next[part->first_row + i], from,
                                   to < job->n_features ? to : job->n_features);
            NAME(sum_rows)(N, 0, W - from * N * LANES, N * LANES, (N - 1) * LANES, &terms, 1, s > 0,
                           sums);
        }
    }
}

/* The same as forward_part for the rows of parts p to p_end. A tile of W is copied stretch by
   stretch, so that it stays in the first cache for all rows. */
TARGET static void NAME(forward_copied)(const mlpcore_sparse_job *job, int t, int p, int p_end,
                                        ptrdiff_t first, ptrdiff_t end, T *room)
{
    enum { MOST = NAME(forward_vectors) };
    const T *W = job->W;
    T *copy = room, *sums = room + MLPCORE_STRETCH * MOST * LANES;
    T bias[MOST * LANES];
    for (ptrdiff_t done = first, stop; done < end; done = stop) {
        const int vectors = NAME(vectors_of_tile)(end - done, MOST);
        const ptrdiff_t padded = vectors * LANES;
        const int ahead = done == first ? t : -1;
        stop = done + padded < end ? done + padded : end;
        for (ptrdiff_t s = 0; s < job->n_stretches; s++) {
            const ptrdiff_t from = s * MLPCORE_STRETCH, n = job->n_features - from;
            NAME(copy_columns)(W + from * job->n_units + done, job->n_units,
                               n < MLPCORE_STRETCH ? n : MLPCORE_STRETCH, stop - done, padded, copy);
            FOR_EACH_WIDTH(vectors, add_stretch, job, p, p_end, ahead, s, copy, sums)
        }
        T *sum = sums;
        NAME(tile_biases)(job, done, vectors, bias);
        for (int q = p; q < p_end; q++)
            for (ptrdiff_t i = 0; i < job->parts[q].n_rows; i++, sum += padded)
                NAME(finish_row)(job, done, done, stop, vectors, bias, sum,
                                 (T *)job->Z + (job->parts[q].first_row + i) * job->z_stride);
    }
}

/* Few rows, and those of CSR, which are one stretch, do not pay for a copy of W. */
TARGET static void NAME(mlpcore_sparse_forward)(const mlpcore_sparse_job *job, int t, int n_threads)
{
    enum { FEW_ROWS = 24 };
    const int n_parts = *job->n_parts;
    const int by_units = n_parts != n_threads || job->n_units >= MLPCORE_MANY_UNITS;
    const ptrdiff_t first = by_units ? NAME(slice)(job->n_units, t, n_threads) : 0;
    const ptrdiff_t end = by_units ? NAME(slice)(job->n_units, t + 1, n_threads) : job->n_units;
    const int p = by_units ? 0 : t, p_end = by_units ? n_parts : t + 1;
    const ptrdiff_t n_rows = by_units ? job->n_rows : job->parts[t].n_rows;
    if (job->n_stretches > 1 && n_rows > FEW_ROWS)
        NAME(forward_copied)(job, t, p, p_end, first, end, (T *)(job->rooms + t * job->room_size));
    else
        for (int q = p; q < p_end; q++)
            NAME(forward_part)(job, &job->parts[q], first, end);
}

/* Row i of X through the layer into the first row of Z, by one thread, its non-zeros in the
   first part: for a few rows of a prediction, where nothing else is worth a preparation. A
   layer narrower than a vector is added up in memory. */
TARGET static void NAME(mlpcore_walk_row)(const mlpcore_sparse_job *job, ptrdiff_t i)
{
    mlpcore_nonzeros *part = job->parts;
    const ptrdiff_t n = job->n_units;
    const T *W = job->W, *b = job->b, *value = part->values;
    T *z = job->Z;
    part->first_row = part->row_start[0] = 0;
    part->n_rows = 1;
    part->row_start[1] = (int32_t)NAME(gather_row)(job, i, part->row_start, part->feature,
                                                   (T *)part->values, NULL);
    if (n >= LANES) {
        NAME(forward_part)(job, part, 0, n);
        return;
    }
    T sum[LANES] = {0};
    for (int32_t k = 0; k < part->row_start[1]; k++)
        for (ptrdiff_t c = 0; c < n; c++) sum[c] += value[k] * W[part->feature[k] * n + c];
    for (ptrdiff_t c = 0; c < n; c++) sum[c] += b[c * job->b_step];
    MLPCORE_SUFFIX(mlpcore_row_forward, S)(job->activation, LANES, sum);
    for (ptrdiff_t c = 0; c < n; c++) z[c] = sum[c];
}

/* The non-zeros of feature j in all parts; returns how many parts have some. */
TARGET MLPCORE_INLINE int NAME(terms_of_feature)(const mlpcore_sparse_job *job, ptrdiff_t j,
                                                 NAME(terms) *terms)
{
    int n_terms = 0;
    for (int p = 0; p < *job->n_parts; p++) {
        const mlpcore_nonzeros *part = &job->parts[p];
        const ptrdiff_t begin = part->feature_start[j];
        const NAME(entry) *entry = (const NAME(entry) *)part->by_feature + begin;
        const NAME(terms) found = {&entry->row, &entry->value, part->feature_start[j + 1] - begin};
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

/* X^T D and what follows, for feature j and a tile of N vectors of columns. */
TARGET MLPCORE_INLINE void NAME(gradient_of_feature)(const int N, const mlpcore_sparse_job *job,
                                                     const NAME(tile_of_delta) *tile, ptrdiff_t j)
{
    const ptrdiff_t at = j * job->n_units + tile->first;
    T *w = (T *)job->d_W + at, *first = (T *)job->first + at, *second = (T *)job->second + at;
    NAME(terms) terms[MLPCORE_MOST_PARTS];
    T sum[NAME(gradient_vectors) * LANES];
    const int n_terms = NAME(terms_of_feature)(job, j, terms);
    NAME(sum_rows)(N, 1, tile->columns, N * LANES, (N - 1) * LANES, terms, n_terms, 0, sum);
    if (tile->n == N * LANES)
        MLPCORE_SUFFIX(mlpcore_apply, S)(&tile->rule, N * LANES, sum, w, first, second);
    else
        MLPCORE_SUFFIX(mlpcore_apply, S)(&tile->rule, tile->n, sum, w, first, second);
}

/* The same for the features of a walk over a list. */
TARGET MLPCORE_INLINE void NAME(gradient_of_features)(const int N, const mlpcore_sparse_job *job,
                                                      const NAME(tile_of_delta) *tile,
                                                      mlpcore_walk walk, const int32_t *list)
{
    enum { SIZE = sizeof(T), PIECE = 16 };
    while (mlpcore_next_piece(&walk, PIECE))
        for (ptrdiff_t k = walk.from; k < walk.to; k++) {
            if (k + MLPCORE_AHEAD < walk.n)
                mlpcore_prefetch_rows(job->d_W, tile->skips_unmet ? job->first : NULL,
                                      tile->skips_unmet ? job->second : NULL,
                                      SIZE * (list[k + MLPCORE_AHEAD] * job->n_units + tile->first),
                                      SIZE * tile->n);
            NAME(gradient_of_feature)(N, job, tile, list[k]);
        }
}

/* A thread's share is a slice of many units, or of few units some of the features; to features
   without non-zeros nothing may be added, or their step waits. At the edges of slices lie cache
   lines of two threads: each begins at another feature, so as not to write to them at once.
   Two that share features meet anew in each tile. */
TARGET static void NAME(mlpcore_sparse_gradient)(const mlpcore_sparse_job *job, int t,
                                                 int n_threads)
{
    enum { MOST = NAME(gradient_vectors) };
    const int by_units = job->n_units >= MLPCORE_MANY_UNITS;
    const ptrdiff_t end = by_units ? NAME(slice)(job->n_units, t + 1, n_threads) : job->n_units;
    T *columns = (T *)(job->rooms + t * job->room_size);
    int32_t *list = job->lists + t * (job->n_features + 1);
    NAME(tile_of_delta) tile = {columns, by_units ? NAME(slice)(job->n_units, t, n_threads) : 0};
    tile.rule = MLPCORE_SUFFIX(mlpcore_new_rule, S)(job->update);
    tile.skips_unmet = job->others_wait || (tile.rule.kind == MLPCORE_ADD && tile.rule.keep == 1);
    mlpcore_walk walk = mlpcore_walk_of(job, by_units, tile.skips_unmet, t, n_threads, list);
    for (; tile.first < end; tile.first += tile.n) {
        tile.vectors = NAME(vectors_of_tile)(end - tile.first, MOST);
        tile.n = tile.vectors * LANES < end - tile.first ? tile.vectors * LANES : end - tile.first;
        NAME(copy_columns)((const T *)job->Z + tile.first, job->z_stride, job->n_rows, tile.n,
                           tile.vectors * LANES, columns);
        FOR_EACH_WIDTH(tile.vectors, gradient_of_features, job, &tile, walk, list)
        if (walk.n_taken) walk.n_taken++;
    }
}

#undef NAME
#undef LANES
#undef CASE
#undef FOR_EACH_WIDTH
