/* A matrix whose rows threads write, and read of each other.

   A cache line that one thread writes and another one reads is handed to and fro between their
   caches, which takes the longer the farther their processors are from each other. So who has
   written a row also sends a copy past the caches, to memory: others read that, and the matrix
   itself stays with those who write it. */
#ifndef MLPCORE_PUBLISHED_H
#define MLPCORE_PUBLISHED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    void *rows;               /* the copies, on whole cache lines; NULL: there never are any */
    ptrdiff_t n_rows, stride; /* of them, and elements from one to the next */
    int32_t *publishers;      /* (n_rows,): the threads that sent them, from 1 on; 0: there is none */
} mlpcore_published;

/* Whether thread t is to read the copy of row i. */
static inline int mlpcore_is_published(const mlpcore_published *published, ptrdiff_t i, int t)
{
    return published->rows && published->publishers[i] && published->publishers[i] != t + 1;
}

/* Say that row i was written by thread t, which sends a copy unless it is alone. */
static inline void mlpcore_name_publisher(const mlpcore_published *published, ptrdiff_t i, int t,
                                          int n_threads)
{
    const int32_t publisher = n_threads > 1 ? t + 1 : 0;
    if (published->publishers[i] != publisher) published->publishers[i] = publisher;
}

/* Have the matrix itself read, by all: what wrote to it sends nothing. */
static inline void mlpcore_forget(const mlpcore_published *published)
{
    if (published->rows)
        memset(published->publishers, 0, (size_t)published->n_rows * sizeof(int32_t));
}

#endif
