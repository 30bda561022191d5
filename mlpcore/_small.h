/* Steps of a small network, each of them whole: forward, loss, backward and update of all its
   layers, for some batches in one call, with everything in the first caches.

   The samples of a batch stand side by side in vectors, units in rows: a panel holds, layer
   after layer, the activations A_l (n_l, width) of one or two vectors of samples. So weights
   are read where they lie, one at a time, and no layer is too narrow:

       A_l = f(W_l^T A_(l-1) + b_l)
       D_(l-1) = W_l D_l f'(A_(l-1))
       W_l and b_l make a step with [A_(l-1); 1] D_l^T, the sum over all panels

   Threads gather rows of X and wait for each other; then, for each step of last layers, they take
   panels, wait, take rows of the weights, and wait again.

   If all layers are small, each thread has weights of its own, which no other one reads or
   writes. A batch has parts, as many as its size tells: a thread takes some of them, stores their
   gradients, waits, adds up those of all, and makes the whole step. To make it twice takes less
   time than to fetch what another thread has just written. One thread alone adds the parts up
   while a tile of them is in registers.

   No sum depends on how many threads there are. */
#ifndef MLPCORE_SMALL_H
#define MLPCORE_SMALL_H

#include <float.h>

#include "_barrier.h"
#include "_dense.h"
#include "_published.h"
#include "_rows.h"
#include "_squares.h"

/* Those of the enum in _losses.pxd that are computed here. */
enum { MLPCORE_MSE, MLPCORE_LOG_LOSS, MLPCORE_BINARY_LOG_LOSS, MLPCORE_SQUARED_ERROR };
enum { MLPCORE_SOFTMAX = 4 };

/* The widest vector's elements, and the samples of the widest panel. */
enum { MLPCORE_MOST_LANES = 16, MLPCORE_WIDEST_PANEL = 2 * MLPCORE_MOST_LANES };

/* The most parts of a batch. */
enum { MLPCORE_MOST_PARTS = 8 };

/* Elements of the parts' gradients that are added up at a time; and between what two threads write:
   who asks ahead for what one of them reads goes beyond its end. */
enum { MLPCORE_TOGETHER = 256, MLPCORE_APART = 1024 };

typedef struct {
    ptrdiff_t first, n_rows; /* its batch, among the rows of all steps */
    double mass, alpha;      /* the sum of the samples' weights; for the loss */
    mlpcore_update of_weights, of_biases;
    double loss;             /* receives the sum of the losses before the step, L2 included */
} mlpcore_small_step;

typedef struct {
    ptrdiff_t n_layers, n_weights, n_params;
    const ptrdiff_t *sizes;            /* (n_layers + 1,) */
    const ptrdiff_t *weights, *biases; /* where each layer's lie in params */
    const int *hidden;                 /* activations; that of X where its delta is asked for */
    int input, output, shared_bias, loss;
    ptrdiff_t n_steps;
    mlpcore_small_step *steps;
    const mlpcore_gather_job *gather;  /* makes X before the first step; NULL: X is there */
    const void *X;                     /* the rows of all steps */
    void *d_X;                         /* receives their delta, or NULL */
    ptrdiff_t row_stride;              /* of both */
    mlpcore_published of_d_X;          /* its rows, for others */
    const ptrdiff_t *index;            /* which of all samples each row is */
    const void *Y, *sample_weight;     /* of all samples; NULL: all weigh 1 */
    const void *params;
    void *target, *first, *second;     /* what the rules change: params, or a gradient */
    void *A, *D, *turned;              /* panels of one batch */
    void *sums;                        /* of a gradient, some: a thread's own */
    ptrdiff_t sums_size;
    double *losses;                    /* (2, most_panels, 8): of two steps in turn */
    ptrdiff_t most_panels;
    mlpcore_shared *shared;            /* (n_threads,): of which the first counts who waits */
    ptrdiff_t shared_rows;             /* a batch of as many has parts; 0: none has */
    ptrdiff_t block;                   /* elements, of n_params */
    void *gradients;                   /* (4, most_parts, block) */
    ptrdiff_t most_parts;
    void *own;                         /* (n_threads - 1, 3, block): params, first and second of
                                          all threads but the first; NULL: all have those above */
    int *n_alike;                      /* threads whose params are those above */
} mlpcore_small_job;

/* Where layer l begins in a panel, in rows: each is followed by a row of ones, so that a bias
   is the weight of one more unit; the last one by those of Y, and one of the samples' weights. */
MLPCORE_INLINE ptrdiff_t mlpcore_small_row(const mlpcore_small_job *job, ptrdiff_t l)
{
    ptrdiff_t row = 0;
    for (ptrdiff_t i = 0; i < l; i++) row += job->sizes[i] + 1;
    return row;
}

/* How many parts a batch of m samples has, if one of shared_rows has some. */
static ptrdiff_t mlpcore_small_n_parts(ptrdiff_t m, ptrdiff_t shared_rows)
{
    const ptrdiff_t n = m / MLPCORE_WIDEST_PANEL;
    if (shared_rows == 0 || m < shared_rows || m <= MLPCORE_MOST_LANES) return 1;
    return n < 2 ? 2 : n < MLPCORE_MOST_PARTS ? n : MLPCORE_MOST_PARTS;
}

/* Where part p of n begins: at a vector of any level, or at a panel if there are enough. */
static ptrdiff_t mlpcore_small_part(ptrdiff_t m, ptrdiff_t p, ptrdiff_t n)
{
    const ptrdiff_t unit = m < 2 * MLPCORE_WIDEST_PANEL ? MLPCORE_MOST_LANES : MLPCORE_WIDEST_PANEL;
    const ptrdiff_t from = mlpcore_part((m + unit - 1) / unit, (int)p, (int)n) * unit;
    return from < m ? from : m;
}

/* The losses of the vectors of panel p. */
MLPCORE_INLINE double *mlpcore_small_losses(const mlpcore_small_job *job,
                                            const mlpcore_small_step *step, ptrdiff_t p)
{
    return job->losses + ((step - job->steps) % 2 * job->most_panels + p) * 8;
}

#define LEVEL_BODY "_small_level.h"
#include "_each_level.h"

MLPCORE_DISPATCH(mlpcore_small_f, (const void *job, int t, int n), (job, t, n))
MLPCORE_DISPATCH(mlpcore_small_d, (const void *job, int t, int n), (job, t, n))

#endif
