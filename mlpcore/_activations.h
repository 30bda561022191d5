/* Activations of adjoining units: a = f(z) in place, and d = d f'(z), told from a.

   The numbers are those of the enum in _activations.pxd; the others stand in
   _activations.pyx. The bodies are inlined into the kernels that make z and d. */
#ifndef MLPCORE_ACTIVATIONS_H
#define MLPCORE_ACTIVATIONS_H

#include <math.h>
#include <stddef.h>

#include "_levels.h"
#include "_vmath.h"

enum { MLPCORE_RELU = 1, MLPCORE_LOGISTIC = 2, MLPCORE_TANH = 3, MLPCORE_LEAKY_RELU = 6 };

/* Not unrolled, for that comes before the compiler looks for vectors, and hides them. */
#if defined(__GNUC__) && !defined(__clang__)
#define MLPCORE_AS_LOOP _Pragma("GCC unroll 1")
#else
#define MLPCORE_AS_LOOP
#endif

#define MLPCORE_EACH(n, statement) \
    MLPCORE_AS_LOOP for (ptrdiff_t i = 0; i < (n); i++) { statement; }

/* A NaN stays one in each of them. */
#define MLPCORE_ROW_ACTIVATIONS(T, S)                                                      \
    MLPCORE_INLINE void mlpcore_row_forward_##S(int kind, ptrdiff_t n, T *z)               \
    {                                                                                      \
        const T leak = (T)0.01;                                                            \
        if (kind == MLPCORE_RELU)                                                          \
            MLPCORE_EACH(n, z[i] = z[i] < 0 ? 0 : z[i])                                    \
        else if (kind == MLPCORE_TANH)                                                     \
            MLPCORE_EACH(n, z[i] = mlpcore_tanh_##S(z[i]))                                 \
        else if (kind == MLPCORE_LOGISTIC)                                                 \
            MLPCORE_EACH(n, z[i] = mlpcore_logistic_##S(z[i]))                             \
        else if (kind == MLPCORE_LEAKY_RELU)                                               \
            MLPCORE_EACH(n, z[i] = z[i] < 0 ? leak * z[i] : z[i])                          \
    }                                                                                      \
    MLPCORE_INLINE void mlpcore_row_backward_##S(int kind, ptrdiff_t n,                    \
                                                 const T *restrict a, T *restrict d)       \
    {                                                                                      \
        const T leak = (T)0.01;                                                            \
        if (kind == MLPCORE_RELU)                                                          \
            MLPCORE_EACH(n, const T di = d[i]; d[i] = a[i] == 0 ? 0 : di)                  \
        else if (kind == MLPCORE_TANH)                                                     \
            MLPCORE_EACH(n, d[i] = d[i] * (1 - a[i] * a[i]))                               \
        else if (kind == MLPCORE_LOGISTIC)                                                 \
            MLPCORE_EACH(n, d[i] = d[i] * (a[i] * (1 - a[i])))                             \
        else if (kind == MLPCORE_LEAKY_RELU)                                               \
            MLPCORE_EACH(n, const T di = d[i]; d[i] = a[i] > 0 ? di : leak * di)           \
    }

MLPCORE_ROW_ACTIVATIONS(float, f)
MLPCORE_ROW_ACTIVATIONS(double, d)

/* The same for m rows of n units; rows are apart by a stride. */
#define MLPCORE_ACTIVATIONS_LEVEL(target, level, T, S)                                     \
    target static void mlpcore_activation_forward_##S##_##level(                           \
        int kind, ptrdiff_t m, ptrdiff_t n, T *z, ptrdiff_t z_stride)                      \
    {                                                                                      \
        enum { LANES = 16 };                                                               \
        /* Sixteen at a time, the rest padded: an element meets the same instructions      \
           wherever it stands. */                                                          \
        for (ptrdiff_t r = 0; r < m; r++, z += z_stride) {                                 \
            T rest[LANES] = {0};                                                           \
            ptrdiff_t j = 0;                                                               \
            for (; j + LANES <= n; j += LANES) mlpcore_row_forward_##S(kind, LANES, z + j); \
            if (j == n) continue;                                                          \
            memcpy(rest, z + j, (size_t)(n - j) * sizeof(T));                              \
            mlpcore_row_forward_##S(kind, LANES, rest);                                    \
            memcpy(z + j, rest, (size_t)(n - j) * sizeof(T));                              \
        }                                                                                  \
    }                                                                                      \
    target static void mlpcore_activation_backward_##S##_##level(                          \
        int kind, ptrdiff_t m, ptrdiff_t n, const T *a, ptrdiff_t a_stride, T *d,          \
        ptrdiff_t d_stride)                                                                \
    {                                                                                      \
        for (ptrdiff_t r = 0; r < m; r++)                                                  \
            mlpcore_row_backward_##S(kind, n, a + r * a_stride, d + r * d_stride);         \
    }

#ifdef MLPCORE_X86_LEVELS
#define MLPCORE_ACTIVATIONS_LEVELS(T, S)                                                   \
    MLPCORE_ACTIVATIONS_LEVEL(, baseline, T, S)                                            \
    MLPCORE_ACTIVATIONS_LEVEL(MLPCORE_FOR_AVX2, avx2, T, S)                                \
    MLPCORE_ACTIVATIONS_LEVEL(MLPCORE_FOR_AVX512, avx512, T, S)
#else
#define MLPCORE_ACTIVATIONS_LEVELS(T, S) MLPCORE_ACTIVATIONS_LEVEL(, baseline, T, S)
#endif

#define MLPCORE_ACTIVATIONS(T, S)                                                          \
    MLPCORE_ACTIVATIONS_LEVELS(T, S)                                                       \
    MLPCORE_DISPATCH(mlpcore_activation_forward_##S,                                       \
                     (int kind, ptrdiff_t m, ptrdiff_t n, T *z, ptrdiff_t z_stride),       \
                     (kind, m, n, z, z_stride))                                            \
    MLPCORE_DISPATCH(mlpcore_activation_backward_##S,                                      \
                     (int kind, ptrdiff_t m, ptrdiff_t n, const T *a, ptrdiff_t a_stride,  \
                      T *d, ptrdiff_t d_stride),                                           \
                     (kind, m, n, a, a_stride, d, d_stride))

MLPCORE_ACTIVATIONS(float, f)
MLPCORE_ACTIVATIONS(double, d)

#endif
