/* What the walks over non-zeros have in common, for one type T and one level; included by _sparse.h
   for each. */

#define NAME(name) MLPCORE_NAME(name, S, LEVEL)
#define LANES (VECTOR_BYTES / (int)sizeof(T))

/* Vectors of a tile's sums: so many bytes of each row that is added stay in the first cache, and
   sixteen registers hold 13 with what is added to them, or 6 for each feature of a pair. */
#define MOST_VECTORS(bytes, most) ((bytes) < (most) * VECTOR_BYTES ? (bytes) / VECTOR_BYTES : (most))
enum {
    NAME(forward_vectors) = MOST_VECTORS(512, 13),
    NAME(gradient_vectors) = MOST_VECTORS(512, 8),
    NAME(pair_vectors) = VECTOR_BYTES == 32 ? MOST_VECTORS(512, 6) : NAME(gradient_vectors),
};
#undef MOST_VECTORS
/* Each tile of few units is a walk that two threads share. */
_Static_assert((MLPCORE_MANY_UNITS - 1) / (NAME(pair_vectors) * LANES) < MLPCORE_MOST_WALKS,
               "a layer of few units has more tiles than counters");

#if !defined(_MSC_VER)
typedef T NAME(lanes) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T))));
#endif

#include "_publish_level.h"
#include "_gather.h"
#include "_idle.h"

/* What is added up: rows of a matrix, each as often as its entry's values say. */
typedef struct {
    const int32_t *index;
    const T *values;
    ptrdiff_t n;
} NAME(terms);

/* A call whose first argument, a number of vectors up to MOST, is known to the compiler. */
#define CASE(v, call, ...)                                                                 \
    case v:                                                                                \
        if (v <= MOST) NAME(call)(v, __VA_ARGS__);                                         \
        break;
#define FOR_EACH_WIDTH(vectors, ...)                                                       \
    switch (vectors) {                                                                     \
        CASE(1, __VA_ARGS__) CASE(2, __VA_ARGS__) CASE(3, __VA_ARGS__) CASE(4, __VA_ARGS__) \
        CASE(5, __VA_ARGS__) CASE(6, __VA_ARGS__) CASE(7, __VA_ARGS__) CASE(8, __VA_ARGS__) \
        CASE(9, __VA_ARGS__) CASE(10, __VA_ARGS__) CASE(11, __VA_ARGS__)                    \
        CASE(12, __VA_ARGS__) CASE(13, __VA_ARGS__)                                        \
    }

/* The vectors of the next tile of so many units; all tiles are about as wide. */
TARGET MLPCORE_INLINE int NAME(vectors_of_tile)(ptrdiff_t n_units, int most)
{
    const ptrdiff_t left = (n_units + LANES - 1) / LANES, tiles = (left + most - 1) / most;
    return (int)((left + tiles - 1) / tiles);
}

/* Units first to end, in tiles of at most so many vectors. */
typedef struct {
    ptrdiff_t first, end;
    int n_vectors, n;
} NAME(tiles);

TARGET MLPCORE_INLINE NAME(tiles) NAME(tiles_of)(ptrdiff_t first, ptrdiff_t end, int most)
{
    const int n_vectors = (int)((end - first + LANES - 1) / LANES);
    const NAME(tiles) tiles = {first, end, n_vectors, (n_vectors + most - 1) / most};
    return tiles;
}

/* A tile: n units from `first` on, in so many vectors. */
typedef struct {
    ptrdiff_t first, n;
    int vectors;
} NAME(tile);

TARGET MLPCORE_INLINE NAME(tile) NAME(tile_at)(const NAME(tiles) *tiles, int i)
{
    const int from = (int)mlpcore_part(tiles->n_vectors, i, tiles->n);
    const int vectors = (int)mlpcore_part(tiles->n_vectors, i + 1, tiles->n) - from;
    const ptrdiff_t first = tiles->first + from * LANES, left = tiles->end - first;
    const NAME(tile) tile = {first, vectors * LANES < left ? vectors * LANES : left, vectors};
    return tile;
}

/* The next tile of units from `done` on, at most `most` vectors: it begins at `from`, and its
   last vector at from + last. Only a layer narrower than the tile lets it reach back. */
TARGET MLPCORE_INLINE int NAME(next_tile)(ptrdiff_t done, ptrdiff_t end, ptrdiff_t n_units,
                                          int most, ptrdiff_t *from, ptrdiff_t *last,
                                          ptrdiff_t *stop)
{
    const int vectors = NAME(vectors_of_tile)(end - done, most);
    const ptrdiff_t over = done + vectors * LANES - n_units;
    *from = over > 0 && vectors == 1 ? n_units - LANES : done;
    *last = over > 0 && vectors > 1 ? n_units - LANES - done : (vectors - 1) * LANES;
    *stop = done + vectors * LANES < end ? done + vectors * LANES : end;
    return vectors;
}

/* Units of thread t: first to last, in whole vectors. */
TARGET MLPCORE_INLINE ptrdiff_t NAME(slice)(ptrdiff_t n_units, int t, int n_threads)
{
    const ptrdiff_t first = mlpcore_part((n_units + LANES - 1) / LANES, t, n_threads) * LANES;
    return first < n_units ? first : n_units;
}

/* n elements, and zeros up to whole vectors. The last vector, which is at `last`, ends where they do:
   one by one, a few elements would take longer than all others. */
TARGET MLPCORE_INLINE void NAME(copy_row)(const T *from, const T *last, ptrdiff_t n,
                                          ptrdiff_t padded, T *to)
{
    ptrdiff_t c = 0;
#if !defined(_MSC_VER)
    if (n >= LANES) {
        if (n < padded) *(NAME(lanes) *)(to + padded - LANES) = (NAME(lanes)){0};
        for (; c + LANES <= n; c += LANES)
            *(NAME(lanes) *)(to + c) = *(const NAME(lanes) *)(from + c);
        *(NAME(lanes) *)(to + n - LANES) = *(const NAME(lanes) *)last;
        return;
    }
#endif
    for (; c < n; c++) to[c] = from[c];
    for (; c < padded; c++) to[c] = 0;
}

/* Columns of a matrix side by side on whole cache lines, where each row's meet no other's. Beyond the
   last are zeros: what lay there would be multiplied as well, and may be very slow. */
TARGET static void NAME(copy_columns)(const T *from, ptrdiff_t stride, ptrdiff_t n_rows,
                                      ptrdiff_t n, ptrdiff_t padded, T *columns)
{
    for (ptrdiff_t i = 0; i < n_rows; i++)
        NAME(copy_row)(from + i * stride, from + i * stride + n - LANES, n, padded,
                       columns + i * padded);
}

#include "_sparse_panels.h"
#include "_sparse_forward.h"
#include "_sparse_gradient.h"

#undef NAME
#undef LANES
#undef CASE
#undef FOR_EACH_WIDTH
