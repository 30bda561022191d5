/* The output layer's softmax and the losses for one type T and one level, included by
   _small_level.h: samples side by side, outputs in rows. */

/* a_j = exp(z_j - max z) / sum_j exp(z_j - max z), in place, for each sample; z (n, width). */
TARGET static void NAME(small_softmax)(ptrdiff_t n, int width, T *z)
{
    T most[MLPCORE_WIDEST_PANEL], total[MLPCORE_WIDEST_PANEL] = {0};
    memcpy(most, z, (size_t)width * sizeof(T));
    for (ptrdiff_t j = 1; j < n; j++)
        for (int c = 0; c < width; c++)
            most[c] = most[c] < z[j * width + c] ? z[j * width + c] : most[c];
    for (ptrdiff_t j = 0; j < n; j++)
        for (int c = 0; c < width; c++) {
            const T e = MLPCORE_SUFFIX(mlpcore_exp, S)(z[j * width + c] - most[c]);
            z[j * width + c] = e;
            total[c] += e;
        }
    for (ptrdiff_t j = 0; j < n; j++)
        for (int c = 0; c < width; c++) z[j * width + c] /= total[c];
}

/* log of p clipped to [eps, 1 - eps]. */
TARGET MLPCORE_INLINE T NAME(log_clipped)(T p)
{
    const T eps = sizeof(T) == sizeof(float) ? (T)FLT_EPSILON : (T)DBL_EPSILON;
    p = p < eps ? eps : p;
    return MLPCORE_SUFFIX(mlpcore_log, S)(p > 1 - eps ? 1 - eps : p);
}

/* The losses of a panel's vectors, times their samples' weights w (width,), and d = dL/dz but
   for f' of MSE; a, y, d (n, width). */
TARGET static void NAME(small_loss)(int loss, ptrdiff_t n, int width, const T *restrict a,
                                    const T *restrict y, const T *restrict w, T *restrict d,
                                    double *losses)
{
    T lane[MLPCORE_WIDEST_PANEL] = {0};
    const T factor = loss == MLPCORE_MSE ? 2 : 1;
    for (ptrdiff_t j = 0; j < n; j++, a += width, y += width, d += width) {
        if (loss == MLPCORE_LOG_LOSS)
            for (int c = 0; c < width; c++) lane[c] -= w[c] * (y[c] * NAME(log_clipped)(a[c]));
        else if (loss == MLPCORE_BINARY_LOG_LOSS)
            for (int c = 0; c < width; c++)
                lane[c] -= w[c] * (y[c] * NAME(log_clipped)(a[c])
                                   + (1 - y[c]) * NAME(log_clipped)(1 - a[c]));
        else
            for (int c = 0; c < width; c++) lane[c] += w[c] * ((a[c] - y[c]) * (a[c] - y[c]));
        for (int c = 0; c < width; c++) d[c] = factor * w[c] * (a[c] - y[c]);
    }
    for (int v = 0; v < width; v += LANES) {
        double total = 0;
        for (int c = 0; c < LANES; c++) total += lane[v + c];
        losses[v / LANES] = loss == MLPCORE_SQUARED_ERROR ? total / (2.0 * (double)n) : total;
    }
}
