/* The non-zeros of some rows of X, by row and by group of features, for one type T and one level;
   included by _sparse_level.h. */

#include "_find.h"

/* The entries of row i of a CSR matrix, scaled, counted by feature; returns how many. */
TARGET static ptrdiff_t NAME(gather_entries)(const mlpcore_sparse_job *job, ptrdiff_t i,
                                             int32_t *feature, T *value, int32_t *count)
{
    const ptrdiff_t at = job->csr_start[i], n = job->csr_start[i + 1] - at;
    const float *f32 = (const float *)job->X + at;
    const double *f64 = (const double *)job->X + at;
    const uint32_t last = (uint32_t)job->n_features - 1;
    /* Checked before, but another thread may have written to the matrix since. */
    for (ptrdiff_t k = 0; k < n; k++) {
        const uint32_t j = (uint32_t)job->csr_feature[at + k];
        feature[k] = (int32_t)(j < last ? j : last);
        if (count) count[feature[k]]++;
    }
    for (ptrdiff_t k = 0; k < n; k++)
        value[k] = (T)(job->scale * (job->x_type == MLPCORE_FLOAT32 ? f32[k] : f64[k]));
    return n;
}

/* Values of n groups, each f(its feature). */
#define VALUES(f)                                                                          \
    for (ptrdiff_t k = 0; k < n; k++) {                                                    \
        const ptrdiff_t j = G * (ptrdiff_t)group[k];                                       \
        for (int g = 0; g < G; g++)                                                        \
            value[G * k + g] = g == 0 || j + g < job->n_features ? f(j + g) : 0;           \
    }
#define OF_BYTE(j) table[u8[j]]
#define OF_FLOAT(j) (T)(scale * f32[j])
#define OF_DOUBLE(j) (T)(scale * f64[j])

/* The entries of row i of X, which is dense; see gather_row. */
TARGET MLPCORE_INLINE ptrdiff_t NAME(gather_groups)(const int G, const mlpcore_sparse_job *job,
                                                    ptrdiff_t i, int32_t *start, int32_t *group,
                                                    T *value, int32_t *count)
{
    const double scale = job->scale;
    const ptrdiff_t at = i * job->n_features;
    const T *table = job->table;
    const int moves = job->x_type == MLPCORE_FLOAT32 && sizeof(T) == sizeof(float);
    float *moved = moves ? (void *)value : NULL;
    const unsigned char *u8 = (const unsigned char *)job->X + at;
    const float *f32 = (const float *)job->X + at;
    const double *f64 = (const double *)job->X + at;
    ptrdiff_t n = 0;
    for (ptrdiff_t s = 0; s < job->n_stretches; s++) {
        const ptrdiff_t stop = (s + 1) * MLPCORE_STRETCH;
        start[s] = start[0] + (int32_t)n;
        n += NAME(find_groups)(G, job, i, s * MLPCORE_STRETCH,
                               s + 1 < job->n_stretches ? stop : job->n_features, group + n,
                               moved ? moved + G * n : NULL, count);
    }
    if (moved)
        for (ptrdiff_t k = 0; k < G * n && scale != 1; k++) value[k] = (T)(scale * value[k]);
    else if (job->x_type == MLPCORE_UINT8)
        VALUES(OF_BYTE)
    else if (job->x_type == MLPCORE_FLOAT32)
        VALUES(OF_FLOAT)
    else
        VALUES(OF_DOUBLE)
    return n;
}
#undef VALUES
#undef OF_BYTE
#undef OF_FLOAT
#undef OF_DOUBLE

/* The entries of row i of X, scaled, counted by group, and where each stretch of features begins
   among them; returns how many there are. */
TARGET static ptrdiff_t NAME(gather_row)(const mlpcore_sparse_job *job, ptrdiff_t i,
                                         int32_t *start, int32_t *group, T *value, int32_t *count)
{
    if (job->csr_start) return NAME(gather_entries)(job, i, group, value, count);
    if (job->per_group == MLPCORE_PAIR)
        return NAME(gather_groups)(MLPCORE_PAIR, job, i, start, group, value, count);
    return NAME(gather_groups)(1, job, i, start, group, value, count);
}

/* The row, in the place of a value, and G values: with the gap they are one store, and two would
   take twice as long. */
TARGET MLPCORE_INLINE void NAME(put_entry)(const int G, int32_t row, const T *values, T *entry)
{
    T of_row = 0;
    memcpy(&of_row, &row, sizeof row);
    const T whole[4] = {of_row, values[0], G > 1 ? values[1] : 0};
    memcpy(entry, whole, MLPCORE_ENTRY(G) * sizeof(T));
}

/* By group, rows in order: a counting sort of what is counted. Row and values stand together, so
   that each group has one place to write to. */
TARGET MLPCORE_INLINE void NAME(sort_by_group)(const int G, const mlpcore_nonzeros *part,
                                               ptrdiff_t n_stretches, ptrdiff_t n_groups)
{
    const int32_t *group = part->group, *row_start;
    const T *values = part->values;
    T *by_group = part->by_group;
    int32_t *start = part->group_start;
    for (ptrdiff_t j = 0; j < n_groups; j++) start[j + 1] += start[j];
    for (ptrdiff_t i = part->first_row; i < part->first_row + part->n_rows; i++) {
        row_start = part->row_start + i * (n_stretches + 1);
        for (int32_t k = row_start[0], end = row_start[n_stretches]; k < end; k++)
            NAME(put_entry)(G, (int32_t)i, values + G * k,
                            by_group + MLPCORE_ENTRY(G) * (ptrdiff_t)start[group[k]]++);
    }
    /* Every start has moved to its group's end, which is the next one's start. */
    memmove(start + 1, start, (size_t)n_groups * sizeof *start);
    start[0] = 0;
}

/* Where features `from` to `to` of row i of X are, which is dense and lies anywhere. */
typedef struct {
    const char *at;
    ptrdiff_t n;
} NAME(bytes);

TARGET MLPCORE_INLINE NAME(bytes) NAME(bytes_of_row)(const mlpcore_sparse_job *job, ptrdiff_t i,
                                                     ptrdiff_t from, ptrdiff_t to)
{
    const ptrdiff_t size = job->x_type == MLPCORE_UINT8 ? 1 : job->x_type == MLPCORE_FLOAT32 ? 4 : 8;
    const NAME(bytes) bytes = {(const char *)job->X + (i * job->n_features + from) * size,
                               (to - from) * size};
    return bytes;
}

/* Gather row i of the block after those that the part has. One that is to come is asked for: it may
   be near, but is not in the first cache. */
TARGET static void NAME(gather_into)(const mlpcore_sparse_job *job, mlpcore_nonzeros *part,
                                     ptrdiff_t i)
{
    enum { AHEAD = 2 };
    int32_t *start = part->row_start + i * (job->n_stretches + 1);
    if (i + AHEAD < job->n_rows && !job->csr_start) {
        const NAME(bytes) next = NAME(bytes_of_row)(job, job->index[i + AHEAD], 0, job->n_features);
        for (ptrdiff_t b = 0; b < next.n; b += 64) MLPCORE_PREFETCH(next.at + b);
    }
    start[0] = (int32_t)part->n_entries;
    part->n_entries += NAME(gather_row)(job, job->index[i], start, part->group + part->n_entries,
                                        (T *)part->values + job->per_group * part->n_entries,
                                        part->by_group ? part->group_start + 1 : NULL);
    start[job->n_stretches] = (int32_t)part->n_entries;
}

/* How part p of so many is walked, and the first of its rows: some of them it shares with another
   part, unless it is private. */
MLPCORE_INLINE mlpcore_walk NAME(walk_of_rows)(const mlpcore_sparse_job *job, int p, int n_parts,
                                               ptrdiff_t *first)
{
    mlpcore_walk walk;
    if (job->is_private) {
        *first = mlpcore_part(job->n_rows, p, n_parts);
        return mlpcore_new_walk(mlpcore_part(job->n_rows, p + 1, n_parts) - *first, NULL, 0);
    }
    walk = mlpcore_walk_of_part(job->shared, job->n_rows, p, n_parts, first);
    /* No thread has the rows in its cache: there is less to be gained by its own. */
    if (walk.n_taken) walk.own = walk.n / 4;
    return walk;
}

/* Part p of so many, by row, and by group if that is asked for. */
TARGET static void NAME(gather_part)(const mlpcore_sparse_job *job, mlpcore_nonzeros *part, int p,
                                     int n_parts)
{
    enum { PIECE = 4 };
    ptrdiff_t first;
    mlpcore_walk walk = NAME(walk_of_rows)(job, p, n_parts, &first);
    part->n_rows = part->n_entries = 0;
    if (part->by_group)
        memset(part->group_start, 0, (size_t)(job->n_groups + 1) * sizeof(int32_t));
    while (mlpcore_next_piece(&walk, PIECE)) {
        for (ptrdiff_t i = walk.from; i < walk.to; i++) NAME(gather_into)(job, part, first + i);
        part->n_rows += walk.to - walk.from;
        if (walk.n_walked == 1 || walk.is_last) part->first_row = first + walk.from;
    }
    if (!part->by_group) return;
    if (job->per_group == MLPCORE_PAIR)
        NAME(sort_by_group)(MLPCORE_PAIR, part, job->n_stretches, job->n_groups);
    else
        NAME(sort_by_group)(1, part, job->n_stretches, job->n_groups);
}

/* A copy of what is sorted, for other threads. */
TARGET static void NAME(publish_part)(const mlpcore_sparse_job *job, mlpcore_nonzeros *part)
{
    const size_t entry = (size_t)MLPCORE_ENTRY(job->per_group) * sizeof(T);
    NAME(stream_bytes)(part->group_start, (size_t)(job->n_groups + 1) * sizeof(int32_t),
                       part->published_start);
    NAME(stream_bytes)(part->by_group, (size_t)part->n_entries * entry, part->published);
    NAME(all_streamed)();
}

TARGET static void NAME(mlpcore_sparse_gather)(const mlpcore_sparse_job *job, int t, int n_threads)
{
    const int is_private = job->is_private;
    const int n_parts = is_private ? 2 : mlpcore_n_parts(n_threads);
    mlpcore_nonzeros *parts = job->parts + (is_private ? n_parts * t : 0);
    if (t == 0) *job->n_parts = n_parts, *job->n_copies = is_private ? n_threads : 1;
    for (int p = is_private ? 0 : t; p < n_parts; p += is_private ? 1 : n_threads) {
        NAME(gather_part)(job, &parts[p], p, n_parts);
        parts[p].gathered_by = t, parts[p].is_published = parts[p].published && n_threads > 1;
        if (parts[p].is_published) NAME(publish_part)(job, &parts[p]);
    }
}
