/* exp, logistic, tanh and log; exp also of whole arrays, in place.

   Every scalar body is free of branches and calls, so that the loops around it become
   vector code. The first three rest on one reduction for x <= 0:

       x = n ln 2 + r,  |r| <= ln 2 / 2,  exp(x) = 2^n (1 + p),  p = expm1(r)

   with n by rounding, ln 2 in two parts (W. J. Cody and W. Waite, "Software Manual for the
   Elementary Functions", 1980, ch. 6) and p by its Taylor series, cut where the next term
   is below half a unit in the last place. NaN stays NaN: a comparison with it is false. */
#ifndef MLPCORE_VMATH_H
#define MLPCORE_VMATH_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "_levels.h"

/* 2^n in *scale and expm1(r) in *p, for x <= 0; x is raised to the bound below which
   exp(x) is no normal number. */
MLPCORE_INLINE void mlpcore_reduce_f(float x, float *scale, float *p)
{
    const float round = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float shifted, n, r, q;
    uint32_t bits;
    x = x < -87.3365f ? -87.3365f : x;
    shifted = x * 1.44269504f + round;
    n = shifted - round;
    r = x - n * 0.693145752f;
    r = r - n * 1.42860677e-6f;
    q = 1.0f / 5040;
    q = q * r + 1.0f / 720;
    q = q * r + 1.0f / 120;
    q = q * r + 1.0f / 24;
    q = q * r + 1.0f / 6;
    q = q * r + 0.5f;
    *p = q * r * r + r;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + 0x3f800000u;
    memcpy(scale, &bits, sizeof bits);
}

MLPCORE_INLINE void mlpcore_reduce_d(double x, double *scale, double *p)
{
    const double round = 6755399441055744.0; /* 1.5 * 2^52 */
    double shifted, n, r, q;
    uint64_t bits;
    x = x < -708.396 ? -708.396 : x;
    shifted = x * 1.4426950408889634 + round;
    n = shifted - round;
    r = x - n * 6.93147180369123816490e-01;
    r = r - n * 1.90821492927058770002e-10;
    q = 1.0 / 6227020800;
    q = q * r + 1.0 / 479001600;
    q = q * r + 1.0 / 39916800;
    q = q * r + 1.0 / 3628800;
    q = q * r + 1.0 / 362880;
    q = q * r + 1.0 / 40320;
    q = q * r + 1.0 / 5040;
    q = q * r + 1.0 / 720;
    q = q * r + 1.0 / 120;
    q = q * r + 1.0 / 24;
    q = q * r + 1.0 / 6;
    q = q * r + 0.5;
    *p = q * r * r + r;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 52) + 0x3ff0000000000000u;
    memcpy(scale, &bits, sizeof bits);
}

/* n and s with x = 2^n (1 + s) / (1 - s), for normal x > 0; |s| <= 3 - sqrt 8. */
MLPCORE_INLINE void mlpcore_split_f(float x, float *n, float *s)
{
    uint32_t bits, power;
    float rest;
    memcpy(&bits, &x, sizeof bits);
    power = (bits + (0x40000000u - 0x3f3504f3u)) >> 23; /* n + 128; 0x3f3504f3 is sqrt(1/2) */
    bits -= (power - 128) << 23;
    power |= 0x4b000000u;                               /* 2^23 + n + 128 */
    memcpy(&rest, &bits, sizeof rest);
    memcpy(n, &power, sizeof power);
    *n -= 8388608.0f + 128;
    *s = (rest - 1) / (rest + 1);
}

MLPCORE_INLINE void mlpcore_split_d(double x, double *n, double *s)
{
    uint64_t bits, power;
    double rest;
    memcpy(&bits, &x, sizeof bits);
    power = (bits + (0x4000000000000000u - 0x3fe6a09e667f3bcdu)) >> 52; /* n + 1024 */
    bits -= (power - 1024) << 52;
    power |= 0x4330000000000000u;                                       /* 2^52 + n + 1024 */
    memcpy(&rest, &bits, sizeof rest);
    memcpy(n, &power, sizeof power);
    *n -= 4503599627370496.0 + 1024;
    *s = (rest - 1) / (rest + 1);
}

/* log(x) = n ln 2 + 2 atanh(s), for normal x > 0; the series is cut where the next term is
   below half a unit in the last place. */
MLPCORE_INLINE float mlpcore_log_f(float x)
{
    float n, s, z, q;
    mlpcore_split_f(x, &n, &s);
    z = s * s;
    q = 2.0f / 9;
    q = q * z + 2.0f / 7;
    q = q * z + 2.0f / 5;
    q = q * z + 2.0f / 3;
    return n * 0.693145752f + (2 * s + (q * z * s + n * 1.42860677e-6f)) + (x - x);
}

MLPCORE_INLINE double mlpcore_log_d(double x)
{
    double n, s, z, q;
    mlpcore_split_d(x, &n, &s);
    z = s * s;
    q = 2.0 / 21;
    q = q * z + 2.0 / 19;
    q = q * z + 2.0 / 17;
    q = q * z + 2.0 / 15;
    q = q * z + 2.0 / 13;
    q = q * z + 2.0 / 11;
    q = q * z + 2.0 / 9;
    q = q * z + 2.0 / 7;
    q = q * z + 2.0 / 5;
    q = q * z + 2.0 / 3;
    return n * 6.93147180369123816490e-01 + (2 * s + (q * z * s + n * 1.90821492927058770002e-10))
           + (x - x);
}

/* An array goes through a function sixteen elements at a time, the rest of it through a
   padded copy: every element meets the same instructions, wherever it stands. */
#define MLPCORE_LANES 16

#define MLPCORE_LOOP(target, name, T, f)                                                   \
    target static void name(T *x, ptrdiff_t n)                                             \
    {                                                                                      \
        T rest[MLPCORE_LANES] = {0};                                                       \
        ptrdiff_t i = 0;                                                                   \
        for (; i + MLPCORE_LANES <= n; i += MLPCORE_LANES)                                 \
            for (int k = 0; k < MLPCORE_LANES; k++) x[i + k] = f(x[i + k]);                \
        if (i == n) return;                                                                \
        memcpy(rest, x + i, (size_t)(n - i) * sizeof(T));                                  \
        for (int k = 0; k < MLPCORE_LANES; k++) rest[k] = f(rest[k]);                      \
        memcpy(x + i, rest, (size_t)(n - i) * sizeof(T));                                  \
    }

#ifdef MLPCORE_X86_LEVELS
#define MLPCORE_LOOPS(name, T, f)                                                          \
    MLPCORE_LOOP(, name##_baseline, T, f)                                                  \
    MLPCORE_LOOP(MLPCORE_FOR_AVX2, name##_avx2, T, f)                                          \
    MLPCORE_LOOP(MLPCORE_FOR_AVX512, name##_avx512, T, f)
#else
#define MLPCORE_LOOPS(name, T, f) MLPCORE_LOOP(, name##_baseline, T, f)
#endif

#define MLPCORE_MAP(name, T, f)                                                            \
    MLPCORE_LOOPS(name, T, f)                                                              \
    MLPCORE_DISPATCH(name, (T *x, ptrdiff_t n), (x, n))

/* The three functions for both types. Below `flush`, the bound of the reduction, exp is
   smaller than every normal number and becomes zero.

   tanh(x) = -e / (2 + e) for x >= 0, e = expm1(-2x): no cancellation near zero. */
#define MLPCORE_VMATH(T, S, flush, ABS, COPYSIGN)                                          \
    MLPCORE_INLINE T mlpcore_exp_##S(T x)                                                  \
    {                                                                                      \
        T scale, p;                                                                        \
        mlpcore_reduce_##S(x, &scale, &p);                                                 \
        return x < (flush) ? (T)0 : scale + scale * p;                                     \
    }                                                                                      \
    MLPCORE_INLINE T mlpcore_logistic_##S(T x)                                             \
    {                                                                                      \
        T e = mlpcore_exp_##S(-ABS(x));                                                    \
        return (x < 0 ? e : (T)1) / (1 + e);                                               \
    }                                                                                      \
    MLPCORE_INLINE T mlpcore_tanh_##S(T x)                                                 \
    {                                                                                      \
        T scale, p, e;                                                                     \
        mlpcore_reduce_##S(-2 * ABS(x), &scale, &p);                                       \
        e = (scale - 1) + scale * p;                                                       \
        return COPYSIGN(e / (2 + e), x);                                                   \
    }                                                                                      \
    MLPCORE_MAP(mlpcore_vexp_##S, T, mlpcore_exp_##S)

MLPCORE_VMATH(float, f, -87.3365f, fabsf, copysignf)
MLPCORE_VMATH(double, d, -708.396, fabs, copysign)

#endif
