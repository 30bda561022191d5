/* The sum of the squares of a vector, added up in the same order by any number of threads. */
#ifndef MLPCORE_SQUARES_H
#define MLPCORE_SQUARES_H

#include <stddef.h>

#include "_levels.h"

enum { MLPCORE_PARTS = 64 };

typedef struct {
    ptrdiff_t n;
    const void *x;          /* (n,) */
    double *parts;          /* (MLPCORE_PARTS,): the sums of equal pieces of x */
} mlpcore_square_job;

/* Each thread takes some of the parts. */
#define MLPCORE_SQUARE_LEVEL(target, level, T, S)                                          \
    target static double mlpcore_square_##S##_##level(const T *restrict x, ptrdiff_t n)    \
    {                                                                                      \
        enum { LANES = 64, TOGETHER = 64 * LANES };                                        \
        double total = 0;                                                                  \
        for (ptrdiff_t from = 0; from < n; from += TOGETHER) {                             \
            const ptrdiff_t end = from + TOGETHER < n ? from + TOGETHER : n;               \
            T lanes[LANES] = {0};                                                          \
            ptrdiff_t i = from;                                                            \
            for (; i + LANES <= end; i += LANES)                                           \
                for (int c = 0; c < LANES; c++) lanes[c] += x[i + c] * x[i + c];           \
            for (; i < end; i++) total += (double)x[i] * x[i];                             \
            for (int c = 0; c < LANES; c++) total += lanes[c];                             \
        }                                                                                  \
        return total;                                                                      \
    }                                                                                      \
    target static void mlpcore_squares_##S##_##level(const mlpcore_square_job *job, int t, \
                                                     int n_threads)                        \
    {                                                                                      \
        for (int p = t; p < MLPCORE_PARTS; p += n_threads) {                               \
            const ptrdiff_t from = job->n * p / MLPCORE_PARTS;                             \
            job->parts[p] = mlpcore_square_##S##_##level(                                  \
                (const T *)job->x + from, job->n * (p + 1) / MLPCORE_PARTS - from);        \
        }                                                                                  \
    }

#ifdef MLPCORE_X86_LEVELS
#define MLPCORE_SQUARE_LEVELS(T, S)                                                        \
    MLPCORE_SQUARE_LEVEL(, baseline, T, S)                                                 \
    MLPCORE_SQUARE_LEVEL(MLPCORE_FOR_AVX2, avx2, T, S)                                     \
    MLPCORE_SQUARE_LEVEL(MLPCORE_FOR_AVX512, avx512, T, S)
#else
#define MLPCORE_SQUARE_LEVELS(T, S) MLPCORE_SQUARE_LEVEL(, baseline, T, S)
#endif

MLPCORE_SQUARE_LEVELS(float, f)
MLPCORE_SQUARE_LEVELS(double, d)
MLPCORE_DISPATCH(mlpcore_squares_f, (const void *job, int t, int n), (job, t, n))
MLPCORE_DISPATCH(mlpcore_squares_d, (const void *job, int t, int n), (job, t, n))

#endif
