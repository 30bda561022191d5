/* Rows of a dense X, converted and scaled. */
#ifndef MLPCORE_ROWS_H
#define MLPCORE_ROWS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { MLPCORE_FLOAT32, MLPCORE_FLOAT64, MLPCORE_UINT8 };

/* Adjoining features of a dense row that are walked together where most non-zeros have a neighbour,
   as in images: what is read for the one serves both. */
enum { MLPCORE_PAIR = 2 };

typedef struct {
    int type;
    const void *X;              /* (n_samples, n_features) of that type */
    ptrdiff_t n_features;
    double scale;
    const float *table_f32;     /* what each byte stands for */
    const double *table_f64;
} mlpcore_rows;

typedef struct {
    const mlpcore_rows *rows;
    const ptrdiff_t *index;     /* (m,) */
    ptrdiff_t m, stride;        /* out (m, n_features), rows `stride` apart */
    void *out;
} mlpcore_gather_job;

/* out = scale x_i; a shorter row of the same type is copied before memcpy is called. */
#define MLPCORE_GATHER(T, S, SAME, TABLE)                                                  \
    static void mlpcore_convert_row_##S(const mlpcore_rows *rows, ptrdiff_t i, T *restrict out) \
    {                                                                                      \
        enum { SHORT_ROW = 16 };                                                           \
        const ptrdiff_t n = rows->n_features;                                              \
        const double scale = rows->scale;                                                  \
        const T *same = (const T *)rows->X + i * n;                                        \
        const uint8_t *bytes = (const uint8_t *)rows->X + i * n;                           \
        const float *floats = (const float *)rows->X + i * n;                              \
        const double *doubles = (const double *)rows->X + i * n;                           \
        if (rows->type == SAME && scale == 1 && n >= SHORT_ROW)                            \
            memcpy(out, same, (size_t)n * sizeof(T));                                      \
        else if (rows->type == MLPCORE_UINT8)                                         \
            for (ptrdiff_t j = 0; j < n; j++) out[j] = rows->TABLE[bytes[j]];              \
        else if (rows->type == MLPCORE_FLOAT32)                                       \
            for (ptrdiff_t j = 0; j < n; j++) out[j] = (T)(scale * floats[j]);             \
        else                                                                               \
            for (ptrdiff_t j = 0; j < n; j++) out[j] = (T)(scale * doubles[j]);            \
    }                                                                                      \
    /* A thread's part of the rows of index. */                                            \
    static void mlpcore_gather_##S(const void *task, int t, int n_threads)                 \
    {                                                                                      \
        const mlpcore_gather_job *job = task;                                              \
        const ptrdiff_t stop = job->m * (t + 1) / n_threads;                               \
        for (ptrdiff_t i = job->m * t / n_threads; i < stop; i++)                          \
            mlpcore_convert_row_##S(job->rows, job->index[i], (T *)job->out + i * job->stride); \
    }

MLPCORE_GATHER(float, f, MLPCORE_FLOAT32, table_f32)
MLPCORE_GATHER(double, d, MLPCORE_FLOAT64, table_f64)

#endif
