/* The non-zeros of some rows of X, by row and by feature; included by _sparse.h.

   A value is written in any case and counted if it is not zero, so that there is no branch
   to miss; of bytes, eight zeros are passed over at once. */

#define MLPCORE_GATHER_ROW(x, product)                                                     \
    for (ptrdiff_t j = 0; j < n; j++) {                                                    \
        feature[k] = (int32_t)j;                                                           \
        value[k] = (product);                                                              \
        k += (x)[j] != 0;                                                                  \
    }

#define MLPCORE_GATHER(T, S)                                                               \
    MLPCORE_INLINE ptrdiff_t mlpcore_gather_bytes_##S(const unsigned char *x, ptrdiff_t n, \
                                                      const T *table, int32_t *feature,    \
                                                      T *value)                            \
    {                                                                                      \
        ptrdiff_t j = 0, k = 0;                                                            \
        for (; j + 8 <= n; j += 8) {                                                       \
            uint64_t word;                                                                 \
            memcpy(&word, x + j, 8);                                                       \
            if (word == 0) continue;                                                       \
            for (ptrdiff_t i = j; i < j + 8; i++) {                                        \
                feature[k] = (int32_t)i;                                                   \
                value[k] = table[x[i]];                                                    \
                k += x[i] != 0;                                                            \
            }                                                                              \
        }                                                                                  \
        for (; j < n; j++) {                                                               \
            feature[k] = (int32_t)j;                                                       \
            value[k] = table[x[j]];                                                        \
            k += x[j] != 0;                                                                \
        }                                                                                  \
        return k;                                                                          \
    }                                                                                      \
    MLPCORE_INLINE ptrdiff_t mlpcore_gather_csr_##S(const mlpcore_sparse_job *job,         \
                                                    ptrdiff_t i, int32_t *feature, T *value) \
    {                                                                                      \
        const ptrdiff_t start = job->csr_start[i], n = job->csr_start[i + 1] - start;      \
        const float *f32 = (const float *)job->X + start;                                  \
        const double *f64 = (const double *)job->X + start;                                \
        memcpy(feature, job->csr_feature + start, (size_t)n * sizeof *feature);            \
        for (ptrdiff_t k = 0; k < n; k++)                                                  \
            value[k] = (T)(job->scale * (job->x_type == MLPCORE_FLOAT32 ? f32[k] : f64[k])); \
        return n;                                                                          \
    }                                                                                      \
    MLPCORE_INLINE ptrdiff_t mlpcore_gather_row_##S(const mlpcore_sparse_job *job,         \
                                                    ptrdiff_t i, int32_t *feature, T *value) \
    {                                                                                      \
        const ptrdiff_t n = job->n_features, at = i * n;                                   \
        const double scale = job->scale;                                                   \
        ptrdiff_t k = 0;                                                                   \
        if (job->csr_start != NULL) return mlpcore_gather_csr_##S(job, i, feature, value); \
        if (job->x_type == MLPCORE_UINT8)                                                  \
            return mlpcore_gather_bytes_##S((const unsigned char *)job->X + at, n,         \
                                            job->table, feature, value);                   \
        if (job->x_type == MLPCORE_FLOAT32) {                                              \
            const float *x = (const float *)job->X + at;                                   \
            MLPCORE_GATHER_ROW(x, (T)(scale * x[j]))                                       \
        } else {                                                                           \
            const double *x = (const double *)job->X + at;                                 \
            MLPCORE_GATHER_ROW(x, (T)(scale * x[j]))                                       \
        }                                                                                  \
        return k;                                                                          \
    }                                                                                      \
    /* By feature, rows in order: a counting sort. */                                      \
    static void mlpcore_sort_by_feature_##S(const mlpcore_nonzeros *part, ptrdiff_t n_rows, \
                                            ptrdiff_t n_features)                          \
    {                                                                                      \
        const T *by_row = part->values_by_row;                                             \
        T *by_feature = part->values_by_feature;                                           \
        int32_t *start = part->feature_start;                                              \
        memset(start, 0, (size_t)(n_features + 1) * sizeof *start);                        \
        for (int32_t k = 0; k < part->row_start[n_rows]; k++) start[part->feature[k] + 1]++; \
        for (ptrdiff_t j = 0; j < n_features; j++) start[j + 1] += start[j];               \
        for (ptrdiff_t i = 0; i < n_rows; i++)                                             \
            for (int32_t k = part->row_start[i]; k < part->row_start[i + 1]; k++) {        \
                const int32_t to = start[part->feature[k]]++;                              \
                part->row[to] = (int32_t)(part->first_row + i);                            \
                by_feature[to] = by_row[k];                                                \
            }                                                                              \
        /* Every start has moved to its feature's end, which is the next one's start. */   \
        memmove(start + 1, start, (size_t)n_features * sizeof *start);                     \
        start[0] = 0;                                                                      \
    }                                                                                      \
    static void mlpcore_sparse_gather_##S(const void *argument, int t, int n_threads)      \
    {                                                                                      \
        const mlpcore_sparse_job *job = argument;                                          \
        mlpcore_nonzeros *part = &job->parts[t];                                           \
        const int n_parts = n_threads < MLPCORE_MOST_PARTS ? n_threads : MLPCORE_MOST_PARTS; \
        const ptrdiff_t first = mlpcore_part(job->n_rows, t, n_parts);                     \
        const ptrdiff_t n_rows = mlpcore_part(job->n_rows, t + 1, n_parts) - first;        \
        int32_t k = 0;                                                                     \
        if (t >= n_parts) return;                                                          \
        if (t == 0) *job->n_parts = n_parts;                                               \
        part->first_row = first;                                                           \
        for (ptrdiff_t i = 0; i < n_rows; i++) {                                           \
            part->row_start[i] = k;                                                        \
            k += (int32_t)mlpcore_gather_row_##S(job, job->index[first + i],               \
                                                 part->feature + k,                        \
                                                 (T *)part->values_by_row + k);            \
        }                                                                                  \
        part->row_start[n_rows] = k;                                                       \
        mlpcore_sort_by_feature_##S(part, n_rows, job->n_features);                        \
    }

MLPCORE_GATHER(float, f)
MLPCORE_GATHER(double, d)
