/* Steps of a small network, each of them whole: forward, loss, backward and update of all its
   layers, for some batches in one call, with everything in the first caches.

   The samples of a batch stand side by side in vectors, units in rows: a panel holds, layer
   after layer, the activations A_l (n_l, width) of one or two vectors of samples. So weights
   are read where they lie, one at a time, and no layer is too narrow:

       A_l = f(W_l^T A_(l-1) + b_l)
       D_(l-1) = W_l D_l f'(A_(l-1))
       W_l and b_l make a step with [A_(l-1); 1] D_l^T, the sum over all panels

   Threads gather rows of X and wait for each other; then, for each step, they take panels, wait,
   take rows of the weights, and wait again. No sum depends on how many they are. */
#ifndef MLPCORE_SMALL_H
#define MLPCORE_SMALL_H

#include <float.h>

#include "_barrier.h"
#include "_dense.h"
#include "_rows.h"
#include "_squares.h"

/* Those of the enum in _losses.pxd that are computed here. */
enum { MLPCORE_MSE, MLPCORE_LOG_LOSS, MLPCORE_BINARY_LOG_LOSS, MLPCORE_SQUARED_ERROR };
enum { MLPCORE_SOFTMAX = 4 };

/* The widest vector's elements, and the samples of the widest panel. */
enum { MLPCORE_MOST_LANES = 16, MLPCORE_WIDEST_PANEL = 2 * MLPCORE_MOST_LANES };

typedef struct {
    ptrdiff_t first, n_rows; /* its batch, among the rows of all steps */
    double mass, alpha;      /* the sum of the samples' weights; for the loss */
    mlpcore_update of_weights, of_biases;
    double loss;             /* receives the sum of the losses before the step, L2 included */
} mlpcore_small_step;

typedef struct {
    ptrdiff_t n_layers, n_weights;
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
    const ptrdiff_t *index;            /* which of all samples each row is */
    const void *Y, *sample_weight;     /* of all samples; NULL: all weigh 1 */
    const void *params;
    void *target, *first, *second;     /* what the rules change: params, or a gradient */
    void *A, *D, *transposed;          /* panels of one batch */
    void *gradients;                   /* of a narrow layer, or of biases: a thread's own */
    ptrdiff_t gradient_size;
    double *losses;                    /* of the vectors of all panels */
    mlpcore_shared *shared;            /* (n_threads,): of which the first counts who waits */
} mlpcore_small_job;

/* Where layer l begins in a panel, in rows: each is followed by a row of ones, so that a bias
   is the weight of one more unit; the last one by those of Y, and one of the samples' weights. */
MLPCORE_INLINE ptrdiff_t mlpcore_small_row(const mlpcore_small_job *job, ptrdiff_t l)
{
    ptrdiff_t row = 0;
    for (ptrdiff_t i = 0; i < l; i++) row += job->sizes[i] + 1;
    return row;
}

#define LEVEL_BODY "_small_level.h"
#include "_each_level.h"

MLPCORE_DISPATCH(mlpcore_small_f, (const void *job, int t, int n), (job, t, n))
MLPCORE_DISPATCH(mlpcore_small_d, (const void *job, int t, int n), (job, t, n))

#endif
