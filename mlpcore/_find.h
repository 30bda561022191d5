/* Where a dense row is not zero, for one type T and one level; included by _gather.h.

   Of its groups of G adjoining features, G being 1 or MLPCORE_PAIR, those are looked for that are not
   all zeros. The number of a group is written in any case and counted, in its row and for
   itself, if there is something, so that there is no branch to miss. There is room for a vector
   more. Whether a value is zero is asked once: another thread may write to X meanwhile, and both
   counts must agree. Where nothing is converted, values move with their groups. */

#if defined(__AVX512F__) || defined(MLPCORE_X86_LEVELS)
#include <immintrin.h>
#endif

/* One by one; beside the last of an odd number of features is a zero. */
#define GROUPS(x)                                                                          \
    for (; j < n; j += G) {                                                                \
        const int has_all = j + G <= n;                                                    \
        const int found = (x)[j] != 0 || (has_all && (x)[j + G - 1] != 0);                 \
        group[k] = (int32_t)(j / G);                                                       \
        for (int g = 0; g < G && moved; g++)                                               \
            moved[G * k + g] = g == 0 || has_all ? (float)(x)[j + g] : 0;                  \
        if (count) count[j / G] += found;                                                  \
        k += found;                                                                        \
    }

#if VECTOR_BYTES == 64
/* The groups of the sixteen features from x on that hold something. */
TARGET MLPCORE_INLINE __mmask16 NAME(groups_of_bytes)(const int G, const unsigned char *x)
{
    const __m128i all = _mm_loadu_si128((const __m128i *)x);
    return G == 1 ? _mm_test_epi8_mask(all, all) : _mm_test_epi16_mask(all, all);
}

TARGET MLPCORE_INLINE __mmask16 NAME(groups_of_floats)(const int G, const float *x)
{
    const __m512i all = _mm512_loadu_si512(x);
    return G == 1 ? _mm512_test_epi32_mask(all, all) : _mm512_test_epi64_mask(all, all);
}

TARGET MLPCORE_INLINE __mmask16 NAME(groups_of_doubles)(const int G, const double *x)
{
    const __m512i low = _mm512_loadu_si512(x), high = _mm512_loadu_si512(x + 8);
    const __m512i even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    const __m512i odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    const __m512i pairs = _mm512_or_si512(_mm512_permutex2var_epi64(low, even, high),
                                          _mm512_permutex2var_epi64(low, odd, high));
    if (G > 1) return _mm512_test_epi64_mask(pairs, pairs);
    return (__mmask16)(_mm512_test_epi64_mask(low, low) | _mm512_test_epi64_mask(high, high) << 8);
}

/* Their values side by side. */
TARGET MLPCORE_INLINE void NAME(move_floats)(const int G, const float *x, __mmask16 found,
                                             float *moved)
{
    const __m512i all = _mm512_loadu_si512(x);
    _mm512_storeu_si512(moved, G == 1 ? _mm512_maskz_compress_epi32(found, all)
                                      : _mm512_maskz_compress_epi64((__mmask8)found, all));
}

/* Their numbers side by side, the first being `first`. */
TARGET MLPCORE_INLINE void NAME(put_numbers)(const int G, int first, __mmask16 found, int32_t *group)
{
    const __m512i places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i all = _mm512_add_epi32(_mm512_set1_epi32(first), places);
    if (G == 1)
        _mm512_storeu_si512(group, _mm512_maskz_compress_epi32(found, all));
    else
        _mm256_storeu_si256((__m256i *)group,
                            _mm256_maskz_compress_epi32((__mmask8)found,
                                                        _mm512_castsi512_si256(all)));
}

TARGET MLPCORE_INLINE void NAME(count_groups)(const int G, __mmask16 found, int32_t *count)
{
    const __m512i one = _mm512_set1_epi32(1);
    if (G == 1) {
        const __m512i so_far = _mm512_loadu_si512(count);
        _mm512_storeu_si512(count, _mm512_mask_add_epi32(so_far, found, so_far, one));
    } else {
        const __m256i so_far = _mm256_loadu_si256((const __m256i *)count);
        _mm256_storeu_si256((__m256i *)count,
                            _mm256_mask_add_epi32(so_far, (__mmask8)found, so_far,
                                                  _mm512_castsi512_si256(one)));
    }
}

/* Sixteen features at a time: what a mask selects is moved together. */
#define GROUPS_AT_ONCE(mask, move)                                                         \
    for (; j + 16 <= n; j += 16) {                                                         \
        const __mmask16 found = (mask);                                                    \
        if (count) NAME(count_groups)(G, found, count + j / G);                            \
        NAME(put_numbers)(G, (int)(j / G), found, group + k);                              \
        move;                                                                              \
        k += __builtin_popcount(found);                                                    \
    }
#elif VECTOR_BYTES == 32
/* Of the elements of two vectors those with even numbers, or those with odd ones. */
#define EVEN_OF(low, high) _mm256_permute4x64_epi64(SHUFFLE(low, high, 0x88), 0xd8)
#define ODD_OF(low, high) _mm256_permute4x64_epi64(SHUFFLE(low, high, 0xdd), 0xd8)
#define SHUFFLE(low, high, which)                                                          \
    _mm256_castps_si256(                                                                   \
        _mm256_shuffle_ps(_mm256_castsi256_ps(low), _mm256_castsi256_ps(high), which))

TARGET MLPCORE_INLINE __m256i NAME(is_something)(__m256i x)
{
    return _mm256_xor_si256(_mm256_cmpeq_epi32(x, _mm256_setzero_si256()), _mm256_set1_epi32(-1));
}

/* The eight groups from x on, -1 where there is something. */
TARGET MLPCORE_INLINE __m256i NAME(groups_of_bytes)(const int G, const unsigned char *x)
{
    if (G == 1)
        return NAME(is_something)(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)x)));
    return NAME(is_something)(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)x)));
}

TARGET MLPCORE_INLINE __m256i NAME(groups_of_floats)(const int G, const float *x)
{
    const __m256i low = _mm256_loadu_si256((const __m256i *)x);
    if (G == 1) return NAME(is_something)(low);
    const __m256i high = _mm256_loadu_si256((const __m256i *)(x + 8));
    return NAME(is_something)(_mm256_or_si256(EVEN_OF(low, high), ODD_OF(low, high)));
}

TARGET MLPCORE_INLINE __m256i NAME(groups_of_doubles)(const int G, const double *x)
{
    __m256i halves[2];
    for (int half = 0; half < 2; half++) {
        const __m256i low = _mm256_loadu_si256((const __m256i *)(x + half * 4 * G));
        const __m256i high = _mm256_loadu_si256((const __m256i *)(x + half * 4 * G + 4 * (G - 1)));
        const __m256i pairs = _mm256_or_si256(_mm256_unpacklo_epi64(low, high),
                                              _mm256_unpackhi_epi64(low, high));
        halves[half] = G == 1 ? low : _mm256_permute4x64_epi64(pairs, 0xd8);
    }
    return NAME(is_something)(
        _mm256_or_si256(EVEN_OF(halves[0], halves[1]), ODD_OF(halves[0], halves[1])));
}

/* Their values side by side. */
TARGET MLPCORE_INLINE void NAME(move_floats)(const int G, const float *x, int found, __m256i places,
                                             float *moved)
{
    if (G == 1) {
        _mm256_storeu_ps(moved, _mm256_permutevar8x32_ps(_mm256_loadu_ps(x), places));
        return;
    }
    for (int half = 0; half < 2; half++, x += 8, found >>= 4) {
        const __m256i pairs = _mm256_cvtepu8_epi64(
            _mm_loadl_epi64((const __m128i *)mlpcore_places[found & 15]));
        const __m256i even = _mm256_slli_epi64(pairs, 1);
        const __m256i odd = _mm256_slli_epi64(_mm256_add_epi64(even, _mm256_set1_epi64x(1)), 32);
        _mm256_storeu_ps(moved, _mm256_permutevar8x32_ps(_mm256_loadu_ps(x),
                                                         _mm256_or_si256(even, odd)));
        moved += G * __builtin_popcount((unsigned)found & 15);
    }
}

/* Eight groups at a time: a table says where what is selected goes. */
#define GROUPS_AT_ONCE(hit, move)                                                          \
    for (; j + 8 * G <= n; j += 8 * G) {                                                   \
        const __m256i is_found = (hit), now = _mm256_set1_epi32((int)(j / G));             \
        const int found = _mm256_movemask_ps(_mm256_castsi256_ps(is_found));               \
        const __m256i places =                                                             \
            _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)mlpcore_places[found])); \
        if (count) {                                                                       \
            const __m256i so_far = _mm256_loadu_si256((const __m256i *)(count + j / G));   \
            _mm256_storeu_si256((__m256i *)(count + j / G), _mm256_sub_epi32(so_far, is_found)); \
        }                                                                                  \
        _mm256_storeu_si256((__m256i *)(group + k), _mm256_add_epi32(now, places));        \
        move;                                                                              \
        k += __builtin_popcount((unsigned)found);                                          \
    }
#endif

/* Groups of row i of X, which is dense, from feature j, where one begins, to n; counted unless
   count is NULL. Their values go to `moved`, which is NULL unless X is of float32. Returns how many
   there are. */
TARGET MLPCORE_INLINE ptrdiff_t NAME(find_groups)(const int G, const mlpcore_sparse_job *job,
                                                  ptrdiff_t i, ptrdiff_t j, ptrdiff_t n,
                                                  int32_t *group, float *moved, int32_t *count)
{
    const ptrdiff_t at = i * job->n_features;
    const unsigned char *u8 = (const unsigned char *)job->X + at;
    const float *f32 = (const float *)job->X + at;
    const double *f64 = (const double *)job->X + at;
    ptrdiff_t k = 0;
#if VECTOR_BYTES == 64
#define MOVE_FLOATS if (moved) NAME(move_floats)(G, f32 + j, found, moved + G * k)
#elif VECTOR_BYTES == 32
#define MOVE_FLOATS if (moved) NAME(move_floats)(G, f32 + j, found, places, moved + G * k)
#endif
#if VECTOR_BYTES >= 32
    if (job->x_type == MLPCORE_UINT8)
        GROUPS_AT_ONCE(NAME(groups_of_bytes)(G, u8 + j), (void)0)
    else if (job->x_type == MLPCORE_FLOAT32)
        GROUPS_AT_ONCE(NAME(groups_of_floats)(G, f32 + j), MOVE_FLOATS)
    else
        GROUPS_AT_ONCE(NAME(groups_of_doubles)(G, f64 + j), (void)0)
#endif
    if (job->x_type == MLPCORE_UINT8)
        GROUPS(u8)
    else if (job->x_type == MLPCORE_FLOAT32)
        GROUPS(f32)
    else
        GROUPS(f64)
    return k;
}
#undef GROUPS
#undef GROUPS_AT_ONCE
#undef MOVE_FLOATS
#undef EVEN_OF
#undef ODD_OF
#undef SHUFFLE
