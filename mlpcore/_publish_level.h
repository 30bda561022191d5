/* What a thread hands to others goes past the caches, between which a line that one writes and
   another one reads would be handed to and fro at every step; for one type T and one level. */

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* A vector; `to` begins where a vector may. */
TARGET MLPCORE_INLINE void NAME(stream)(const void *from, void *to)
{
#if VECTOR_BYTES == 64
    _mm512_stream_ps(to, _mm512_loadu_ps(from));
#elif VECTOR_BYTES == 32
    _mm256_stream_ps(to, _mm256_loadu_ps(from));
#elif defined(__x86_64__)
    _mm_stream_ps(to, _mm_loadu_ps(from));
#else
    memcpy(to, from, VECTOR_BYTES);
#endif
}

/* So many bytes, and what follows them up to the end of a vector. */
TARGET MLPCORE_INLINE void NAME(stream_bytes)(const void *from, size_t n, void *to)
{
    for (size_t b = 0; b < n; b += VECTOR_BYTES)
        NAME(stream)((const char *)from + b, (char *)to + b);
}

/* Before others are told that it is there. */
MLPCORE_INLINE void NAME(all_streamed)(void)
{
#if defined(__x86_64__)
    _mm_sfence();
#endif
}
