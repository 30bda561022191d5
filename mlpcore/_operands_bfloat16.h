/* Operands rounded to bfloat16, two terms of a sum in the place of one float32, included by
   _dense_level.h. Between registers and memory a pair travels as a float, which nobody reads
   as one. The processor multiplies both and adds them up in float32. */

#include <immintrin.h>

/* That k terms of a sum take, and those of MLPCORE_ROWS rows; tiles have 16 places at a time, zero
   beyond the last term. So many bytes of B lie beside the copies of A, which a tile is done with
   sooner than vectors are. */
#ifdef AMX
#define PLACES(k) (((k) + 31) / 32 * 16)
#define SIZE_OF_ROWS(k) (PLACES(k) * MLPCORE_ROWS)
enum { NAME(beside_copies) = 1 << 19, NAME(copied_bytes) = MLPCORE_COPIED_BYTES };
#else
#define PLACES(k) (((k) + 1) / 2)
#define SIZE_OF_ROWS(k) ((PLACES(k) + 1) * LANES)
enum { NAME(beside_copies) = 1 << 17, NAME(copied_bytes) = 5 << 17 };
#endif

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

/* Up to 32 adjoining terms, of which n are there. */
TARGET MLPCORE_INLINE NAME(vector) NAME(adjoining)(const float *from, ptrdiff_t n)
{
    return (NAME(vector))_mm512_cvtne2ps_pbh(NAME(load)(from + LANES, n - LANES),
                                             NAME(load)(from, n));
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
                row[r] = NAME(adjoining)(from, n);
            }
            FLOATS(transpose)(row);
            for (ptrdiff_t r = 0; r < LANES && p / 2 + r < PLACES(k); r++)
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
    for (ptrdiff_t p = 0; p < 2 * PLACES(k) && !is_transposed; p += 2) {
        float *panel = to + p / 2 * padded;
        for (ptrdiff_t j = 0; j < width; j += step, panel += size)
            for (ptrdiff_t c = 0; c < padded; c += LANES) {
                const float *from = B + p * stride + j + c;
                MLPCORE_PREFETCH(from + AHEAD * stride);
                MLPCORE_PREFETCH(from + (AHEAD + 1) * stride);
                *(NAME(vector) *)(panel + c) =
                    NAME(pairs)(from, from + stride, p < k ? width - j - c : 0, p + 1 < k);
            }
    }
}

#ifndef AMX
/* n rows of A, (n, k) in memory or (k, n) if it is transposed, MLPCORE_ROWS of them `size` apart; the
   same place of these adjoins. */
TARGET static void NAME(copy_rows)(const float *A, ptrdiff_t stride, int is_transposed, ptrdiff_t k,
                                   ptrdiff_t n, float *to, ptrdiff_t size)
{
    NAME(copy)(A, stride, !is_transposed, k, n, MLPCORE_ROWS, to, LANES, size);
}
#endif
