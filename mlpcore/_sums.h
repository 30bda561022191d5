/* The sum of the rows of a matrix, in its first row; each thread takes columns. */
#ifndef MLPCORE_SUMS_H
#define MLPCORE_SUMS_H

#include <stddef.h>

#include "_levels.h"

typedef struct {
    ptrdiff_t m, n, stride; /* D (m, n), rows `stride` apart */
    void *D;
} mlpcore_sum_job;

#define MLPCORE_SUM_LEVEL(target, level, T, S)                                             \
    target static void mlpcore_sum_rows_##S##_##level(const mlpcore_sum_job *job, int t,   \
                                                      int n_threads)                       \
    {                                                                                      \
        const ptrdiff_t start = job->n * t / n_threads, stop = job->n * (t + 1) / n_threads; \
        T *restrict sum = (T *)job->D + start;                                             \
        const T *restrict row = sum + job->stride;                                         \
        for (ptrdiff_t i = 1; i < job->m; i++, row += job->stride)                         \
            for (ptrdiff_t j = 0; j < stop - start; j++) sum[j] += row[j];                 \
    }

#ifdef MLPCORE_X86_LEVELS
#define MLPCORE_SUM_LEVELS(T, S)                                                           \
    MLPCORE_SUM_LEVEL(, baseline, T, S)                                                    \
    MLPCORE_SUM_LEVEL(MLPCORE_FOR_AVX2, avx2, T, S)                                        \
    MLPCORE_SUM_LEVEL(MLPCORE_FOR_AVX512, avx512, T, S)
#else
#define MLPCORE_SUM_LEVELS(T, S) MLPCORE_SUM_LEVEL(, baseline, T, S)
#endif

MLPCORE_SUM_LEVELS(float, f)
MLPCORE_SUM_LEVELS(double, d)
MLPCORE_DISPATCH(mlpcore_sum_rows_f, (const void *job, int t, int n), (job, t, n))
MLPCORE_DISPATCH(mlpcore_sum_rows_d, (const void *job, int t, int n), (job, t, n))

#endif
