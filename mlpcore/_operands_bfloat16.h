/* Operands rounded to bfloat16, two terms of a sum in the place of one float32, included by
   _dense_level.h. Between registers and memory a pair travels as a float, which nobody reads
   as one. The processor multiplies both and adds them up in float32. */

#include <immintrin.h>

#define PLACES(k) (((k) + 1) / 2)
#define FLOATS(name) MLPCORE_NAME(name, S, avx512)

typedef FLOATS(vector) NAME(vector);

/* sum + a_1 b_1 + a_2 b_2, the pair a being the same for all lanes. (Of the intrinsic's sums
   GCC 12 copies every one at every term.) */
TARGET MLPCORE_INLINE NAME(vector) NAME(multiply_add)(NAME(vector) sum, float a, NAME(vector) b)
{
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(_mm512_set1_ps(a)), "v"(b));
    return sum;
}

/* Up to 16 floats of which n are there, and zeros. */
TARGET MLPCORE_INLINE __m512 NAME(load)(const float *from, ptrdiff_t n)
{
    const __mmask16 there = n >= LANES ? 0xffff : n <= 0 ? 0 : (__mmask16)((1 << n) - 1);
    return _mm512_maskz_loadu_ps(there, from);
}

/* As copy_transposed in _operands_level.h; zero beyond width and k. */
TARGET static void NAME(copy_transposed)(const float *B, ptrdiff_t stride, ptrdiff_t k,
                                         ptrdiff_t width, float *to, ptrdiff_t padded)
{
    for (ptrdiff_t c = 0; c < padded; c += LANES)
        for (ptrdiff_t p = 0; p < k; p += 2 * LANES) {
            NAME(vector) row[LANES];
            for (int r = 0; r < LANES; r++) {
                const float *from = B + (c + r) * stride + p;
                const ptrdiff_t n = c + r < width ? k - p : 0;
                MLPCORE_PREFETCH(from + 4 * LANES);
                MLPCORE_PREFETCH(from + 5 * LANES);
                row[r] = (NAME(vector))_mm512_cvtne2ps_pbh(NAME(load)(from + LANES, n - LANES),
                                                           NAME(load)(from, n));
            }
            FLOATS(transpose)(row);
            for (ptrdiff_t r = 0; r < LANES && p + 2 * r < k; r++)
                *(NAME(vector) *)(to + (p / 2 + r) * padded + c) = row[r];
        }
}

/* Two rows of up to 16 columns, term by term in pairs. */
TARGET MLPCORE_INLINE NAME(vector) NAME(pairs)(const float *first, const float *second,
                                               ptrdiff_t n, int has_second)
{
    const __m256bh a = _mm512_cvtneps_pbh(NAME(load)(first, n));
    const __m256bh b = _mm512_cvtneps_pbh(NAME(load)(second, has_second ? n : 0));
    const __m512i low = _mm512_cvtepu16_epi32((__m256i)a);
    const __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)b), 16);
    return (NAME(vector))_mm512_or_si512(low, high);
}

/* As copy there. */
TARGET static void NAME(copy)(const float *B, ptrdiff_t stride, int is_transposed, ptrdiff_t k,
                              ptrdiff_t width, ptrdiff_t step, float *to, ptrdiff_t padded,
                              ptrdiff_t size)
{
    enum { AHEAD = 8 };
    for (ptrdiff_t j = 0; j < width && is_transposed; j += step, to += size)
        NAME(copy_transposed)(B + j * stride, stride, k, width - j < step ? width - j : step, to,
                              padded);
    for (ptrdiff_t p = 0; p < k && !is_transposed; p += 2) {
        float *panel = to + p / 2 * padded;
        for (ptrdiff_t j = 0; j < width; j += step, panel += size)
            for (ptrdiff_t c = 0; c < padded; c += LANES) {
                const float *from = B + p * stride + j + c;
                MLPCORE_PREFETCH(from + AHEAD * stride);
                MLPCORE_PREFETCH(from + (AHEAD + 1) * stride);
                *(NAME(vector) *)(panel + c) =
                    NAME(pairs)(from, from + stride, width - j - c, p + 1 < k);
            }
    }
}

#undef FLOATS
