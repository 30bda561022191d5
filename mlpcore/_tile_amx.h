/* The processor's own tiles, included by _dense_level.h: registers of 16 rows of 64 bytes. Four hold
   the sums of up to 32 rows by one or two vectors, two the rows of A and two those of B. One
   instruction multiplies what two of them hold: 32 terms of each of 256 sums. */

/* Before a thread uses tiles it says how large they are; until it lets go of them, the system keeps
   them for it. */
TARGET static void NAME(begin)(void)
{
    struct {
        unsigned char palette, start_row, reserved[14];
        unsigned short row_bytes[16];
        unsigned char rows[16];
    } shapes;
    memset(&shapes, 0, sizeof shapes);
    shapes.palette = 1;
    for (int i = 0; i < 8; i++) shapes.row_bytes[i] = 64, shapes.rows[i] = 16;
    _tile_loadconfig(&shapes);
}

TARGET static void NAME(end)(void) { _tile_release(); }

/* As copy_rows in _operands_bfloat16.h; 16 places of a row adjoin, and so do those of 16 rows, which
   are a tile; those of other slices follow. Memory is read along its rows, whichever way they lie. */
TARGET static void NAME(copy_rows)(const float *A, ptrdiff_t stride, int is_transposed, ptrdiff_t k,
                                   ptrdiff_t n, float *to, ptrdiff_t size)
{
    const ptrdiff_t high = (n + LANES - 1) / LANES, wide = TERMS(k) / 32;
    for (ptrdiff_t tile = 0; tile < high * wide; tile++) {
        const ptrdiff_t i = (is_transposed ? tile % high : tile / wide) * LANES;
        const ptrdiff_t p = (is_transposed ? tile / high : tile % wide) * 2 * LANES;
        float *at = to + i / MLPCORE_ROWS * size + (i / LANES % 2 * PLACES(k) + PLACE(p, 0)) * LANES;
        NAME(vector) row[SLICES][LANES], pairs[SLICES];
        for (int r = 0; r < LANES; r++) {
            const ptrdiff_t q = p + 2 * r;
            const float *from = A + (is_transposed ? q * stride + i : (i + r) * stride + p);
            MLPCORE_PREFETCH(from + 4 * LANES);
            MLPCORE_PREFETCH(from + 4 * LANES + (is_transposed ? stride : LANES));
            if (is_transposed)
                NAME(pairs_of_rows)(from, stride, q < k ? n - i : 0, q + 1 < k, pairs);
            else
                NAME(adjoining)(from, i + r < n ? k - p : 0, pairs);
            for (int s = 0; s < SLICES; s++) row[s][r] = pairs[s];
        }
        for (int s = 0; s < SLICES; s++) {
            if (is_transposed) FLOATS(transpose)(row[s]);
            for (int r = 0; r < LANES; r++)
                *(NAME(vector) *)(at + (PLACE(0, s) + r) * LANES) = row[s][r];
        }
    }
}

TARGET MLPCORE_INLINE void NAME(begin_sums)(void)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

TARGET MLPCORE_INLINE void NAME(load_rows)(int rows, const float *A, ptrdiff_t half)
{
    _tile_loadd(4, A, 64);
    if (rows > LANES) _tile_loadd(5, A + half, 64);
}

TARGET MLPCORE_INLINE void NAME(load_columns)(int vectors, const float *B)
{
    const ptrdiff_t stride = vectors * 64;
    _tile_loadd(6, B, stride);
    if (vectors == 2) _tile_loadd(7, B + LANES, stride);
}

TARGET MLPCORE_INLINE void NAME(add_products)(int rows, int vectors)
{
    _tile_dpbf16ps(0, 4, 6);
    if (vectors == 2) _tile_dpbf16ps(1, 4, 7);
    if (rows > LANES) _tile_dpbf16ps(2, 5, 6);
    if (rows > LANES && vectors == 2) _tile_dpbf16ps(3, 5, 7);
}

/* Add 32 terms to the sums; the other 16 rows of A lie `half` behind the first. Of nine products of
   slices the last three are less than what a sum is rounded by; the largest comes last, and from each
   to the next one slice stays. */
TARGET MLPCORE_INLINE void NAME(add_terms)(int rows, int vectors, const float *A, ptrdiff_t half,
                                           const float *B)
{
#if SLICES > 1
    const ptrdiff_t slice = LANES * LANES, slice_of_B = vectors * slice;
    NAME(load_rows)(rows, A + 2 * slice, half);
    NAME(load_columns)(vectors, B);
    NAME(add_products)(rows, vectors);
    NAME(load_rows)(rows, A + slice, half);
    NAME(add_products)(rows, vectors);
    NAME(load_columns)(vectors, B + slice_of_B);
    NAME(add_products)(rows, vectors);
    NAME(load_rows)(rows, A, half);
    NAME(add_products)(rows, vectors);
    NAME(load_columns)(vectors, B + 2 * slice_of_B);
    NAME(add_products)(rows, vectors);
    NAME(load_columns)(vectors, B);
#else
    NAME(load_rows)(rows, A, half);
    NAME(load_columns)(vectors, B);
#endif
    NAME(add_products)(rows, vectors);
}

/* out (rows, vectors) = the sums; its rows lie `apart` apart. */
TARGET MLPCORE_INLINE void NAME(end_sums)(int rows, int vectors, float *out, ptrdiff_t apart)
{
    const ptrdiff_t stride = apart * (ptrdiff_t)sizeof(float);
    float *lower = out + LANES * apart;
    _tile_stored(0, out, stride);
    if (vectors == 2) _tile_stored(1, out + LANES, stride);
    if (rows > LANES) _tile_stored(2, lower, stride);
    if (rows > LANES && vectors == 2) _tile_stored(3, lower + LANES, stride);
}
