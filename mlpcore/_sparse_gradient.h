/* What follows from the delta of a block's rows, X^T D, for one type T and one level; included by
   _sparse_level.h. */

/* The non-zeros of feature j in parts p to p_end; returns how many of them have some. */
TARGET MLPCORE_INLINE int NAME(terms_of_feature)(const mlpcore_sparse_job *job, ptrdiff_t j, int p,
                                                 int p_end, NAME(terms) *terms)
{
    int n_terms = 0;
    for (; p < p_end; p++) {
        const mlpcore_nonzeros *part = &job->parts[p];
        const ptrdiff_t begin = part->feature_start[j];
        const NAME(entry) *entry = (const NAME(entry) *)part->by_feature + begin;
        const NAME(terms) found = {&entry->row, &entry->value, part->feature_start[j + 1] - begin};
        if (found.nnz) terms[n_terms++] = found;
    }
    return n_terms;
}

/* A tile of columns of the delta, and the rule for the weights under them. The rows of so many
   parts are added up at once; sums to which more will be added wait where `kept` is. */
typedef struct {
    const T *columns;
    T *kept;
    NAME(tile) units;
    int part, part_end, is_last, skips_unmet;
    MLPCORE_SUFFIX(mlpcore_rule, S) rule;
} NAME(tile_of_delta);

/* X^T D and what follows, for feature j and a tile of N vectors of columns. */
TARGET MLPCORE_INLINE void NAME(gradient_of_feature)(const int N, const mlpcore_sparse_job *job,
                                                     const NAME(tile_of_delta) *tile, ptrdiff_t j,
                                                     T *sum)
{
    const ptrdiff_t at = j * job->n_units + tile->units.first;
    T *w = (T *)job->d_W + at, *first = (T *)job->first + at, *second = (T *)job->second + at;
    NAME(terms) terms[MLPCORE_MOST_PARTS];
    const int n_terms = NAME(terms_of_feature)(job, j, tile->part, tile->part_end, terms);
    NAME(sum_rows)(N, 1, tile->columns, N * LANES, (N - 1) * LANES, terms, n_terms, tile->part > 0,
                   sum);
    if (!tile->is_last) return;
    if (tile->units.n == N * LANES)
        MLPCORE_SUFFIX(mlpcore_apply, S)(&tile->rule, N * LANES, sum, w, first, second);
    else
        MLPCORE_SUFFIX(mlpcore_apply, S)(&tile->rule, tile->units.n, sum, w, first, second);
}

/* The same for features `from` to `to` of a list of n. */
TARGET MLPCORE_INLINE void NAME(gradient_of_features)(const int N, const mlpcore_sparse_job *job,
                                                      const NAME(tile_of_delta) *tile,
                                                      const int32_t *list, ptrdiff_t n,
                                                      ptrdiff_t from, ptrdiff_t to)
{
    const ptrdiff_t size = sizeof(T);
    const ptrdiff_t step = tile->part > 0 || !tile->is_last ? N * LANES : 0;
    for (ptrdiff_t k = from; k < to; k++) {
        if (k + MLPCORE_AHEAD < n && tile->is_last)
            mlpcore_prefetch_rows(job->d_W, tile->skips_unmet ? job->first : NULL,
                                  tile->skips_unmet ? job->second : NULL,
                                  size * (list[k + MLPCORE_AHEAD] * job->n_units + tile->units.first),
                                  size * tile->units.n);
        NAME(gradient_of_feature)(N, job, tile, list[k], tile->kept + (k - from) * step);
    }
}

/* How many rows of the delta are worth a pass over the features of their own: all, where the sums
   would be stored more often than they are added to. */
TARGET MLPCORE_INLINE ptrdiff_t NAME(rows_at_once)(const mlpcore_sparse_job *job)
{
    enum { FEW_ENTRIES = 8 };
    ptrdiff_t nnz = 0;
    for (int p = 0; p < *job->n_parts; p++) nnz += job->parts[p].nnz;
    return nnz < FEW_ENTRIES * job->n_features ? job->n_rows : MLPCORE_ROWS_AT_ONCE;
}

/* The same, for parts of the rows after parts whose tiles are small enough. */
TARGET static void NAME(gradient_by_parts)(const mlpcore_sparse_job *job, NAME(tile_of_delta) *tile,
                                           const int32_t *list, ptrdiff_t n, ptrdiff_t from,
                                           ptrdiff_t to)
{
    enum { MOST = NAME(gradient_vectors) };
    const int n_parts = *job->n_parts;
    const ptrdiff_t most = NAME(rows_at_once)(job);
    for (int p = 0, end; p < n_parts; p = end) {
        ptrdiff_t n_rows = job->parts[p].n_rows;
        for (end = p + 1; end < n_parts; end++) {
            n_rows += job->parts[end].n_rows;
            if (n_rows > most) break;
        }
        tile->part = p, tile->part_end = end, tile->is_last = end == n_parts;
        FOR_EACH_WIDTH(tile->units.vectors, gradient_of_features, job, tile, list, n, from, to)
    }
}

/* The tiles of the delta. */
TARGET MLPCORE_INLINE NAME(tiles) NAME(tiles_of_delta)(const mlpcore_sparse_job *job)
{
    const int most = (int)job->delta_bytes / VECTOR_BYTES;
    return NAME(tiles_of)(0, job->n_units,
                          most < NAME(gradient_vectors) ? most : NAME(gradient_vectors));
}

/* A tile of the delta where the thread's own caches have it. */
TARGET static void NAME(take_delta)(const mlpcore_sparse_job *job, const NAME(tile) *units,
                                    T *columns)
{
    NAME(copy_columns)((const T *)job->Z + units->first, job->z_stride, job->n_rows, units->n,
                       units->vectors * LANES, columns);
}

/* The sum of its rows, of which the thread that has the first features takes care. */
TARGET static void NAME(sum_delta)(const mlpcore_sparse_job *job, const NAME(tile) *units,
                                   const T *restrict columns)
{
    T *restrict sum = (T *)job->sums + units->first;
    memcpy(sum, columns, (size_t)units->n * sizeof(T));
    for (ptrdiff_t i = 1; i < job->n_rows; i++)
        for (ptrdiff_t c = 0; c < units->n; c++) sum[c] += columns[i * units->vectors * LANES + c];
}

/* Many units: two threads share the tiles, and some features of a tile. */
TARGET static void NAME(gradient_by_units)(const mlpcore_sparse_job *job, NAME(tile_of_delta) *tile,
                                           T *columns, const int32_t *list, ptrdiff_t n_features,
                                           int t, int n_threads)
{
    enum { FEATURES = 128 };
    const NAME(tiles) tiles = NAME(tiles_of_delta)(job);
    const ptrdiff_t n_pieces = n_features > 0 ? (n_features + FEATURES - 1) / FEATURES : 1;
    mlpcore_runs runs = mlpcore_runs_of(job, tiles.n, n_pieces, t, n_threads);
    int taken = -1;
    while (mlpcore_next_run(&runs)) {
        const ptrdiff_t from = runs.from * FEATURES, to = runs.to * FEATURES;
        tile->units = NAME(tile_at)(&tiles, runs.tile);
        if (runs.tile != taken) NAME(take_delta)(job, &tile->units, columns);
        if (from == 0) NAME(sum_delta)(job, &tile->units, columns);
        NAME(gradient_by_parts)(job, tile, list, n_features, from, to < n_features ? to : n_features);
        taken = runs.tile;
    }
}

/* Few units: some of the features are a thread's; two that share them meet anew in each tile. */
TARGET static void NAME(gradient_by_features)(const mlpcore_sparse_job *job,
                                              NAME(tile_of_delta) *tile, T *columns,
                                              const int32_t *list, mlpcore_walk walk, int t)
{
    enum { PIECE = 16 };
    const NAME(tiles) tiles = NAME(tiles_of_delta)(job);
    for (int i = 0; i < tiles.n; i++) {
        mlpcore_walk of_tile = walk;
        if (walk.n_taken) of_tile.n_taken += i;
        tile->units = NAME(tile_at)(&tiles, i);
        NAME(take_delta)(job, &tile->units, columns);
        if (t == 0) NAME(sum_delta)(job, &tile->units, columns);
        while (mlpcore_next_piece(&of_tile, PIECE))
            NAME(gradient_by_parts)(job, tile, list, walk.n, of_tile.from, of_tile.to);
    }
}

/* To features without non-zeros nothing may be added, or their step waits. */
TARGET static void NAME(mlpcore_sparse_gradient)(const mlpcore_sparse_job *job, int t,
                                                 int n_threads)
{
    T *columns = (T *)(job->rooms + t * job->room_size);
    int32_t *list = job->lists + t * (job->n_features + 1);
    const int by_units = job->n_units >= MLPCORE_MANY_UNITS;
    NAME(tile_of_delta) tile = {columns, columns + job->n_rows * NAME(gradient_vectors) * LANES};
    tile.rule = MLPCORE_SUFFIX(mlpcore_new_rule, S)(job->update);
    tile.skips_unmet = job->others_wait || (tile.rule.kind == MLPCORE_ADD && tile.rule.keep == 1);
    const mlpcore_walk walk = mlpcore_walk_of(job, by_units, tile.skips_unmet, t, n_threads, list);
    if (by_units)
        NAME(gradient_by_units)(job, &tile, columns, list, walk.n, t, n_threads);
    else
        NAME(gradient_by_features)(job, &tile, columns, list, walk, t);
}

