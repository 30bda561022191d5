/* The non-zeros of some rows of X, by row and by feature, for one type T and one level;
   included by _sparse_level.h.

   First the positions are found: each is written in any case and counted, in its row and for
   its feature, if it holds no zero, so that there is no branch to miss. There is room for a
   vector more. Whether a value is zero is asked once: another thread may write to X meanwhile,
   and both counts must agree. Where nothing is converted, values move with their positions. */

#if defined(__AVX512F__) || defined(MLPCORE_X86_LEVELS)
#include <immintrin.h>
#endif

#define POSITIONS(x)                                                                       \
    for (; j < n; j++) {                                                                   \
        const int found = (x)[j] != 0;                                                     \
        feature[k] = (int32_t)j;                                                           \
        if (moved) moved[k] = (float)(x)[j];                                               \
        if (count) count[j] += found;                                                      \
        k += found;                                                                        \
    }

#if VECTOR_BYTES == 64
/* Sixteen at a time: what a mask selects is moved together. */
#define POSITIONS_AT_ONCE(mask, move)                                                      \
    for (; j + 16 <= n; j += 16) {                                                         \
        const __mmask16 found = (mask);                                                    \
        const __m512i at = _mm512_add_epi32(_mm512_set1_epi32((int)j), places);            \
        if (count) {                                                                       \
            const __m512i so_far = _mm512_loadu_si512(count + j);                          \
            _mm512_storeu_si512(count + j, _mm512_mask_add_epi32(so_far, found, so_far, one)); \
        }                                                                                  \
        _mm512_storeu_si512(feature + k, _mm512_maskz_compress_epi32(found, at));          \
        move;                                                                              \
        k += __builtin_popcount(found);                                                    \
    }
#elif VECTOR_BYTES == 32
/* Eight at a time, -1 where there is something: a table says where what is selected goes. */
#define POSITIONS_AT_ONCE(hit, move)                                                       \
    for (; j + 8 <= n; j += 8, now = _mm256_add_epi32(now, eight)) {                       \
        const __m256i is_found = (hit);                                                    \
        const int found = _mm256_movemask_ps(_mm256_castsi256_ps(is_found));               \
        const __m256i places =                                                             \
            _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)mlpcore_places[found])); \
        if (count) {                                                                       \
            const __m256i so_far = _mm256_loadu_si256((const __m256i *)(count + j));       \
            _mm256_storeu_si256((__m256i *)(count + j), _mm256_sub_epi32(so_far, is_found)); \
        }                                                                                  \
        _mm256_storeu_si256((__m256i *)(feature + k), _mm256_add_epi32(now, places));      \
        move;                                                                              \
        k += __builtin_popcount((unsigned)found);                                          \
    }
#endif

/* Where row i of X, which is dense, is not zero from feature j to n, counted for each unless
   count is NULL; what stands there goes to `moved`, which is NULL unless X is of float32.
   Returns how many places there are. */
TARGET static ptrdiff_t NAME(find_nonzeros)(const mlpcore_sparse_job *job, ptrdiff_t i,
                                            ptrdiff_t j, ptrdiff_t n, int32_t *feature,
                                            float *moved, int32_t *count)
{
    const ptrdiff_t at = i * job->n_features;
    const unsigned char *u8 = (const unsigned char *)job->X + at;
    const float *f32 = (const float *)job->X + at;
    const double *f64 = (const double *)job->X + at;
    ptrdiff_t k = 0;
#if VECTOR_BYTES == 64
    const __m512i one = _mm512_set1_epi32(1);
    const __m512i places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m128i no_bytes = _mm_setzero_si128();
    const __m512 none = _mm512_setzero_ps();
    const __m512d no_doubles = _mm512_setzero_pd();
    __m512 x;
    if (job->x_type == MLPCORE_UINT8)
        POSITIONS_AT_ONCE(
            _mm_cmpneq_epu8_mask(_mm_loadu_si128((const __m128i *)(u8 + j)), no_bytes), (void)0)
    else if (job->x_type == MLPCORE_FLOAT32)
        POSITIONS_AT_ONCE(
            _mm512_cmp_ps_mask(x = _mm512_loadu_ps(f32 + j), none, _CMP_NEQ_UQ),
            if (moved) _mm512_storeu_ps(moved + k, _mm512_maskz_compress_ps(found, x)))
    else
        POSITIONS_AT_ONCE(
            (__mmask16)(_mm512_cmp_pd_mask(_mm512_loadu_pd(f64 + j), no_doubles, _CMP_NEQ_UQ)
                        | _mm512_cmp_pd_mask(_mm512_loadu_pd(f64 + j + 8), no_doubles, _CMP_NEQ_UQ)
                              << 8),
            (void)0)
#elif VECTOR_BYTES == 32
    const __m256i eight = _mm256_set1_epi32(8), nothing = _mm256_setzero_si256();
    const __m256 none = _mm256_setzero_ps();
    const __m256d no_doubles = _mm256_setzero_pd();
    __m256i now = _mm256_set1_epi32((int)j);
    __m256 x;
    if (job->x_type == MLPCORE_UINT8)
        POSITIONS_AT_ONCE(
            _mm256_cmpgt_epi32(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(u8 + j))),
                               nothing),
            (void)0)
    else if (job->x_type == MLPCORE_FLOAT32)
        POSITIONS_AT_ONCE(
            _mm256_castps_si256(_mm256_cmp_ps(x = _mm256_loadu_ps(f32 + j), none, _CMP_NEQ_UQ)),
            if (moved) _mm256_storeu_ps(moved + k, _mm256_permutevar8x32_ps(x, places)))
    else
        POSITIONS_AT_ONCE(
            _mm256_permute4x64_epi64(
                _mm256_castps_si256(_mm256_shuffle_ps(
                    _mm256_castpd_ps(
                        _mm256_cmp_pd(_mm256_loadu_pd(f64 + j), no_doubles, _CMP_NEQ_UQ)),
                    _mm256_castpd_ps(
                        _mm256_cmp_pd(_mm256_loadu_pd(f64 + j + 4), no_doubles, _CMP_NEQ_UQ)),
                    0x88)),
                0xd8),
            (void)0)
#endif
    if (job->x_type == MLPCORE_UINT8)
        POSITIONS(u8)
    else if (job->x_type == MLPCORE_FLOAT32)
        POSITIONS(f32)
    else
        POSITIONS(f64)
    return k;
}
#undef POSITIONS
#undef POSITIONS_AT_ONCE

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

/* The non-zeros of row i of X, scaled, counted by feature, and where each stretch of features
   begins among them; returns how many there are. */
TARGET static ptrdiff_t NAME(gather_row)(const mlpcore_sparse_job *job, ptrdiff_t i,
                                         int32_t *start, int32_t *feature, T *value, int32_t *count)
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
    if (job->csr_start) return NAME(gather_entries)(job, i, feature, value, count);
    for (ptrdiff_t s = 0; s < job->n_stretches; s++) {
        const ptrdiff_t stop = (s + 1) * MLPCORE_STRETCH;
        start[s] = start[0] + (int32_t)n;
        n += NAME(find_nonzeros)(job, i, s * MLPCORE_STRETCH,
                                 s + 1 < job->n_stretches ? stop : job->n_features, feature + n,
                                 moved ? moved + n : NULL, count);
    }
    if (moved)
        for (ptrdiff_t k = 0; k < n && scale != 1; k++) value[k] = (T)(scale * value[k]);
    else if (job->x_type == MLPCORE_UINT8)
        for (ptrdiff_t k = 0; k < n; k++) value[k] = table[u8[feature[k]]];
    else if (job->x_type == MLPCORE_FLOAT32)
        for (ptrdiff_t k = 0; k < n; k++) value[k] = (T)(scale * f32[feature[k]]);
    else
        for (ptrdiff_t k = 0; k < n; k++) value[k] = (T)(scale * f64[feature[k]]);
    return n;
}

/* An entry at once, if it is as short as a word whose lower half comes first: two stores take twice
   as long. */
TARGET MLPCORE_INLINE void NAME(put_entry)(int32_t row, const T *value, NAME(entry) *entry)
{
    uint32_t bits;
    uint64_t both;
    if (sizeof *entry != sizeof both || MLPCORE_BIG_ENDIAN) {
        entry->row = row;
        entry->value = *value;
        return;
    }
    memcpy(&bits, value, sizeof bits);
    both = (uint64_t)bits << 32 | (uint32_t)row;
    memcpy(entry, &both, sizeof both);
}

/* By feature, rows in order: a counting sort of what is counted. Row and value stand together, so
   that each feature has one place to write to. */
TARGET static void NAME(sort_by_feature)(const mlpcore_nonzeros *part, ptrdiff_t n_stretches,
                                         ptrdiff_t n_features)
{
    const int32_t *feature = part->feature, *row_start;
    const T *value = part->values;
    NAME(entry) *by_feature = part->by_feature;
    int32_t *start = part->feature_start;
    for (ptrdiff_t j = 0; j < n_features; j++) start[j + 1] += start[j];
    for (ptrdiff_t i = part->first_row; i < part->first_row + part->n_rows; i++) {
        row_start = part->row_start + i * (n_stretches + 1);
        for (int32_t k = row_start[0], end = row_start[n_stretches]; k < end; k++)
            NAME(put_entry)((int32_t)i, value + k, by_feature + start[feature[k]]++);
    }
    /* Every start has moved to its feature's end, which is the next one's start. */
    memmove(start + 1, start, (size_t)n_features * sizeof *start);
    start[0] = 0;
}

/* Ask for features `from` to `to` of row i of X, which is dense and lies anywhere. */
TARGET MLPCORE_INLINE void NAME(prefetch_row)(const mlpcore_sparse_job *job, ptrdiff_t i,
                                              ptrdiff_t from, ptrdiff_t to)
{
    const ptrdiff_t size = job->x_type == MLPCORE_UINT8 ? 1 : job->x_type == MLPCORE_FLOAT32 ? 4 : 8;
    const char *x = (const char *)job->X + i * job->n_features * size;
    mlpcore_prefetch_row(x + from * size, (to - from) * size);
}

/* Gather row i of the block after those that the part has; the one after it is asked for. */
TARGET static void NAME(gather_into)(const mlpcore_sparse_job *job, mlpcore_nonzeros *part,
                                     ptrdiff_t i)
{
    int32_t *start = part->row_start + i * (job->n_stretches + 1);
    if (i + 1 < job->n_rows && !job->csr_start)
        NAME(prefetch_row)(job, job->index[i + 1], 0, job->n_features);
    start[0] = (int32_t)part->nnz;
    part->nnz += NAME(gather_row)(job, job->index[i], start, part->feature + part->nnz,
                                  (T *)part->values + part->nnz, part->feature_start + 1);
    start[job->n_stretches] = (int32_t)part->nnz;
}

/* Part p: a share of the rows, and some of what it shares with another part. */
TARGET static void NAME(gather_part)(const mlpcore_sparse_job *job, int p, int n_parts)
{
    enum { PIECE = 4 };
    mlpcore_nonzeros *part = &job->parts[p];
    ptrdiff_t first;
    mlpcore_walk walk = mlpcore_walk_of_part(job->shared, job->n_rows, p, n_parts, &first);
    /* No thread has the rows in its cache: there is less to be gained by its own. */
    if (walk.n_taken) walk.own = walk.n / 4;
    part->n_rows = part->nnz = 0;
    memset(part->feature_start, 0, (size_t)(job->n_features + 1) * sizeof(int32_t));
    while (mlpcore_next_piece(&walk, PIECE)) {
        for (ptrdiff_t i = walk.from; i < walk.to; i++) NAME(gather_into)(job, part, first + i);
        part->n_rows += walk.to - walk.from;
        if (walk.n_walked == 1 || walk.is_last) part->first_row = first + walk.from;
    }
    NAME(sort_by_feature)(part, job->n_stretches, job->n_features);
}

TARGET static void NAME(mlpcore_sparse_gather)(const mlpcore_sparse_job *job, int t, int n_threads)
{
    const int n_parts = mlpcore_n_parts(n_threads);
    if (t == 0) *job->n_parts = n_parts;
    for (int p = t; p < n_parts; p += n_threads) NAME(gather_part)(job, p, n_parts);
}
