/* Whether values are finite. Infinity and NaN are what has all bits of the exponent set: one more,
   and they carry into the bit of the sign. Memory takes longer than any instructions for it. */
#ifndef MLPCORE_FINITE_H
#define MLPCORE_FINITE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { MLPCORE_FINITE_PARTS = 64 };

typedef struct {
    ptrdiff_t n;
    const void *x; /* (n,) */
    int *finite;   /* (MLPCORE_FINITE_PARTS,): whether equal pieces of x are */
} mlpcore_finite_job;

#define MLPCORE_FINITE(T, S, BITS, EXPONENT_FROM)                                          \
    static int mlpcore_finite_##S(const void *x, ptrdiff_t n)                              \
    {                                                                                      \
        const BITS sign = (BITS)1 << (8 * sizeof(BITS) - 1), one = (BITS)1 << EXPONENT_FROM; \
        BITS carries = 0;                                                                  \
        for (ptrdiff_t i = 0; i < n; i++) {                                                \
            BITS value;                                                                    \
            memcpy(&value, (const T *)x + i, sizeof(BITS));                                \
            carries |= (value & ~sign) + one;                                              \
        }                                                                                  \
        return !(carries & sign);                                                          \
    }                                                                                      \
    static void mlpcore_finite_parts_##S(const void *task, int t, int n_threads)           \
    {                                                                                      \
        const mlpcore_finite_job *job = task;                                              \
        const int end = MLPCORE_FINITE_PARTS * (t + 1) / n_threads;                        \
        for (int p = MLPCORE_FINITE_PARTS * t / n_threads; p < end; p++) {                 \
            const ptrdiff_t from = job->n * p / MLPCORE_FINITE_PARTS;                      \
            const ptrdiff_t to = job->n * (p + 1) / MLPCORE_FINITE_PARTS;                  \
            job->finite[p] = mlpcore_finite_##S((const T *)job->x + from, to - from);      \
        }                                                                                  \
    }

MLPCORE_FINITE(float, f, uint32_t, 23)
MLPCORE_FINITE(double, d, uint64_t, 52)

#endif
