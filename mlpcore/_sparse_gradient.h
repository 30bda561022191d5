/* What follows from the delta of a block's rows, X^T D, for one type T and one level; included by
   _sparse_level.h. */

/* The entries of group j in parts p to p_end; returns how many of them have some. */
TARGET MLPCORE_INLINE int NAME(terms_of_group)(const int G, const mlpcore_sparse_job *job,
                                               ptrdiff_t j, int p, int p_end, NAME(terms) *terms)
{
    int n_terms = 0;
    for (; p < p_end; p++) {
        const mlpcore_nonzeros *part = &job->parts[p];
        const ptrdiff_t begin = part->group_start[j];
        const T *entry = (const T *)part->by_group + MLPCORE_ENTRY(G) * begin;
        const NAME(terms) found = {(const int32_t *)entry, entry + 1,
                                   part->group_start[j + 1] - begin};
        if (found.n) terms[n_terms++] = found;
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
    int thread, n_threads;
    MLPCORE_SUFFIX(mlpcore_rule, S) rule;
} NAME(tile_of_delta);

/* sum_g = sum_k value_kg column(index_k), for G features, n numbers each; or they are added to what
   stands there. What lies beyond the n of one is overwritten by the next. */
TARGET MLPCORE_INLINE void NAME(sum_columns)(const int N, const int G, const T *columns,
                                             const NAME(terms) *terms, int n_terms, int adds,
                                             ptrdiff_t n, T *out)
{
    enum { INDEX = sizeof(T) / sizeof(int32_t) };
#if defined(_MSC_VER)
    for (ptrdiff_t v = 0; v < G * n && !adds; v++) out[v] = 0;
#else
    NAME(lanes) sum[MLPCORE_PAIR * NAME(gradient_vectors)];
    for (int g = 0; g < G; g++)
        for (int v = 0; v < N; v++)
            sum[g * N + v] =
                adds ? *(const NAME(lanes) *)(out + g * n + v * LANES) : (NAME(lanes)){0};
#endif
    for (int s = 0; s < n_terms; s++)
        for (ptrdiff_t k = 0; k < MLPCORE_ENTRY(G) * terms[s].n; k += MLPCORE_ENTRY(G)) {
            const T *from = columns + (ptrdiff_t)terms[s].index[k * INDEX] * N * LANES;
            const T *x = terms[s].values + k;
#if defined(_MSC_VER)
            for (ptrdiff_t v = 0; v < G * n; v++) out[v] += x[v / n] * from[v % n];
#else
            for (int v = 0; v < N; v++) {
                NAME(lanes) column = *(const NAME(lanes) *)(from + v * LANES);
                if (G > 1) MLPCORE_READ_ONCE(column);
                for (int g = 0; g < G; g++) sum[g * N + v] += x[g] * column;
            }
#endif
        }
#if !defined(_MSC_VER)
    for (int g = 0; g < G; g++)
        for (int v = 0; v < N; v++) *(NAME(lanes) *)(out + g * n + v * LANES) = sum[g * N + v];
#endif
}

/* Publish a tile of N vectors of the weights of `size` features of group j. Who has the first tile is
   named: another thread may have the next one. */
TARGET MLPCORE_INLINE void NAME(publish_group)(const int N, const int G,
                                               const mlpcore_sparse_job *job,
                                               const NAME(tile_of_delta) *tile, ptrdiff_t j,
                                               ptrdiff_t size, const T *w)
{
    const mlpcore_published *published = &job->of_W;
    T *to = (T *)published->rows + G * j * published->stride + tile->units.first;
    for (ptrdiff_t f = 0; f < size; f++, w += job->n_units, to += published->stride) {
        if (tile->units.first == 0)
            mlpcore_name_publisher(published, G * j + f, tile->thread, tile->n_threads);
        if (tile->n_threads == 1) continue;
        for (int v = 0; v < N - 1; v++) NAME(stream)(w + v * LANES, to + v * LANES);
        NAME(stream)(w + tile->units.n - LANES, to + (N - 1) * LANES);
    }
}

/* X^T D and what follows, for the features of group j and a tile of N vectors of columns. If these
   are all units, the weights of both features lie side by side. */
TARGET MLPCORE_INLINE void NAME(gradient_of_group)(const int N, const int G,
                                                   const mlpcore_sparse_job *job,
                                                   const NAME(tile_of_delta) *tile, ptrdiff_t j,
                                                   T *sum)
{
    NAME(terms) terms[MLPCORE_MOST_PARTS];
    const int n_terms = NAME(terms_of_group)(G, job, j, tile->part, tile->part_end, terms);
    const ptrdiff_t left = job->n_features - G * j, size = left < G ? left : G;
    const ptrdiff_t at = G * j * job->n_units + tile->units.first, units = tile->units.n;
    T *w = (T *)job->d_W + at, *first = (T *)job->first + at, *second = (T *)job->second + at;
    NAME(sum_columns)(N, G, tile->columns, terms, n_terms, tile->part > 0, units, sum);
    if (!tile->is_last) return;
    if (units == job->n_units)
        MLPCORE_SUFFIX(mlpcore_apply, S)(MLPCORE_FUSES, &tile->rule, size * units, sum, w, first,
                                         second);
    for (ptrdiff_t f = 0; f < size && units < job->n_units; f++) {
        if (units == N * LANES)
            MLPCORE_SUFFIX(mlpcore_apply, S)(MLPCORE_FUSES, &tile->rule, N * LANES, sum, w, first,
                                             second);
        else
            MLPCORE_SUFFIX(mlpcore_apply, S)(MLPCORE_FUSES, &tile->rule, units, sum, w, first,
                                             second);
        sum += units, w += job->n_units, first += job->n_units, second += job->n_units;
    }
    if (job->of_W.rows) NAME(publish_group)(N, G, job, tile, j, size, (const T *)job->d_W + at);
}

/* Ask for the weights of a group, and for the moments of one that lies anywhere. */
TARGET MLPCORE_INLINE void NAME(prefetch_group)(const int G, const mlpcore_sparse_job *job,
                                                const NAME(tile_of_delta) *tile, ptrdiff_t j)
{
    const ptrdiff_t size = sizeof(T);
    for (ptrdiff_t f = G * j; f < G * (j + 1) && f < job->n_features; f++)
        mlpcore_prefetch_rows(job->d_W, tile->skips_unmet ? job->first : NULL,
                              tile->skips_unmet ? job->second : NULL,
                              size * (f * job->n_units + tile->units.first), size * tile->units.n);
}

/* The same for groups `from` to `to` of a list of n. */
TARGET MLPCORE_INLINE void NAME(gradient_of_groups)(const int N, const int G,
                                                    const mlpcore_sparse_job *job,
                                                    const NAME(tile_of_delta) *tile,
                                                    const int32_t *list, ptrdiff_t n,
                                                    ptrdiff_t from, ptrdiff_t to)
{
    const ptrdiff_t step = tile->part > 0 || !tile->is_last ? G * N * LANES : 0;
    for (ptrdiff_t k = from; k < to; k++) {
        if (k + MLPCORE_AHEAD / G < n && tile->is_last)
            NAME(prefetch_group)(G, job, tile, list[k + MLPCORE_AHEAD / G]);
        NAME(gradient_of_group)(N, G, job, tile, list[k], tile->kept + (k - from) * step);
    }
}

/* The same, the constants told from the job and the tile. */
TARGET static void NAME(gradient_by_width)(const mlpcore_sparse_job *job,
                                           const NAME(tile_of_delta) *tile, const int32_t *list,
                                           ptrdiff_t n, ptrdiff_t from, ptrdiff_t to)
{
    if (job->per_group == MLPCORE_PAIR) {
        enum { MOST = NAME(pair_vectors) };
        FOR_EACH_WIDTH(tile->units.vectors, gradient_of_groups, MLPCORE_PAIR, job, tile, list, n,
                       from, to)
    } else {
        enum { MOST = NAME(gradient_vectors) };
        FOR_EACH_WIDTH(tile->units.vectors, gradient_of_groups, 1, job, tile, list, n, from, to)
    }
}

/* How many rows of the delta are worth a pass over the groups of their own: all, where the sums
   would be stored more often than they are added to. */
TARGET MLPCORE_INLINE ptrdiff_t NAME(rows_at_once)(const mlpcore_sparse_job *job)
{
    enum { FEW_ENTRIES = 8 };
    ptrdiff_t n_entries = 0;
    for (int p = 0; p < *job->n_parts; p++) n_entries += job->parts[p].n_entries;
    return n_entries < FEW_ENTRIES * job->n_groups ? job->n_rows : MLPCORE_ROWS_AT_ONCE;
}

/* The same, for parts of the rows after parts whose tiles are small enough. */
TARGET static void NAME(gradient_by_parts)(const mlpcore_sparse_job *job, NAME(tile_of_delta) *tile,
                                           const int32_t *list, ptrdiff_t n, ptrdiff_t from,
                                           ptrdiff_t to)
{
    const int n_parts = *job->n_parts;
    const ptrdiff_t most = NAME(rows_at_once)(job);
    for (int p = 0, end; p < n_parts; p = end) {
        ptrdiff_t n_rows = job->parts[p].n_rows;
        for (end = p + 1; end < n_parts; end++) {
            n_rows += job->parts[end].n_rows;
            if (n_rows > most) break;
        }
        tile->part = p, tile->part_end = end, tile->is_last = end == n_parts;
        NAME(gradient_by_width)(job, tile, list, n, from, to);
    }
}

/* The tiles of the delta. */
TARGET MLPCORE_INLINE NAME(tiles) NAME(tiles_of_delta)(const mlpcore_sparse_job *job)
{
    const int most = (int)job->delta_bytes / VECTOR_BYTES;
    const int in_registers =
        job->per_group == MLPCORE_PAIR ? NAME(pair_vectors) : NAME(gradient_vectors);
    return NAME(tiles_of)(0, job->n_units, most < in_registers ? most : in_registers);
}

/* A tile of the delta where the thread's own caches have it. */
TARGET static void NAME(take_delta)(const mlpcore_sparse_job *job, const NAME(tile) *units, int t,
                                    T *columns)
{
    const ptrdiff_t padded = units->vectors * LANES;
    for (ptrdiff_t i = 0; i < job->n_rows; i++) {
        const T *row = mlpcore_is_published(&job->of_Z, i, t)
                           ? (const T *)job->of_Z.rows + i * job->of_Z.stride
                           : (const T *)job->Z + i * job->z_stride;
        row += units->first;
        NAME(copy_row)(row, row + units->n - LANES, units->n, padded, columns + i * padded);
    }
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

/* Many units: two threads share the tiles, and some groups of features of a tile. */
TARGET static void NAME(gradient_by_units)(const mlpcore_sparse_job *job, NAME(tile_of_delta) *tile,
                                           T *columns, const int32_t *list, ptrdiff_t n_groups,
                                           int t, int n_threads)
{
    const ptrdiff_t groups = 128 / job->per_group;
    const NAME(tiles) tiles = NAME(tiles_of_delta)(job);
    const ptrdiff_t n_pieces = n_groups > 0 ? (n_groups + groups - 1) / groups : 1;
    mlpcore_runs runs = mlpcore_runs_of(job, tiles.n, n_pieces, t, n_threads);
    int taken = -1;
    while (mlpcore_next_run(&runs)) {
        const ptrdiff_t from = runs.from * groups, to = runs.to * groups;
        tile->units = NAME(tile_at)(&tiles, runs.tile);
        if (runs.tile != taken) NAME(take_delta)(job, &tile->units, t, columns);
        if (from == 0) NAME(sum_delta)(job, &tile->units, columns);
        NAME(gradient_by_parts)(job, tile, list, n_groups, from, to < n_groups ? to : n_groups);
        taken = runs.tile;
    }
}

/* Few units: some of the groups are a thread's; two that share them meet anew in each tile. */
TARGET static void NAME(gradient_by_groups)(const mlpcore_sparse_job *job,
                                              NAME(tile_of_delta) *tile, T *columns,
                                              const int32_t *list, mlpcore_walk walk, int t)
{
    const ptrdiff_t piece = 16 / job->per_group;
    const NAME(tiles) tiles = NAME(tiles_of_delta)(job);
    for (int i = 0; i < tiles.n; i++) {
        mlpcore_walk of_tile = walk;
        if (walk.n_taken) of_tile.n_taken += i;
        tile->units = NAME(tile_at)(&tiles, i);
        NAME(take_delta)(job, &tile->units, t, columns);
        if (t == 0) NAME(sum_delta)(job, &tile->units, columns);
        while (mlpcore_next_piece(&of_tile, piece))
            NAME(gradient_by_parts)(job, tile, list, walk.n, of_tile.from, of_tile.to);
    }
}

/* To groups without non-zeros nothing may be added, or their step waits. */
TARGET static void NAME(mlpcore_sparse_gradient)(const mlpcore_sparse_job *whole, int t,
                                                 int n_threads)
{
    mlpcore_sparse_job own = mlpcore_job_of(whole, t), *job = &own;
    mlpcore_nonzeros parts[MLPCORE_MOST_PARTS];
    mlpcore_take_published(job, parts, t);
    T *columns = (T *)(job->rooms + t * job->room_size);
    int32_t *list = job->lists + t * (job->n_groups + 1);
    const int by_units = job->n_units >= MLPCORE_MANY_UNITS;
    NAME(tile_of_delta) tile = {columns, columns + job->n_rows * NAME(gradient_vectors) * LANES};
    tile.rule = MLPCORE_SUFFIX(mlpcore_new_rule, S)(job->update);
    tile.thread = t, tile.n_threads = n_threads;
    tile.skips_unmet = job->others_wait || (tile.rule.kind == MLPCORE_ADD && tile.rule.keep == 1);
    const mlpcore_walk walk = mlpcore_walk_of(job, by_units, tile.skips_unmet, t, n_threads, list);
    if (by_units)
        NAME(gradient_by_units)(job, &tile, columns, list, walk.n, t, n_threads);
    else
        NAME(gradient_by_groups)(job, &tile, columns, list, walk, t);
    NAME(all_streamed)();
}

