/* a = f(X W + b) of the non-zeros of a block's rows, for one type T and one level; included by
   _sparse_level.h. */

/* The biases of a tile of units from `from` on, in whole vectors. */
TARGET static void NAME(tile_biases)(const mlpcore_sparse_job *job, ptrdiff_t from, int vectors,
                                     T *bias)
{
    const T *b = job->b;
    for (ptrdiff_t c = 0; c < vectors * LANES; c++)
        bias[c] = from + c < job->n_units ? b[(from + c) * job->b_step] : 0;
}

/* z = f(sum + b) for units from `done` to `stop`; the sums are those from `from` on. */
TARGET static void NAME(finish_row)(const mlpcore_sparse_job *job, ptrdiff_t from, ptrdiff_t done,
                                    ptrdiff_t stop, int vectors, const T *restrict bias,
                                    T *restrict sum, T *restrict z)
{
    for (ptrdiff_t c = 0; c < vectors * LANES; c++) sum[c] += bias[c];
    MLPCORE_SUFFIX(mlpcore_row_forward, S)(job->activation, vectors * LANES, sum);
    for (ptrdiff_t c = done; c < stop; c++) z[c] = sum[c - from];
}

/* sum = sum_k sum_g value_kg row(G index_k + g), over N vectors; row(j) = A + j stride, none after
   `last_row`. The last vector begins at `last`, so that it may end where the row does, and overlap
   the one before; or the sums are added to what stands there, side by side. */
TARGET MLPCORE_INLINE void NAME(sum_rows)(const int N, const int G, const T *A, ptrdiff_t stride,
                                          ptrdiff_t last_row, ptrdiff_t last,
                                          const NAME(terms) *terms, int adds, T *out)
{
#if defined(_MSC_VER)
    for (int v = 0; v < last + LANES && !adds; v++) out[v] = 0;
#else
    NAME(lanes) sum[NAME(forward_vectors)];
    for (int v = 0; v < N; v++)
        sum[v] = adds ? *(const NAME(lanes) *)(out + v * LANES) : (NAME(lanes)){0};
#endif
    for (ptrdiff_t k = 0; k < terms->n; k++)
        for (int g = 0; g < G; g++) {
            const ptrdiff_t j = G * (ptrdiff_t)terms->index[k] + g;
            const T *from = A + (g > 0 && j > last_row ? last_row : j) * stride;
            const T x = terms->values[G * k + g];
#if defined(_MSC_VER)
            for (int v = 0; v < last + LANES; v++) out[v] += x * from[v];
#else
            for (int v = 0; v < N - 1; v++)
                sum[v] += x * *(const NAME(lanes) *)(from + v * LANES);
            sum[N - 1] += x * *(const NAME(lanes) *)(from + last);
#endif
        }
#if !defined(_MSC_VER)
    for (int v = 0; v < N - 1; v++) *(NAME(lanes) *)(out + v * LANES) = sum[v];
    *(NAME(lanes) *)(out + last) = sum[N - 1];
#endif
}

/* The entries of a part's i-th row in n stretches of features from one on. */
TARGET MLPCORE_INLINE NAME(terms) NAME(terms_of_row)(const mlpcore_sparse_job *job,
                                                     const mlpcore_nonzeros *part, ptrdiff_t i,
                                                     ptrdiff_t stretch, ptrdiff_t n)
{
    const ptrdiff_t row = (part->first_row + i) * (job->n_stretches + 1);
    const int32_t *start = part->row_start + row + stretch;
    const NAME(terms) terms = {part->group + start[0],
                               (const T *)part->values + job->per_group * start[0],
                               start[n] - start[0]};
    return terms;
}

/* a = f(X W + b) for the rows of a part, and units from first to end: W is read where it lies. */
TARGET static void NAME(forward_part)(const mlpcore_sparse_job *job, const mlpcore_nonzeros *part,
                                      ptrdiff_t first, ptrdiff_t end)
{
    enum { MOST = NAME(forward_vectors) };
    const T *W = job->W;
    ptrdiff_t from, last, stop;
    T bias[MOST * LANES], sum[MOST * LANES] = {0};
    for (ptrdiff_t done = first; done < end; done = stop) {
        const int vectors = NAME(next_tile)(done, end, job->n_units, MOST, &from, &last, &stop);
        NAME(tile_biases)(job, from, vectors, bias);
        for (ptrdiff_t i = 0; i < part->n_rows; i++) {
            const NAME(terms) terms = NAME(terms_of_row)(job, part, i, 0, job->n_stretches);
            if (job->per_group == MLPCORE_PAIR)
                FOR_EACH_WIDTH(vectors, sum_rows, MLPCORE_PAIR, W + from, job->n_units,
                               job->n_features - 1, last, &terms, 0, sum)
            else
                FOR_EACH_WIDTH(vectors, sum_rows, 1, W + from, job->n_units, job->n_features - 1,
                               last, &terms, 0, sum)
            NAME(finish_row)(job, from, done, stop, vectors, bias, sum,
                             (T *)job->Z + (part->first_row + i) * job->z_stride);
        }
    }
}

/* Rows of a block, and those to gather next: rows of the block after this one, which come from
   memory meanwhile, with the rows of the same number. */
typedef struct {
    ptrdiff_t first, end, ahead, ahead_end;
} NAME(rows);

/* Add the entries of stretch s of some rows to their sums (rows, N LANES); W holds N vectors of
   each feature of the stretch. Meanwhile the next stretch of the tile comes nearer. */
TARGET MLPCORE_INLINE void NAME(add_stretch)(const int N, const int G,
                                             const mlpcore_sparse_job *job, const NAME(rows) *rows,
                                             ptrdiff_t s, const T *W, const NAME(panel) *next,
                                             T *sums)
{
    const ptrdiff_t from = s * MLPCORE_STRETCH, after = from + MLPCORE_STRETCH;
    const ptrdiff_t to = after < job->n_features ? after : job->n_features;
    const ptrdiff_t n_rows = rows->end - rows->first;
    ptrdiff_t n_done = 0, asked = 0;
    for (int p = 0; p < *job->n_parts; p++) {
        const mlpcore_nonzeros *part = &job->parts[p];
        ptrdiff_t i = rows->first - part->first_row, end = rows->end - part->first_row;
        for (i = i > 0 ? i : 0; i < end && i < part->n_rows; i++, sums += N * LANES) {
            const ptrdiff_t row = part->first_row + i;
            const NAME(terms) terms = NAME(terms_of_row)(job, part, i, s, 1);
            if (row >= rows->ahead && row < rows->ahead_end) {
                const NAME(bytes) x = NAME(bytes_of_row)(job, job->next[row], from, to);
                mlpcore_prefetch_row(x.at, x.n);
            }
            for (n_done++; asked * n_rows < n_done * next->n; asked++)
                mlpcore_prefetch_row(NAME(row_of_panel)(next, asked), N * LANES * sizeof(T));
            NAME(sum_rows)(N, G, W - from * N * LANES, N * LANES, job->n_features - 1,
                           (N - 1) * LANES, &terms, s > 0, sums);
        }
    }
}

/* What stretch s adds to the sums (rows, tile) of some rows, and after the last one what follows. */
TARGET static void NAME(stretch_of_rows)(const mlpcore_sparse_job *job, const NAME(tile) *tile,
                                         const NAME(rows) *rows, ptrdiff_t s, const T *W,
                                         const NAME(panel) *next, T *sums)
{
    enum { MOST = NAME(forward_vectors) };
    T bias[MOST * LANES];
    if (job->per_group == MLPCORE_PAIR)
        FOR_EACH_WIDTH(tile->vectors, add_stretch, MLPCORE_PAIR, job, rows, s, W, next, sums)
    else
        FOR_EACH_WIDTH(tile->vectors, add_stretch, 1, job, rows, s, W, next, sums)
    if (s + 1 < job->n_stretches) return;
    NAME(tile_biases)(job, tile->first, tile->vectors, bias);
    for (ptrdiff_t row = rows->first; row < rows->end; row++, sums += tile->vectors * LANES)
        NAME(finish_row)(job, tile->first, tile->first, tile->first + tile->n, tile->vectors, bias,
                         sums, (T *)job->Z + row * job->z_stride);
}

/* A tile, stretch by stretch, so that W stays in the first cache for all rows. It is copied, unless
   it is packed. `sums` is for all rows from the first of the stages on; a piece of them has its
   place there in every tile, however wide, as the other thread may still be at the one before. */
TARGET static void NAME(forward_tile)(const mlpcore_sparse_job *job, const NAME(tile) *tile,
                                      NAME(rows) rows, mlpcore_stages *stages, int t, T *copy,
                                      T *sums)
{
    enum { ROW = NAME(forward_vectors) * LANES };
    for (ptrdiff_t s = 0; s < job->n_stretches; s++) {
        const NAME(panel) panel = NAME(panel_of)(job, tile, s, t);
        const T *W = job->packed ? panel.W : copy;
        NAME(panel) next = NAME(panel_of)(job, tile, s + 1, t);
        if (!job->packed) NAME(copy_panel)(&panel, tile, copy);
        while (mlpcore_next_in_stage(stages)) {
            rows.first = stages->from, rows.end = stages->to;
            NAME(stretch_of_rows)(job, tile, &rows, s, W, &next,
                                  sums + (rows.first - stages->first) * ROW);
            if (rows.end > rows.first) next.n = 0;
        }
    }
}

/* A thread's room: for a copy of W, for its own sums, and for those that it shares. */
TARGET MLPCORE_INLINE T *NAME(room_for_W)(const mlpcore_sparse_job *job, int t)
{
    return (T *)(job->rooms + t * job->room_size);
}

TARGET MLPCORE_INLINE T *NAME(room_for_sums)(const mlpcore_sparse_job *job, int t, int are_shared)
{
    const ptrdiff_t before = MLPCORE_STRETCH + (are_shared ? job->n_rows : 0);
    return NAME(room_for_W)(job, t) + before * NAME(forward_vectors) * LANES;
}

/* No rows yet; of the block after this one, those that thread t will gather. */
TARGET MLPCORE_INLINE NAME(rows) NAME(rows_ahead)(const mlpcore_sparse_job *job, int t,
                                                  int n_threads)
{
    const int has_part = n_threads > 1 && !job->is_private;
    const mlpcore_nonzeros *own = &job->parts[has_part && t < *job->n_parts ? t : 0];
    const ptrdiff_t end = has_part ? own->first_row + own->n_rows : job->n_rows;
    const NAME(rows) rows = {0, 0, own->first_row, end < job->n_next ? end : job->n_next};
    return rows;
}

/* Tiles of W that is packed: two threads share them, and some rows of a tile. */
TARGET static void NAME(forward_packed)(const mlpcore_sparse_job *job, int t, int n_threads)
{
    enum { ROWS = 64 };
    const NAME(tiles) tiles = NAME(tiles_of)(0, job->n_units, NAME(forward_vectors));
    const ptrdiff_t n_pieces = (job->n_rows + ROWS - 1) / ROWS;
    NAME(rows) rows = NAME(rows_ahead)(job, t, n_threads);
    mlpcore_runs runs = mlpcore_runs_of(job, tiles.n, n_pieces, t, n_threads);
    while (mlpcore_next_run(&runs)) {
        const NAME(tile) tile = NAME(tile_at)(&tiles, runs.tile);
        const ptrdiff_t end = runs.to * ROWS < job->n_rows ? runs.to * ROWS : job->n_rows;
        mlpcore_stages stages = mlpcore_stages_of_one(runs.from * ROWS, end);
        NAME(forward_tile)(job, &tile, rows, &stages, t, NULL, NAME(room_for_sums)(job, t, 0));
        rows.ahead_end = 0;
    }
}

/* How a thread computes tiles of W as it lies: of many units two threads have a slice, each some
   tiles of it, for all rows, and between them lies one whose rows they share; of few units they
   share the rows of all tiles. */
typedef struct {
    NAME(tiles) tiles;
    int n_own; /* tiles of each of them */
    mlpcore_stages rows_of_own, shared_rows;
} NAME(division);

TARGET MLPCORE_INLINE NAME(division) NAME(division_of)(const mlpcore_sparse_job *job, int by_units,
                                                       int t, int n_threads)
{
    const int sharing = mlpcore_sharing(n_threads), together = t / sharing, of = n_threads / sharing;
    const ptrdiff_t first = by_units ? NAME(slice)(job->n_units, together, of) : 0;
    const ptrdiff_t end = by_units ? NAME(slice)(job->n_units, together + 1, of) : job->n_units;
    NAME(division) division = {NAME(tiles_of)(first, end, NAME(forward_vectors)), 0};
    division.rows_of_own = mlpcore_stages_of_one(0, job->n_rows);
    if (!by_units) {
        division.shared_rows = mlpcore_stages_of(job->shared, job->n_rows, 3, t, n_threads);
        return division;
    }
    if (sharing > 1 && division.tiles.n > 1) division.tiles.n |= 1;
    division.n_own = sharing > 1 ? division.tiles.n / 2 : division.tiles.n;
    division.shared_rows = mlpcore_stages_of(job->shared + together, job->n_rows, 0, t % sharing,
                                             sharing);
    return division;
}

/* A thread's own tiles, from its side, then those whose rows it shares. Their sums lie in the room
   of the first of the two threads. */
TARGET static void NAME(forward_copied)(const mlpcore_sparse_job *job, int by_units, int t,
                                        int n_threads)
{
    const int sharing = mlpcore_sharing(n_threads), is_last = t % sharing;
    NAME(division) division = NAME(division_of)(job, by_units, t, n_threads);
    const int n_own = division.n_own, n_shared = division.tiles.n - sharing * n_own;
    const NAME(rows) all = {0, 0, 0, job->n_next};
    NAME(rows) rows = by_units ? NAME(rows_ahead)(job, t, n_threads) : all;
    for (int i = 0; i < n_own + n_shared; i++) {
        const int is_own = i < n_own;
        const NAME(tile) tile =
            NAME(tile_at)(&division.tiles, is_own && is_last ? division.tiles.n - 1 - i : i);
        NAME(forward_tile)(job, &tile, rows, is_own ? &division.rows_of_own : &division.shared_rows,
                           t, NAME(room_for_W)(job, t),
                           NAME(room_for_sums)(job, is_own ? t : t - is_last, !is_own));
        rows.ahead_end = 0;
    }
}

/* Few rows, and those of CSR, which are one stretch, do not pay for a copy of W. */
TARGET static void NAME(mlpcore_sparse_forward)(const mlpcore_sparse_job *whole, int t,
                                                int n_threads)
{
    enum { FEW_ROWS = 24 };
    const mlpcore_sparse_job own = mlpcore_job_of(whole, t), *job = &own;
    const int n_parts = *job->n_parts;
    const int by_units = n_parts != n_threads || job->n_units >= MLPCORE_MANY_UNITS;
    const ptrdiff_t n_rows = by_units ? job->n_rows : job->n_rows / n_threads;
    const ptrdiff_t first = by_units ? NAME(slice)(job->n_units, t, n_threads) : 0;
    const ptrdiff_t end = by_units ? NAME(slice)(job->n_units, t + 1, n_threads) : job->n_units;
    if (job->packed)
        NAME(forward_packed)(job, t, n_threads);
    else if (job->n_stretches > 1 && n_rows > FEW_ROWS)
        NAME(forward_copied)(job, by_units, t, n_threads);
    else
        for (int p = by_units ? 0 : t; p < (by_units ? n_parts : t + 1); p++)
            NAME(forward_part)(job, &job->parts[p], first, end);
}

/* Row i of X through the layer into the first row of Z, by one thread, its non-zeros in the
   first part: for a few rows of a prediction, where nothing else is worth a preparation. A
   layer narrower than a vector is added up in memory. */
TARGET static void NAME(mlpcore_walk_row)(const mlpcore_sparse_job *job, ptrdiff_t i)
{
    mlpcore_nonzeros *part = job->parts;
    const ptrdiff_t n = job->n_units;
    const T *W = job->W, *b = job->b, *value = part->values;
    T *z = job->Z;
    part->first_row = part->row_start[0] = 0;
    part->n_rows = 1;
    part->row_start[1] = (int32_t)NAME(gather_row)(job, i, part->row_start, part->group,
                                                   (T *)part->values, NULL);
    if (n >= LANES) {
        NAME(forward_part)(job, part, 0, n);
        return;
    }
    T sum[LANES] = {0};
    for (int32_t k = 0; k < part->row_start[1]; k++)
        for (ptrdiff_t c = 0; c < n; c++) sum[c] += value[k] * W[part->group[k] * n + c];
    for (ptrdiff_t c = 0; c < n; c++) sum[c] += b[c * job->b_step];
    MLPCORE_SUFFIX(mlpcore_row_forward, S)(job->activation, LANES, sum);
    for (ptrdiff_t c = 0; c < n; c++) z[c] = sum[c];
}

