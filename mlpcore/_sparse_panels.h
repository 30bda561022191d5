/* W as the forward pass reads it, for one type T and one level; included by _sparse_level.h. */

/* Where a tile of W has a stretch of n features; their rows lie `stride` apart. Some of them a thread
   reads where others have published them. */
typedef struct {
    const T *W;
    ptrdiff_t stride, n;
    mlpcore_published of_W;
    int reader;
} NAME(panel);

TARGET MLPCORE_INLINE NAME(panel) NAME(panel_of)(const mlpcore_sparse_job *job,
                                                 const NAME(tile) *tile, ptrdiff_t stretch, int t)
{
    const ptrdiff_t from = stretch * MLPCORE_STRETCH, n = job->n_features - from;
    const ptrdiff_t width = tile->vectors * LANES;
    NAME(panel) panel = {(const T *)job->W + from * job->n_units + tile->first, job->n_units,
                         n < MLPCORE_STRETCH ? n : MLPCORE_STRETCH, job->of_W, t};
    if (job->packed) {
        panel.W = (const T *)job->packed + tile->first * job->n_features + from * width;
        panel.stride = width;
    } else if (panel.of_W.rows) {
        panel.of_W.rows = (T *)panel.of_W.rows + from * panel.of_W.stride + tile->first;
        panel.of_W.publishers += from;
    }
    return panel;
}

/* Where row i is to be read. */
TARGET MLPCORE_INLINE const T *NAME(row_of_panel)(const NAME(panel) *panel, ptrdiff_t i)
{
    return mlpcore_is_published(&panel->of_W, i, panel->reader)
               ? (const T *)panel->of_W.rows + i * panel->of_W.stride
               : panel->W + i * panel->stride;
}

/* A panel side by side. */
TARGET static void NAME(copy_panel)(const NAME(panel) *panel, const NAME(tile) *tile, T *copy)
{
    const ptrdiff_t padded = tile->vectors * LANES;
    for (ptrdiff_t i = 0; i < panel->n; i++, copy += padded) {
        const int is_published = mlpcore_is_published(&panel->of_W, i, panel->reader);
        const T *row = NAME(row_of_panel)(panel, i);
        NAME(copy_row)(row, row + (is_published ? padded : tile->n) - LANES, tile->n, padded, copy);
    }
}

/* W, tile after tile of all units; a thread packs some features. */
TARGET static void NAME(mlpcore_sparse_pack)(const mlpcore_sparse_job *job, int t, int n_threads)
{
    const NAME(tiles) tiles = NAME(tiles_of)(0, job->n_units, NAME(forward_vectors));
    const ptrdiff_t from = mlpcore_part(job->n_features, t, n_threads);
    const ptrdiff_t n = mlpcore_part(job->n_features, t + 1, n_threads) - from;
    for (int i = 0; i < tiles.n; i++) {
        const NAME(tile) tile = NAME(tile_at)(&tiles, i);
        const ptrdiff_t width = tile.vectors * LANES;
        NAME(copy_columns)((const T *)job->W + from * job->n_units + tile.first, job->n_units, n,
                           tile.n, width,
                           (T *)job->packed + tile.first * job->n_features + from * width);
    }
}
