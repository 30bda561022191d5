/* The operands of a product for one type T and one level, included by _dense_level.h: vectors
   of them, and copies of some columns, adjoining and padded with zeros. */

#define SLICES 1      /* of an operand: the operand */
#define PLACES(k) (k) /* that k terms of a sum take */

/* Terms that are added up at a time: so many of a tile's rows stay in the first cache, or nearly. */
enum { NAME(most_terms) = 4096 / sizeof(T) };

#if defined(_MSC_VER)
typedef struct { T lane[LANES]; } NAME(vector);
#else
typedef T NAME(vector) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T))));
#endif

#if !defined(_MSC_VER)
/* sum + a b. */
TARGET MLPCORE_INLINE NAME(vector) NAME(multiply_add)(NAME(vector) sum, T a, NAME(vector) b)
{
    return sum + a * b;
}
#endif

#if MLPCORE_SHUFFLES
typedef __typeof__((NAME(vector)){0} == (NAME(vector)){0}) NAME(places);

/* Exchange, in every pair of vectors s apart, what lies s places apart. */
TARGET MLPCORE_INLINE void NAME(exchange)(const int s, NAME(vector) *row)
{
    NAME(places) low, high;
    for (int c = 0; c < LANES; c++) low[c] = c & s ? LANES + c - s : c;
    for (int c = 0; c < LANES; c++) high[c] = c & s ? LANES + c : c + s;
    for (int r = 0; r < LANES && s < LANES; r++) {
        const NAME(vector) a = row[r], b = row[(r + s) % LANES];
        if (r & s) continue;
        row[r] = __builtin_shuffle(a, b, low);
        row[r + s] = __builtin_shuffle(a, b, high);
    }
}

/* row (LANES, LANES) = row^T. */
TARGET MLPCORE_INLINE void NAME(transpose)(NAME(vector) *row)
{
    NAME(exchange)(1, row);
    NAME(exchange)(2, row);
    NAME(exchange)(4, row);
    NAME(exchange)(8, row);
}
#endif

/* k terms of `width` columns, which lie in B as rows. */
TARGET MLPCORE_INLINE void NAME(copy_transposed)(const T *B, ptrdiff_t stride, ptrdiff_t k,
                                                 ptrdiff_t width, T *to, ptrdiff_t padded)
{
    for (ptrdiff_t c = 0; c < width; c += LANES) {
        const ptrdiff_t end = c + LANES < width ? c + LANES : width;
        ptrdiff_t p = 0;
#if MLPCORE_SHUFFLES
        for (; p + LANES <= k && end - c == LANES; p += LANES) {
            NAME(vector) row[LANES];
            for (int r = 0; r < LANES; r++) {
                row[r] = *(const NAME(vector) *)(B + (c + r) * stride + p);
                MLPCORE_PREFETCH(B + (c + r) * stride + p + 4 * LANES);
            }
            NAME(transpose)(row);
            for (int r = 0; r < LANES; r++) *(NAME(vector) *)(to + (p + r) * padded + c) = row[r];
        }
#endif
        for (; p < k; p++)
            for (ptrdiff_t r = c; r < end; r++) to[p * padded + r] = B[r * stride + p];
    }
}

/* k terms of `width` columns of B, (k, width) in memory, or (width, k) if it is transposed, in
   panels of `step` columns and room for `padded`, which lie `size` apart. */
TARGET static void NAME(copy)(const T *B, ptrdiff_t stride, int is_transposed, ptrdiff_t k,
                              ptrdiff_t width, ptrdiff_t step, T *to, ptrdiff_t padded,
                              ptrdiff_t size)
{
    enum { AHEAD = 8 }; /* rows that are asked for: they lie too far apart to be foreseen */
    for (ptrdiff_t p = 0; p < k && width < padded; p++)
        memset(to + p * padded + width, 0, (size_t)(padded - width) * sizeof(T));
    if (is_transposed)
        for (ptrdiff_t j = 0; j < width; j += step, to += size)
            NAME(copy_transposed)(B + j * stride, stride, k, width < step ? width : step, to,
                                  padded);
    else if (width >= 2 * LANES)
        for (ptrdiff_t p = 0; p < k; p++)
            for (ptrdiff_t j = 0; j < width; j += 2 * LANES) {
                const NAME(vector) *row = (const NAME(vector) *)(B + p * stride + j);
                NAME(vector) *copy = (NAME(vector) *)(to + p * 2 * LANES + j / (2 * LANES) * size);
                copy[0] = row[0];
                copy[1] = row[1];
                MLPCORE_PREFETCH(B + (p + AHEAD) * stride + j);
                MLPCORE_PREFETCH(B + (p + AHEAD) * stride + j + LANES);
            }
    else
        for (ptrdiff_t p = 0; p < k; p++)
            for (ptrdiff_t c = 0; c < width; c++) to[p * padded + c] = B[p * stride + c];
}
