/* A tile of a product for one type T and one level, included by _dense_level.h: some rows by one
   or two vectors of sums, which stay in registers. */

/* What is done to the sums of a tile in registers: they begin with a bias of each row if there
   is one, relu follows them, or their derivative, told from a (rows, vectors). */
typedef struct {
    const T *bias;
    ptrdiff_t bias_step;
    int relu;
    const T *a;
} NAME(ends);

#if !defined(_MSC_VER)
typedef __typeof__((NAME(vector)){0} == (NAME(vector)){0}) NAME(mask);

/* A row of sums to begin with. */
TARGET MLPCORE_INLINE NAME(vector) NAME(first_sum)(int adds, const NAME(ends) *ends, int i,
                                                   const T *out)
{
    NAME(vector) sum = {0};
    if (ends && ends->bias) return sum + ends->bias[i * ends->bias_step];
    return adds ? *(const NAME(vector) *)out : sum;
}

/* What becomes of a row of sums; a NaN stays one. */
TARGET MLPCORE_INLINE NAME(vector) NAME(last_sum)(const NAME(ends) *ends, NAME(vector) sum,
                                                  const T *a)
{
    if (ends && ends->relu) return (NAME(vector))((NAME(mask))sum & ~(sum < 0));
    if (!ends || !ends->a) return sum;
    return (NAME(vector))((NAME(mask))sum & (*(const NAME(vector) *)a != 0));
}
#endif

/* What is asked for while a tile is added up, as it follows: rows of up to three arrays, of which the
   first `written` are written to as well. All at once, they would hold the sums up; spread over them
   they come from memory unnoticed, or from threads that have read them. */
typedef struct {
    int n, written;
    const char *at[3];
    ptrdiff_t stride[3], last; /* bytes: between rows, and to the last one of a row */
} NAME(ahead);

MLPCORE_INLINE void NAME(prefetch_row)(const NAME(ahead) *ahead, ptrdiff_t i)
{
    for (int s = 0; s < ahead->n; s++) {
        const char *row = ahead->at[s] + i * ahead->stride[s];
        for (ptrdiff_t part = 0; part <= 2; part++)
            if (s < ahead->written)
                MLPCORE_PREFETCH_TO_WRITE(row + ahead->last * part / 2);
            else
                MLPCORE_PREFETCH(row + ahead->last * part / 2);
    }
}

#if !defined(_MSC_VER)
/* Where the next terms of the rows of A lie. A high tile has more rows than there are registers: an
   address is the sum of a pointer, to the first row or the seventh after it, and a distance. */
typedef struct {
    const T *row[2];
    ptrdiff_t distance[7];
} NAME(high_rows);

MLPCORE_INLINE NAME(high_rows) NAME(rows_of)(const T *A, ptrdiff_t stride)
{
    NAME(high_rows) rows = {{A, A + 7 * stride}, {0}};
    for (int i = 1; i < 7; i++) rows.distance[i] = i * stride;
    return rows;
}

/* Add the p-th term to the sums of a tile, whose row of B may be copied. Loops that must not stay
   loops say so: otherwise the compiler unrolls them after it has given the sums places in memory. */
TARGET MLPCORE_INLINE void NAME(add_term)(const int rows, const int vectors, const int transposed,
                                          const T *A, ptrdiff_t a_stride, NAME(high_rows) *high,
                                          const T *B, ptrdiff_t b_stride, ptrdiff_t p,
                                          const int asks, T *copy, NAME(vector) (*sum)[2])
{
    enum { AHEAD = 8, IS_HIGH = MLPCORE_ROWS > 7 };
    NAME(vector) b[2];
    /* A panel is longer than the first cache where tiles are high; rows that lie apart come late. */
    for (int v = 0; v < vectors && asks && (IS_HIGH || copy); v++)
        MLPCORE_PREFETCH(B + (p + AHEAD) * b_stride + v * LANES);
    for (int v = 0; v < vectors; v++) b[v] = *(const NAME(vector) *)(B + p * b_stride + v * LANES);
    for (int v = 0; v < vectors && copy; v++)
        *(NAME(vector) *)(copy + (p * vectors + v) * LANES) = b[v];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
        const T a = transposed ? A[p * a_stride + i]
                    : IS_HIGH  ? high->row[i / 7][high->distance[i % 7]]
                               : A[i * a_stride + p];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) sum[i][v] = NAME(multiply_add)(sum[i][v], a, b[v]);
    }
    high->row[0]++, high->row[1]++;
}
#endif

/* out (rows, vectors) = A (rows, k) B (k, vectors), or that added to what stands there; `ends`,
   `ahead` and `copy`, which receives B, may be NULL. The constants are known at each call. */
TARGET MLPCORE_INLINE void NAME(tile)(const int rows, const int vectors, const int transposed,
                                      ptrdiff_t k, const T *A, ptrdiff_t a_stride, const T *B,
                                      ptrdiff_t b_stride, int adds, const NAME(ends) *ends,
                                      const NAME(ahead) *ahead, T *copy, T *out)
{
#if defined(_MSC_VER)
    for (ptrdiff_t p = 0; p < k && copy; p++)
        memcpy(copy + p * vectors * LANES, B + p * b_stride, vectors * LANES * sizeof(T));
    for (int i = 0; i < rows; i++)
        for (int c = 0; c < vectors * LANES; c++) {
            const ptrdiff_t at = i * vectors * LANES + c;
            T sum = ends && ends->bias ? ends->bias[i * ends->bias_step] : adds ? out[at] : 0;
            for (ptrdiff_t p = 0; p < k; p++)
                sum += (transposed ? A[p * a_stride + i] : A[i * a_stride + p]) * B[p * b_stride + c];
            if (ends && ends->relu && sum < 0) sum = 0;
            out[at] = ends && ends->a && ends->a[at] == 0 ? 0 : sum;
        }
#else
    /* To count the terms of a low tile is an eighth of all instructions; short sums end too soon
       for two terms at a time to pay, and nothing is asked for ahead of them. */
    const int together = MLPCORE_ROWS < 12 && ahead ? 2 : 1;
    const int asks = ahead != NULL;
    NAME(vector) sum[MLPCORE_ROWS][2];
    const int parts = ahead && ahead->n ? rows : 1;
    ptrdiff_t p = 0;
    NAME(high_rows) high = NAME(rows_of)(A, a_stride);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            sum[i][v] = NAME(first_sum)(adds, ends, i, out + (i * vectors + v) * LANES);
    for (int part = 0; part < parts; part++) {
        const ptrdiff_t stop = part + 1 < parts ? k * (part + 1) / rows : k;
        if (ahead) NAME(prefetch_row)(ahead, part);
        for (; p + together <= stop; p += together) {
            NAME(add_term)(rows, vectors, transposed, A, a_stride, &high, B, b_stride, p, asks,
                           copy, sum);
            if (together == 2)
                NAME(add_term)(rows, vectors, transposed, A, a_stride, &high, B, b_stride, p + 1,
                               asks, copy, sum);
        }
        if (together == 2 && p < stop)
            NAME(add_term)(rows, vectors, transposed, A, a_stride, &high, B, b_stride, p++, asks,
                           copy, sum);
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            const ptrdiff_t at = (i * vectors + v) * LANES;
            *(NAME(vector) *)(out + at) =
                NAME(last_sum)(ends, sum[i][v], ends && ends->a ? ends->a + at : NULL);
        }
#endif
}

/* out (rows, vectors) = A_0 B_0 + A_1 B_1, of k terms each; of up to half as many rows as a tile
   has, for all sums to stay in registers. */
TARGET MLPCORE_INLINE void NAME(tile_of_two)(const int rows, const int vectors, ptrdiff_t k,
                                             const T *const *A, ptrdiff_t a_stride,
                                             const T *const *B, ptrdiff_t b_stride, T *out)
{
#if defined(_MSC_VER)
    for (int i = 0; i < rows; i++)
        for (int c = 0; c < vectors * LANES; c++) {
            T sum[2] = {0};
            for (int q = 0; q < 2; q++)
                for (ptrdiff_t p = 0; p < k; p++)
                    sum[q] += A[q][i * a_stride + p] * B[q][p * b_stride + c];
            out[i * vectors * LANES + c] = sum[0] + sum[1];
        }
#else
    NAME(vector) sum[2][MLPCORE_ROWS / 2][2] = {0}, b[2];
    NAME(high_rows) high = NAME(rows_of)(A[0], a_stride);
    high.row[1] = A[1];
    for (ptrdiff_t p = 0; p < k; p++, high.row[0]++, high.row[1]++)
#pragma GCC unroll 2
        for (int q = 0; q < 2; q++) {
            for (int v = 0; v < vectors; v++)
                b[v] = *(const NAME(vector) *)(B[q] + p * b_stride + v * LANES);
#pragma GCC unroll 16
            for (int i = 0; i < rows; i++) {
                const T a = high.row[q][high.distance[i]];
#pragma GCC unroll 2
                for (int v = 0; v < vectors; v++)
                    sum[q][i][v] = NAME(multiply_add)(sum[q][i][v], a, b[v]);
            }
        }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            *(NAME(vector) *)(out + (i * vectors + v) * LANES) = sum[0][i][v] + sum[1][i][v];
#endif
}

#define CASE(r)                                                                            \
    case r:                                                                                \
        if (r <= MLPCORE_ROWS)                                                             \
            NAME(tile)(r, vectors, transposed, k, A, a_stride, B, b_stride, adds, ends, ahead,   \
                       copy, out);                                                         \
        break;
TARGET MLPCORE_INLINE void NAME(tile_of)(int rows, const int vectors, const int transposed,
                                         ptrdiff_t k, const T *A, ptrdiff_t a_stride, const T *B,
                                         ptrdiff_t b_stride, int adds, const NAME(ends) *ends,
                                         const NAME(ahead) *ahead, T *copy, T *out)
{
    switch (rows) {
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
        CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
    }
}
#undef CASE
