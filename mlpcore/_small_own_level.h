/* Threads that have weights of their own, for one type T and one level, included by
   _small_level.h. */

/* A thread: where its weights are, and what stands beside them. */
TARGET static NAME(worker) NAME(small_worker)(const mlpcore_small_job *job, int thread,
                                              int n_threads)
{
    NAME(worker) w = {job, thread, n_threads, job->steps, job->params};
    w.to.target = job->target, w.to.first = job->first, w.to.second = job->second;
    w.sums = (T *)job->sums + thread * job->sums_size;
    if (NAME(small_owns)(&w) && thread > 0) {
        w.to.target = (T *)job->own + (thread - 1) * 3 * job->block;
        w.to.first = w.to.target + job->block;
        w.to.second = w.to.first + job->block;
        w.params = w.to.target;
    }
    return w;
}

/* A thread whose weights are not those of the first one copies them. */
TARGET static void NAME(small_refresh)(const NAME(worker) *w)
{
    const mlpcore_small_job *job = w->job;
    const size_t size = (size_t)job->n_params * sizeof(T);
    if (!NAME(small_owns)(w) || w->thread < *job->n_alike) return;
    memcpy(w->to.target, job->params, size);
    memcpy(w->to.first, job->first, size);
    memcpy(w->to.second, job->second, size);
}

/* The gradient of part p, for the thread that has it, or for others. They may still read that of
   the step before. */
MLPCORE_INLINE T *NAME(small_gradient)(const NAME(worker) *w, ptrdiff_t p, int is_own)
{
    const ptrdiff_t several = 2 * ((w->step - w->job->steps) % 2) + is_own;
    return (T *)w->job->gradients + (several * w->job->most_parts + p) * w->job->block;
}

/* Store the gradients of a thread's parts. */
TARGET static void NAME(small_store)(const NAME(worker) *w)
{
    const mlpcore_update store = {MLPCORE_ADD, 1};
    const ptrdiff_t end = mlpcore_part(w->s.n_parts, w->thread + 1, w->n_threads);
    NAME(change) to = w->to;
    to.of_weights = to.of_biases = MLPCORE_SUFFIX(mlpcore_new_rule, S)(&store);
    for (ptrdiff_t p = mlpcore_part(w->s.n_parts, w->thread, w->n_threads); p < end; p++) {
        const ptrdiff_t parts[2] = {p, p + 1};
        to.target = to.first = to.second = NAME(small_gradient)(w, p, 1);
        to.published = NAME(small_gradient)(w, p, 0);
        NAME(small_layers)(w, &to, parts);
        to.at = w->job->n_weights / OF_A_LINE * OF_A_LINE;
        NAME(small_publish)(&to, ON_LINES(w->job->n_params));
    }
    NAME(all_streamed)();
}

/* sums (n,) = the sums of what all parts have from number `at` on. */
TARGET static void NAME(small_add_up)(const T *const *part, ptrdiff_t n_parts, ptrdiff_t at,
                                      ptrdiff_t n, T *restrict sums)
{
    for (ptrdiff_t p = 0; p < n_parts; p += 2) {
        const T *a = part[p] + at, *b = p + 1 < n_parts ? part[p + 1] + at : NULL;
        if (b && p == 0)
            for (ptrdiff_t c = 0; c < n; c++) sums[c] = a[c] + b[c];
        else if (b)
            for (ptrdiff_t c = 0; c < n; c++) sums[c] += a[c] + b[c];
        else
            for (ptrdiff_t c = 0; c < n; c++) sums[c] = p > 0 ? sums[c] + a[c] : a[c];
    }
}

/* A step on a thread's own weights and biases, with the gradients of all parts. Those of others are
   in no cache, and are asked for ahead. */
TARGET static void NAME(small_own_step)(const NAME(worker) *w)
{
    enum { AHEAD = 2048 / sizeof(T) };
    const ptrdiff_t n[2] = {w->job->n_weights, w->job->n_params}, n_parts = w->s.n_parts;
    const ptrdiff_t first = mlpcore_part(n_parts, w->thread, w->n_threads);
    const ptrdiff_t last = mlpcore_part(n_parts, w->thread + 1, w->n_threads);
    const T *part[MLPCORE_MOST_PARTS];
    for (ptrdiff_t p = 0; p < n_parts; p++)
        part[p] = NAME(small_gradient)(w, p, first <= p && p < last);
    for (ptrdiff_t at = 0, end; at < n[1]; at = end) {
        const int are_biases = at >= n[0];
        end = at + MLPCORE_TOGETHER < n[are_biases] ? at + MLPCORE_TOGETHER : n[are_biases];
        for (ptrdiff_t p = 0; p < n_parts; p++)
            for (ptrdiff_t c = at; c < end && (p < first || p >= last); c += OF_A_LINE)
                MLPCORE_PREFETCH(part[p] + c + AHEAD);
        NAME(small_add_up)(part, n_parts, at, end - at, w->sums);
        NAME(small_apply)(&w->to, are_biases ? &w->to.of_biases : &w->to.of_weights, at, 1,
                          end - at, w->sums, 0, 0);
    }
}
