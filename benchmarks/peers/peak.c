/* The processor's limit: fused multiply-adds of float32 in registers, on all threads given.
   Prints GFLOP/s. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CHAINS = 12, ROUNDS = 20000000 };
#if defined(__AVX512F__)
enum { BYTES = 64 };
#elif defined(__AVX2__)
enum { BYTES = 32 };
#else
enum { BYTES = 16 };
#endif
typedef float vector __attribute__((vector_size(BYTES)));

static void *multiply_and_add(void *result)
{
    /* Chains that differ, or a compiler makes one of them. */
    vector sum[CHAINS], a = (vector){0} + 0.999f, b = (vector){0} + 0.001f;
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) sum[i] = b * (float)(i + 1);
    for (int r = 0; r < ROUNDS; r++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * a + b;
#pragma GCC unroll 12
    for (int i = 1; i < CHAINS; i++) sum[0] += sum[i];
    *(vector *)result = sum[0];
    return NULL;
}

int main(int argc, char **argv)
{
    const int n = argc > 1 ? atoi(argv[1]) : 1;
    pthread_t *threads = malloc((size_t)n * sizeof *threads);
    vector *results = aligned_alloc(64, (size_t)n * 64);
    struct timespec start, stop;
    timespec_get(&start, TIME_UTC);
    for (int t = 0; t < n; t++)
        pthread_create(&threads[t], NULL, multiply_and_add, (char *)results + 64 * t);
    for (int t = 0; t < n; t++) pthread_join(threads[t], NULL);
    timespec_get(&stop, TIME_UTC);
    printf("%.1f\n", 2e-9 * n * ROUNDS * CHAINS * (BYTES / 4.0)
           / ((double)(stop.tv_sec - start.tv_sec) + 1e-9 * (double)(stop.tv_nsec - start.tv_nsec)));
    return 0;
}
