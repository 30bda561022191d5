/* What follows a tile of a product and is asked for meanwhile, for one type T and one level, included
   by _dense_level.h. */

/* What is asked for while a tile is added up, as it follows: rows of up to three arrays. All at
   once, they would hold the sums up; spread over them they come from memory unnoticed. */
typedef struct {
    int n;
    const char *at[3];
    ptrdiff_t stride[3], last; /* bytes: between rows, and to the last one of a row */
} NAME(ahead);

MLPCORE_INLINE void NAME(prefetch_row)(const NAME(ahead) *ahead, ptrdiff_t i)
{
    for (int s = 0; s < ahead->n; s++) {
        const char *row = ahead->at[s] + i * ahead->stride[s];
        MLPCORE_PREFETCH(row);
        MLPCORE_PREFETCH(row + ahead->last / 2);
        MLPCORE_PREFETCH(row + ahead->last);
    }
}
