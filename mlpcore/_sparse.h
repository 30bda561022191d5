/* The affine map of a layer whose input is mostly zeros: only its non-zeros are walked.

   Every thread owns a slice of the units, so that no two write to the same place. A tile of
   units stays in registers while the non-zeros of a row, or of a feature, are added up.
   The last tile of a slice reaches back over the one before it: there it computes again,
   or leaves alone, what is done. */
#ifndef MLPCORE_SPARSE_H
#define MLPCORE_SPARSE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "_levels.h"

enum { MLPCORE_FLOAT32, MLPCORE_FLOAT64, MLPCORE_UINT8 };

/* The non-zeros of a block of rows, by row and by feature: each thread has its own copy, in
   its own cache. The kernels know the type of the values. */
typedef struct {
    int32_t *row_start, *feature;              /* (n_rows + 1,), (nnz,) */
    int32_t *feature_start, *row;              /* (n_features + 1,), (nnz,) */
    void *values_by_row, *values_by_feature;   /* (nnz,) */
} mlpcore_nonzeros;

/* A block and what to do with it. */
typedef struct {
    mlpcore_nonzeros *nonzeros; /* (n_threads,) */
    ptrdiff_t n_rows, n_features, n_units;
    const void *X;              /* (n_samples, n_features) of x_type; of CSR the values */
    int x_type;
    const ptrdiff_t *csr_start; /* (n_samples + 1,) of CSR, otherwise NULL */
    const int32_t *csr_feature; /* (nnz,) of CSR */
    const ptrdiff_t *index;     /* (n_rows,): which rows of X */
    const void *table;          /* scale times each byte */
    double scale;
    const void *W, *b;          /* (n_features, n_units); (n_units,), or (1,) with b_step 0 */
    void *d_W;                  /* (n_features, n_units) */
    void *Z;                    /* z or its delta, (n_rows, n_units), rows z_stride apart */
    ptrdiff_t b_step, z_stride;
    double alpha, beta;
} mlpcore_sparse_job;

/* Gather: a value is written in any case and counted if it is not zero, so that there is no
   branch to miss; of bytes, eight zeros are passed over at once. */
#define MLPCORE_GATHER_ROW(x, product)                                                     \
    for (ptrdiff_t j = 0; j < n; j++) {                                                    \
        feature[k] = (int32_t)j;                                                           \
        value[k] = (product);                                                              \
        k += (x)[j] != 0;                                                                  \
    }

#define MLPCORE_SPARSE_GATHER(T, S)                                                        \
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
        const ptrdiff_t n = job->n_features, at = job->index[i] * n;                       \
        const double scale = job->scale;                                                   \
        ptrdiff_t k = 0;                                                                   \
        if (job->csr_start != NULL)                                                        \
            return mlpcore_gather_csr_##S(job, job->index[i], feature, value);             \
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
    static void mlpcore_sort_by_feature_##S(const mlpcore_nonzeros *own, ptrdiff_t n_rows, \
                                            ptrdiff_t n_features)                          \
    {                                                                                      \
        const T *by_row = own->values_by_row;                                              \
        T *by_feature = own->values_by_feature;                                            \
        int32_t *start = own->feature_start;                                               \
        memset(start, 0, (size_t)(n_features + 1) * sizeof *start);                        \
        for (int32_t k = 0; k < own->row_start[n_rows]; k++) start[own->feature[k] + 1]++; \
        for (ptrdiff_t j = 0; j < n_features; j++) start[j + 1] += start[j];               \
        for (ptrdiff_t i = 0; i < n_rows; i++)                                             \
            for (int32_t k = own->row_start[i]; k < own->row_start[i + 1]; k++) {          \
                const int32_t to = start[own->feature[k]]++;                               \
                own->row[to] = (int32_t)i;                                                 \
                by_feature[to] = by_row[k];                                                \
            }                                                                              \
        /* Every start has moved to its feature's end, which is the next one's start. */   \
        memmove(start + 1, start, (size_t)n_features * sizeof *start);                     \
        start[0] = 0;                                                                      \
    }                                                                                      \
    static void mlpcore_sparse_gather_##S(const void *argument, int t, int n_threads)      \
    {                                                                                      \
        const mlpcore_sparse_job *job = argument;                                          \
        const mlpcore_nonzeros *own = &job->nonzeros[t];                                   \
        int32_t k = 0;                                                                     \
        (void)n_threads;                                                                   \
        for (ptrdiff_t i = 0; i < job->n_rows; i++) {                                      \
            own->row_start[i] = k;                                                         \
            k += (int32_t)mlpcore_gather_row_##S(job, i, own->feature + k,                 \
                                                 (T *)own->values_by_row + k);             \
        }                                                                                  \
        own->row_start[job->n_rows] = k;                                                   \
        mlpcore_sort_by_feature_##S(own, job->n_rows, job->n_features);                    \
    }

MLPCORE_SPARSE_GATHER(float, f)
MLPCORE_SPARSE_GATHER(double, d)

/* Units of thread t: first to last, in multiples of a cache line. */
MLPCORE_INLINE ptrdiff_t mlpcore_slice(ptrdiff_t n_units, int t, int n_threads, size_t size)
{
    const ptrdiff_t line = (ptrdiff_t)(64 / size), lines = (n_units + line - 1) / line;
    const ptrdiff_t first = lines * t / n_threads * line;
    return first < n_units ? first : n_units;
}

/* sum_k value_k row(index_k) over a tile of N vectors of 64 bytes; row(i) = A + i stride. */
#if defined(_MSC_VER)
#define MLPCORE_TILE(name, T, N)                                                           \
    MLPCORE_INLINE void name(const T *A, ptrdiff_t stride, const int32_t *index,           \
                             const T *value, ptrdiff_t nnz, T *out)                        \
    {                                                                                      \
        enum { WIDTH = N * 64 / sizeof(T) };                                               \
        memset(out, 0, WIDTH * sizeof(T));                                                 \
        for (ptrdiff_t k = 0; k < nnz; k++)                                                \
            for (int v = 0; v < WIDTH; v++) out[v] += value[k] * A[index[k] * stride + v]; \
    }
#else
#define MLPCORE_TILE(name, T, N)                                                           \
    MLPCORE_INLINE void name(const T *A, ptrdiff_t stride, const int32_t *index,           \
                             const T *value, ptrdiff_t nnz, T *out)                        \
    {                                                                                      \
        typedef T vector __attribute__((vector_size(64), aligned(sizeof(T))));             \
        enum { WIDTH = 64 / sizeof(T) };                                                   \
        vector sum[N];                                                                     \
        for (int v = 0; v < N; v++) memset(&sum[v], 0, sizeof sum[v]);                     \
        for (ptrdiff_t k = 0; k < nnz; k++) {                                              \
            const T *from = A + index[k] * stride;                                         \
            const T x = value[k];                                                          \
            for (int v = 0; v < N; v++) sum[v] += x * *(const vector *)(from + v * WIDTH); \
        }                                                                                  \
        for (int v = 0; v < N; v++) *(vector *)(out + v * WIDTH) = sum[v];                 \
    }
#endif

/* The tile for what remains of a slice, in lines: 8, 4 or 1, at most `most`, and no more than
   the layer has; and that tile's sum. */
MLPCORE_INLINE int mlpcore_lines(ptrdiff_t remaining, ptrdiff_t n_units, ptrdiff_t line, int most)
{
    if (most >= 8 && remaining > 4 * line && n_units >= 8 * line) return 8;
    return remaining > line && n_units >= 4 * line ? 4 : 1;
}

#define MLPCORE_TILE_OF_LINES(T, S)                                                        \
    MLPCORE_INLINE void mlpcore_tile_##S(int lines, const T *A, ptrdiff_t stride,          \
                                         const int32_t *index, const T *value,             \
                                         ptrdiff_t nnz, T *out)                            \
    {                                                                                      \
        if (lines == 8)                                                                    \
            mlpcore_tile8_##S(A, stride, index, value, nnz, out);                          \
        else if (lines == 4)                                                               \
            mlpcore_tile4_##S(A, stride, index, value, nnz, out);                          \
        else                                                                               \
            mlpcore_tile1_##S(A, stride, index, value, nnz, out);                          \
    }

/* Forward: Z = X W + b, row after row. Gradient: d_W = alpha X^T D + beta d_W, feature
   after feature; with beta = 1, a feature without non-zeros is not touched. */
#define MLPCORE_SPARSE_LEVEL(target, level, T, S)                                          \
    target static void mlpcore_sparse_forward_##S##_##level(                               \
        const mlpcore_sparse_job *job, int t, int n_threads)                               \
    {                                                                                      \
        enum { LINE = 64 / sizeof(T), MOST = 8 };                                          \
        const ptrdiff_t n = job->n_units;                                                  \
        const ptrdiff_t first = mlpcore_slice(n, t, n_threads, sizeof(T));                 \
        const ptrdiff_t last = mlpcore_slice(n, t + 1, n_threads, sizeof(T));              \
        const mlpcore_nonzeros *own = &job->nonzeros[t];                                   \
        const T *W = job->W, *b = job->b;                                                  \
        T sum[MOST * LINE];                                                                \
        for (ptrdiff_t done = first, end; done < last; done = end) {                       \
            const int lines = mlpcore_lines(last - done, n, LINE, MOST);                   \
            const ptrdiff_t tile = lines * LINE;                                           \
            const ptrdiff_t from = done + tile <= n ? done : n - tile;                     \
            end = from + tile < last ? from + tile : last;                                 \
            for (ptrdiff_t i = 0; i < job->n_rows; i++) {                                  \
                const ptrdiff_t begin = own->row_start[i];                                 \
                T *z = (T *)job->Z + i * job->z_stride;                                    \
                mlpcore_tile_##S(lines, W + from, n, own->feature + begin,                 \
                                 (const T *)own->values_by_row + begin,                    \
                                 own->row_start[i + 1] - begin, sum);                      \
                for (ptrdiff_t c = done; c < end; c++)                                     \
                    z[c] = sum[c - from] + b[c * job->b_step];                             \
            }                                                                              \
        }                                                                                  \
    }                                                                                      \
    MLPCORE_INLINE void mlpcore_add_##S##_##level(T *to, const T *sum, ptrdiff_t n, T alpha, \
                                                  T beta)                                  \
    {                                                                                      \
        if (beta == 0)                                                                     \
            for (ptrdiff_t c = 0; c < n; c++) to[c] = alpha * sum[c];                      \
        else if (beta == 1)                                                                \
            for (ptrdiff_t c = 0; c < n; c++) to[c] += alpha * sum[c];                     \
        else                                                                               \
            for (ptrdiff_t c = 0; c < n; c++) to[c] = beta * to[c] + alpha * sum[c];       \
    }                                                                                      \
    target static void mlpcore_sparse_gradient_##S##_##level(                              \
        const mlpcore_sparse_job *job, int t, int n_threads)                               \
    {                                                                                      \
        enum { LINE = 64 / sizeof(T), MOST = 4 };                                          \
        const ptrdiff_t n = job->n_units;                                                  \
        const ptrdiff_t last = mlpcore_slice(n, t + 1, n_threads, sizeof(T));              \
        const mlpcore_nonzeros *own = &job->nonzeros[t];                                   \
        const T alpha = (T)job->alpha, beta = (T)job->beta, *D = job->Z;                   \
        T sum[MOST * LINE];                                                                \
        ptrdiff_t end;                                                                     \
        for (ptrdiff_t done = mlpcore_slice(n, t, n_threads, sizeof(T)); done < last; done = end) { \
            const int lines = mlpcore_lines(last - done, n, LINE, MOST);                   \
            const ptrdiff_t tile = lines * LINE;                                           \
            const ptrdiff_t from = done + tile <= n ? done : n - tile;                     \
            end = from + tile < last ? from + tile : last;                                 \
            for (ptrdiff_t j = 0; j < job->n_features; j++) {                              \
                const ptrdiff_t begin = own->feature_start[j];                             \
                const ptrdiff_t nnz = own->feature_start[j + 1] - begin;                   \
                T *to = (T *)job->d_W + j * n + done;                                      \
                if (nnz == 0 && beta == 1) continue;                                       \
                mlpcore_tile_##S(lines, D + from, job->z_stride, own->row + begin,         \
                                 (const T *)own->values_by_feature + begin, nnz, sum);     \
                if (end - done == MOST * LINE)                                             \
                    mlpcore_add_##S##_##level(to, sum, MOST * LINE, alpha, beta);          \
                else                                                                       \
                    mlpcore_add_##S##_##level(to, sum + (done - from), end - done, alpha, beta); \
            }                                                                              \
        }                                                                                  \
    }

#ifdef MLPCORE_X86_LEVELS
#define MLPCORE_SPARSE_LEVELS(T, S)                                                        \
    MLPCORE_SPARSE_LEVEL(, baseline, T, S)                                                 \
    MLPCORE_SPARSE_LEVEL(MLPCORE_AVX2, avx2, T, S)                                         \
    MLPCORE_SPARSE_LEVEL(MLPCORE_AVX512, avx512, T, S)
#else
#define MLPCORE_SPARSE_LEVELS(T, S) MLPCORE_SPARSE_LEVEL(, baseline, T, S)
#endif

#define MLPCORE_SPARSE_KERNELS(T, S)                                                       \
    MLPCORE_TILE(mlpcore_tile8_##S, T, 8)                                                  \
    MLPCORE_TILE(mlpcore_tile4_##S, T, 4)                                                  \
    MLPCORE_TILE(mlpcore_tile1_##S, T, 1)                                                  \
    MLPCORE_TILE_OF_LINES(T, S)                                                            \
    MLPCORE_SPARSE_LEVELS(T, S)                                                            \
    MLPCORE_DISPATCH(mlpcore_sparse_forward_##S, (const void *job, int t, int n), (job, t, n)) \
    MLPCORE_DISPATCH(mlpcore_sparse_gradient_##S, (const void *job, int t, int n), (job, t, n))

MLPCORE_SPARSE_KERNELS(float, f)
MLPCORE_SPARSE_KERNELS(double, d)

#endif
