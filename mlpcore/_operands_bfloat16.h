/* Operands of bfloat16, two terms of a sum in the place of one float32, included by
   _dense_level.h. Between registers and memory a pair travels as a float, which nobody reads
   as one. The processor multiplies both and adds them up in float32.

   An operand is rounded, or it is the sum of three SLICES: the upper 8 bits of its 24, what is left
   rounded to 8 bits, and the rest, which is exact if the last bit is a normal number. Products of
   slices then add up to one of float32. Infinity has no slices: it becomes NaN.
   G. Henry, P. T. P. Tang and A. Heinecke, "Leveraging the bfloat16 artificial intelligence datatype
   for higher-precision computations", 2019. */

#include <immintrin.h>

#ifndef SLICES
#define SLICES 1
#endif

/* That k terms of a sum are padded to, the places that they take, and those of MLPCORE_ROWS rows.
   Tiles have 32 terms at a time, first all of a slice. So many terms are added up at a time: those
   of a tile of A stay in the first cache, or in the second, from which tiles are read fast enough. So
   many bytes of B lie beside the copies of A, which vectors may read from the third. What is copied
   is asked for so many rows, or terms of a row, ahead: rows until the next 32 of them are copied. */
#ifdef AMX
#define TERMS(k) (((k) + 31) / 32 * 32)
#define SIZE_OF_ROWS(k) (PLACES(k) * MLPCORE_ROWS)
enum { NAME(most_terms) = SLICES > 1 ? 512 : 1024, NAME(beside_copies) = 1 << 19 };
enum { NAME(rows_ahead) = 8, NAME(terms_ahead) = 64 };
#else
#define TERMS(k) (((k) + 1) / 2 * 2)
#define SIZE_OF_ROWS(k) ((PLACES(k) + 1) * LANES)
enum { NAME(most_terms) = 800, NAME(beside_copies) = 3 << 17 };
enum { NAME(rows_ahead) = 32, NAME(terms_ahead) = 128 };
#endif
#define PLACES(k) (TERMS(k) / 2 * SLICES)

/* Where a slice of the p-th term is, p even. */
#define PLACE(p, slice) (((p) / 32 * SLICES + (slice)) * 16 + (p) % 32 / 2)

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
    if (n >= LANES) return _mm512_loadu_ps(from);
    return _mm512_maskz_loadu_ps(n <= 0 ? 0 : (__mmask16)((1 << n) - 1), from);
}

#if SLICES > 1
/* slice = the slices of x. The first is cut off: rounded, the largest x would become infinite. */
TARGET MLPCORE_INLINE void NAME(slices)(__m512 x, __m512 *slice)
{
    const __m512i upper = _mm512_set1_epi32((int)0xffff0000), half = _mm512_set1_epi32(0x8000);
    slice[0] = (__m512)_mm512_and_si512((__m512i)x, upper);
    x = _mm512_sub_ps(x, slice[0]);
    slice[1] = (__m512)_mm512_and_si512(_mm512_add_epi32((__m512i)x, half), upper);
    slice[2] = _mm512_sub_ps(x, slice[1]);
}
#else
TARGET MLPCORE_INLINE void NAME(slices)(__m512 x, __m512 *slice) { slice[0] = x; }
#endif

/* Up to 32 adjoining terms, of which n are there, in slices. */
TARGET MLPCORE_INLINE void NAME(adjoining)(const float *from, ptrdiff_t n, NAME(vector) *pairs)
{
    __m512 first[SLICES], second[SLICES];
    NAME(slices)(NAME(load)(from, n), first);
    NAME(slices)(NAME(load)(from + LANES, n - LANES), second);
    for (int s = 0; s < SLICES; s++)
        pairs[s] = (NAME(vector))_mm512_cvtne2ps_pbh(second[s], first[s]);
}

/* Two terms of 16 columns, in slices. */
TARGET MLPCORE_INLINE void NAME(pairs)(__m512 first, __m512 second, NAME(vector) *pairs)
{
#if SLICES > 1
    __m512 a[SLICES], b[SLICES];
    NAME(slices)(first, a);
    NAME(slices)(second, b);
    for (int s = 0; s < SLICES; s++)
        pairs[s] = (NAME(vector))_mm512_or_si512(_mm512_srli_epi32((__m512i)a[s], 16), (__m512i)b[s]);
#else
    short order[2 * LANES];
    for (int c = 0; c < 2 * LANES; c++) order[c] = (short)(c / 2 + c % 2 * LANES);
    pairs[0] = (NAME(vector))_mm512_permutexvar_epi16(
        _mm512_loadu_si512(order), (__m512i)_mm512_cvtne2ps_pbh(second, first));
#endif
}

/* Up to 16 columns of two rows, or of one and zeros. */
TARGET MLPCORE_INLINE void NAME(pairs_of_rows)(const float *from, ptrdiff_t stride, ptrdiff_t n,
                                               int has_second, NAME(vector) *pairs)
{
    NAME(pairs)(NAME(load)(from, n), NAME(load)(from + stride, has_second ? n : 0), pairs);
}

/* As copy_transposed in _operands_level.h; zero beyond width and k. */
TARGET static void NAME(copy_transposed)(const float *B, ptrdiff_t stride, ptrdiff_t k,
                                         ptrdiff_t width, float *to, ptrdiff_t padded)
{
    for (ptrdiff_t c = 0; c < padded; c += LANES)
        for (ptrdiff_t p = 0; p < TERMS(k); p += LANES) {
            FLOATS(vector) row[LANES];
            for (int r = 0; r < LANES; r++) {
                const float *from = B + (c + r) * stride + p;
                MLPCORE_PREFETCH(from + NAME(terms_ahead));
                row[r] = (FLOATS(vector))NAME(load)(from, c + r < width ? k - p : 0);
            }
            FLOATS(transpose)(row);
            for (int r = 0; r < LANES && p + r < TERMS(k); r += 2) {
                NAME(vector) pairs[SLICES];
                NAME(pairs)((__m512)row[r], (__m512)row[r + 1], pairs);
                for (int s = 0; s < SLICES; s++)
                    *(NAME(vector) *)(to + (PLACE(p, s) + r / 2) * padded + c) = pairs[s];
            }
        }
}

/* As copy there, 32 terms of a panel after those of another. */
TARGET static void NAME(copy)(const float *B, ptrdiff_t stride, int is_transposed, ptrdiff_t k,
                              ptrdiff_t width, ptrdiff_t step, float *to, ptrdiff_t padded,
                              ptrdiff_t size)
{
    enum { AHEAD = NAME(rows_ahead) };
    for (ptrdiff_t j = 0; j < width && is_transposed; j += step, to += size)
        NAME(copy_transposed)(B + j * stride, stride, k, width - j < step ? width - j : step, to,
                              padded);
    for (ptrdiff_t from = 0; from < TERMS(k) && !is_transposed; from += 32)
        for (ptrdiff_t j = 0; j < width; j += step)
            for (ptrdiff_t p = from; p < from + 32 && p < TERMS(k); p += 2)
                for (ptrdiff_t c = 0; c < padded; c += LANES) {
                    const float *row = B + p * stride + j + c;
                    float *panel = to + j / step * size + c;
                    NAME(vector) pairs[SLICES];
                    MLPCORE_PREFETCH(row + AHEAD * stride);
                    MLPCORE_PREFETCH(row + (AHEAD + 1) * stride);
                    NAME(pairs_of_rows)(row, stride, p < k ? width - j - c : 0, p + 1 < k, pairs);
                    for (int s = 0; s < SLICES; s++)
                        *(NAME(vector) *)(panel + PLACE(p, s) * padded) = pairs[s];
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
