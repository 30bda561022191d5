/* Steps of Adam that wait until they are needed, for one type T and one level; included by
   _sparse_level.h.

   A step moves all weights, also those of a feature that no row of the batch has: their
   gradient is zero, but their moments are not. Such steps are made together, when a row has
   the feature again, and in the end. Without a gradient the moments m and v only shrink, and so
   does the root r of v:

       m = b1 m,  v = b2 v,  r = sqrt(b2) r,  w = keep w - rate_i m / (r + epsilon)  */

#if defined(_MSC_VER)
#define WIDTH 1
typedef T NAME(pack);
#else
#define WIDTH LANES
typedef NAME(lanes) NAME(pack);
#endif

/* Steps on one vector, in registers. The last ones only let the moments shrink: m / r has
   become too small to move a weight. */
TARGET MLPCORE_INLINE void NAME(idle_vector)(const mlpcore_idle_job *job, const double *rates,
                                             ptrdiff_t n, T *w, T *m, T *v)
{
    const T beta_1 = (T)job->beta_1, beta_2 = (T)job->beta_2, keep = (T)job->keep;
    const T root_2 = (T)sqrt(job->beta_2), epsilon = (T)job->epsilon;
    const ptrdiff_t n_live = n < job->most_live ? n : job->most_live;
    T roots[WIDTH];
    NAME(pack) weight, first, second, root;
    for (int c = 0; c < WIDTH; c++) roots[c] = SQUARE_ROOT(v[c]);
    memcpy(&weight, w, sizeof weight);
    memcpy(&first, m, sizeof first);
    memcpy(&second, v, sizeof second);
    memcpy(&root, roots, sizeof root);
    for (ptrdiff_t i = 0; i < n_live; i++) {
        first *= beta_1;
        second *= beta_2;
        root *= root_2;
        weight = keep * weight - (T)rates[i] * first / (root + epsilon);
    }
    for (ptrdiff_t i = n_live; i < n; i++) {
        first *= beta_1;
        second *= beta_2;
        weight *= keep;
    }
    memcpy(w, &weight, sizeof weight);
    memcpy(m, &first, sizeof first);
    memcpy(v, &second, sizeof second);
}

/* The missing steps of a feature's weights: one row of each matrix. */
TARGET static void NAME(idle_row)(const mlpcore_idle_job *job, ptrdiff_t j)
{
    const ptrdiff_t n = job->n_units, whole = n / WIDTH * WIDTH;
    const size_t rest = (size_t)(n - whole) * sizeof(T);
    const ptrdiff_t missing = job->n_steps - job->done[j];
    const double *rates = job->rates + job->done[j];
    T *w = (T *)job->W + j * n, *m = (T *)job->first + j * n, *v = (T *)job->second + j * n;
    T last[3][WIDTH] = {{0}};
    for (ptrdiff_t c = 0; c < whole; c += WIDTH)
        NAME(idle_vector)(job, rates, missing, w + c, m + c, v + c);
    if (!rest) return;
    memcpy(last[0], w + whole, rest);
    memcpy(last[1], m + whole, rest);
    memcpy(last[2], v + whole, rest);
    NAME(idle_vector)(job, rates, missing, last[0], last[1], last[2]);
    memcpy(w + whole, last[0], rest);
    memcpy(m + whole, last[1], rest);
    memcpy(v + whole, last[2], rest);
}

/* The steps of a thread's features. One that is met makes the block's own step in the gradient,
   by the same thread. */
TARGET static void NAME(mlpcore_idle)(const mlpcore_idle_job *job, int t, int n_threads)
{
    const ptrdiff_t row = job->n_units * (ptrdiff_t)sizeof(T);
    const ptrdiff_t size = job->per_group;
    int32_t *list = job->lists + t * (job->n_groups + 1);
    const ptrdiff_t n = mlpcore_list_groups(job->parts, job->n_parts, job->settles, job->n_groups,
                                            t, n_threads, list);
    for (ptrdiff_t k = 0; k < n; k++) {
        const ptrdiff_t end = size * (list[k] + 1);
        if (k + MLPCORE_AHEAD < n)
            mlpcore_prefetch_rows(job->W, job->first, job->second,
                                  size * list[k + MLPCORE_AHEAD] * row, row);
        for (ptrdiff_t j = size * list[k]; j < end && j < job->n_features; j++) {
            if (job->done[j] < job->n_steps) NAME(idle_row)(job, j);
            job->done[j] = (int32_t)job->n_steps + !job->settles;
        }
    }
}

#undef WIDTH
