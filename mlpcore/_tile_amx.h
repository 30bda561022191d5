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
   are a tile. Memory is read along its rows, whichever way they lie. */
TARGET static void NAME(copy_rows)(const float *A, ptrdiff_t stride, int is_transposed, ptrdiff_t k,
                                   ptrdiff_t n, float *to, ptrdiff_t size)
{
    const ptrdiff_t high = (n + LANES - 1) / LANES, wide = PLACES(k) / LANES;
    for (ptrdiff_t tile = 0; tile < high * wide; tile++) {
        const ptrdiff_t i = (is_transposed ? tile % high : tile / wide) * LANES;
        const ptrdiff_t p = (is_transposed ? tile / high : tile % wide) * 2 * LANES;
        float *at = to + i / MLPCORE_ROWS * size + (i / LANES % 2 * PLACES(k) + p / 2) * LANES;
        NAME(vector) row[LANES];
        for (int r = 0; r < LANES; r++) {
            const ptrdiff_t q = p + 2 * r;
            const float *from = A + (is_transposed ? q * stride + i : (i + r) * stride + p);
            MLPCORE_PREFETCH(from + 4 * LANES);
            MLPCORE_PREFETCH(from + 4 * LANES + (is_transposed ? stride : LANES));
            row[r] = is_transposed ? NAME(pairs)(from, from + stride, q < k ? n - i : 0, q + 1 < k)
                                   : NAME(adjoining)(from, i + r < n ? k - p : 0);
        }
        if (is_transposed) FLOATS(transpose)(row);
        for (int r = 0; r < LANES; r++) *(NAME(vector) *)(at + r * LANES) = row[r];
    }
}

TARGET MLPCORE_INLINE void NAME(begin_sums)(void)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

/* Add 32 terms to the sums; the other 16 rows of A lie `half` behind the first. */
TARGET MLPCORE_INLINE void NAME(add_terms)(int rows, int vectors, const float *A, ptrdiff_t half,
                                           const float *B)
{
    const ptrdiff_t stride = vectors * 64;
    _tile_loadd(6, B, stride);
    _tile_loadd(4, A, 64);
    _tile_dpbf16ps(0, 4, 6);
    if (vectors == 2) {
        _tile_loadd(7, B + LANES, stride);
        _tile_dpbf16ps(1, 4, 7);
    }
    if (rows > LANES) {
        _tile_loadd(5, A + half, 64);
        _tile_dpbf16ps(2, 5, 6);
        if (vectors == 2) _tile_dpbf16ps(3, 5, 7);
    }
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
