/* What becomes of a gradient: it is stored or added, or makes a step on the parameters.

   A rule is applied to n adjoining elements; g is the sum over a batch, s = scale and
   d = decay as in _optimizers.pyx:

       add        w = keep w + s g
       momentum   v = momentum v - rate (s g + d w),  w += v, or with Nesterov's
                  w += momentum v - rate (s g + d w)
       adam       g' = s g + d w,  m = b1 m + (1 - b1) g',  v = b2 v + (1 - b2) g'^2,
                  w = keep w - rate m / (sqrt(v) + epsilon)  */
#ifndef MLPCORE_UPDATES_H
#define MLPCORE_UPDATES_H

#include <math.h>
#include <stddef.h>

#include "_levels.h"

enum { MLPCORE_ADD, MLPCORE_MOMENTUM, MLPCORE_NESTEROV, MLPCORE_ADAM };

typedef struct {
    int kind;
    double scale, decay, keep, rate, momentum, beta_1, beta_2, epsilon;
} mlpcore_update;

/* Whether a level multiplies and adds at once. Which product does is written down: compilers
   choose one in vectors and another one behind the last vector, and bits would tell where an
   element lies. */
#if defined(__x86_64__)
#define MLPCORE_FUSES (VECTOR_BYTES > 16)
#elif defined(__FP_FAST_FMA) && defined(__FP_FAST_FMAF)
#define MLPCORE_FUSES 1
#else
#define MLPCORE_FUSES 0
#endif

/* The same in the type of the parameters, and the rule itself. */
#define MLPCORE_RULE(T, S, SQRT, FMA)                                                      \
    typedef struct {                                                                       \
        int kind;                                                                          \
        T scale, decay, keep, rate, momentum, beta_1, beta_2, epsilon, c_1, c_2;           \
    } mlpcore_rule_##S;                                                                    \
    MLPCORE_INLINE mlpcore_rule_##S mlpcore_new_rule_##S(const mlpcore_update *u)          \
    {                                                                                      \
        mlpcore_rule_##S rule = {                                                          \
            u->kind, (T)u->scale, (T)u->decay, (T)u->keep, (T)u->rate, (T)u->momentum,     \
            (T)u->beta_1, (T)u->beta_2, (T)u->epsilon, (T)(1 - u->beta_1),                 \
            (T)(1 - u->beta_2),                                                            \
        };                                                                                 \
        return rule;                                                                       \
    }                                                                                      \
    /* a b + c */                                                                          \
    MLPCORE_INLINE T mlpcore_fma_##S(const int fuses, T a, T b, T c)                       \
    {                                                                                      \
        return fuses ? FMA(a, b, c) : a * b + c;                                           \
    }                                                                                      \
    MLPCORE_INLINE void mlpcore_add_##S(const int fuses, const mlpcore_rule_##S *r,        \
                                        ptrdiff_t rows, ptrdiff_t n, const T *restrict g,  \
                                        ptrdiff_t g_stride, T *restrict w, ptrdiff_t stride)\
    {                                                                                      \
        const T scale = r->scale, keep = r->keep;                                          \
        /* 0 * NaN is NaN: with keep = 0, what stands there does not count. */             \
        for (; rows > 0; rows--, g += g_stride, w += stride)                               \
            if (keep == 0)                                                                 \
                for (ptrdiff_t i = 0; i < n; i++) w[i] = scale * g[i];                     \
            else                                                                           \
                for (ptrdiff_t i = 0; i < n; i++)                                          \
                    w[i] = mlpcore_fma_##S(fuses, scale, g[i], keep * w[i]);               \
    }                                                                                      \
    MLPCORE_INLINE void mlpcore_momentum_##S(const int fuses, const mlpcore_rule_##S *r,   \
                                             ptrdiff_t rows, ptrdiff_t n,                  \
                                             const T *restrict g, ptrdiff_t g_stride,      \
                                             T *restrict w, T *restrict v, ptrdiff_t stride)\
    {                                                                                      \
        const T scale = r->scale, decay = r->decay, rate = r->rate, mu = r->momentum;      \
        const int nesterov = r->kind == MLPCORE_NESTEROV;                                  \
        for (; rows > 0; rows--, g += g_stride, w += stride, v += stride)                  \
            for (ptrdiff_t i = 0; i < n; i++) {                                            \
                const T step = -rate * mlpcore_fma_##S(fuses, scale, g[i], decay * w[i]);  \
                const T now = mlpcore_fma_##S(fuses, mu, v[i], step);                      \
                v[i] = now;                                                                \
                w[i] += nesterov ? mlpcore_fma_##S(fuses, mu, now, step) : now;            \
            }                                                                              \
    }                                                                                      \
    MLPCORE_INLINE void mlpcore_adam_##S(const int fuses, const mlpcore_rule_##S *r,       \
                                         ptrdiff_t rows, ptrdiff_t n, const T *restrict g, \
                                         ptrdiff_t g_stride, T *restrict w, T *restrict m, \
                                         T *restrict v, ptrdiff_t stride)                  \
    {                                                                                      \
        const T scale = r->scale, decay = r->decay, keep = r->keep, rate = r->rate;        \
        const T b1 = r->beta_1, b2 = r->beta_2, c1 = r->c_1, c2 = r->c_2;                  \
        const T epsilon = r->epsilon;                                                      \
        for (; rows > 0; rows--, g += g_stride, w += stride, m += stride, v += stride)     \
            for (ptrdiff_t i = 0; i < n; i++) {                                            \
                const T gi = mlpcore_fma_##S(fuses, scale, g[i], decay * w[i]);            \
                const T step = rate * (m[i] = mlpcore_fma_##S(fuses, b1, m[i], c1 * gi));  \
                v[i] = mlpcore_fma_##S(fuses, b2, v[i], c2 * gi * gi);                     \
                w[i] = mlpcore_fma_##S(fuses, keep, w[i], -(step / (SQRT(v[i]) + epsilon)));\
            }                                                                              \
    }                                                                                      \
    /* On a tile of so many rows; those of w, and of what goes with it, lie `stride` apart. */\
    MLPCORE_INLINE void mlpcore_apply_rows_##S(const int fuses, const mlpcore_rule_##S *r, \
                                               ptrdiff_t rows, ptrdiff_t n, const T *g,    \
                                               ptrdiff_t g_stride, T *w, T *first,         \
                                               T *second, ptrdiff_t stride)                \
    {                                                                                      \
        if (r->kind == MLPCORE_ADD)                                                        \
            mlpcore_add_##S(fuses, r, rows, n, g, g_stride, w, stride);                    \
        else if (r->kind == MLPCORE_ADAM)                                                  \
            mlpcore_adam_##S(fuses, r, rows, n, g, g_stride, w, first, second, stride);    \
        else                                                                               \
            mlpcore_momentum_##S(fuses, r, rows, n, g, g_stride, w, first, stride);        \
    }                                                                                      \
    MLPCORE_INLINE void mlpcore_apply_##S(const int fuses, const mlpcore_rule_##S *r,      \
                                          ptrdiff_t n, const T *g, T *w, T *first, T *second)\
    {                                                                                      \
        mlpcore_apply_rows_##S(fuses, r, 1, n, g, 0, w, first, second, 0);                 \
    }

MLPCORE_RULE(float, f, sqrtf, fmaf)
MLPCORE_RULE(double, d, sqrt, fma)

/* A rule on a whole vector: each thread takes an equal piece. */
typedef struct {
    const mlpcore_update *update;
    ptrdiff_t n;
    const void *g;
    void *w, *first, *second;
} mlpcore_update_job;

#define MLPCORE_UPDATE_LEVEL(target, level, fuses, T, S)                                   \
    target static void mlpcore_update_##S##_##level(const mlpcore_update_job *job, int t,  \
                                                    int n_threads)                         \
    {                                                                                      \
        const mlpcore_rule_##S rule = mlpcore_new_rule_##S(job->update);                   \
        const ptrdiff_t start = job->n * t / n_threads / 16 * 16;                          \
        const ptrdiff_t stop = t + 1 < n_threads ? job->n * (t + 1) / n_threads / 16 * 16 : job->n; \
        mlpcore_apply_##S(fuses, &rule, stop - start, (const T *)job->g + start,           \
                          (T *)job->w + start, (T *)job->first + start,                    \
                          (T *)job->second + start);                                       \
    }

#ifdef MLPCORE_X86_LEVELS
#define MLPCORE_UPDATE_LEVELS(T, S)                                                        \
    MLPCORE_UPDATE_LEVEL(, baseline, 0, T, S)                                              \
    MLPCORE_UPDATE_LEVEL(MLPCORE_FOR_AVX2, avx2, 1, T, S)                                  \
    MLPCORE_UPDATE_LEVEL(MLPCORE_FOR_AVX512, avx512, 1, T, S)
#else
#define MLPCORE_UPDATE_LEVELS(T, S) MLPCORE_UPDATE_LEVEL(, baseline, MLPCORE_FUSES, T, S)
#endif

#define MLPCORE_UPDATES(T, S)                                                              \
    MLPCORE_UPDATE_LEVELS(T, S)                                                            \
    MLPCORE_DISPATCH(mlpcore_update_##S, (const void *job, int t, int n), (job, t, n))

MLPCORE_UPDATES(float, f)
MLPCORE_UPDATES(double, d)

#endif
