/* Instruction sets: a kernel is compiled for three levels of x86-64, and the processor's
   own is run, or the one that the environment variable MLPCORE_SIMD names. A fourth, AMX, is the
   third but for products of bfloat16, and of float32 in slices of it. Elsewhere there is one level,
   the compiler's. */
#ifndef MLPCORE_LEVELS_H
#define MLPCORE_LEVELS_H

#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum { MLPCORE_BASELINE, MLPCORE_AVX2, MLPCORE_AVX512, MLPCORE_AMX };

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define MLPCORE_X86_LEVELS
#define MLPCORE_FOR_AVX2 __attribute__((target("avx2,fma,prfchw")))
#if defined(__clang__)
#define MLPCORE_FOR_AVX512 \
    __attribute__((target("avx2,fma,prfchw,avx512f,avx512dq,avx512bw,avx512vl")))
#else
#define MLPCORE_FOR_AVX512 \
    __attribute__((target("avx2,fma,prfchw,avx512f,avx512dq,avx512bw,avx512vl," \
                          "prefer-vector-width=512")))
/* Clang has no name for the exchange of elements that its panels need. */
#if __GNUC__ >= 10
#define MLPCORE_FOR_BFLOAT16                                                               \
    __attribute__((target("avx2,fma,prfchw,avx512f,avx512dq,avx512bw,avx512vl,avx512bf16," \
                          "prefer-vector-width=512")))
#if __GNUC__ >= 11 && defined(__linux__)
#define MLPCORE_FOR_AMX                                                                    \
    __attribute__((target("avx2,fma,prfchw,avx512f,avx512dq,avx512bw,avx512vl,avx512bf16," \
                          "amx-tile,amx-bf16,prefer-vector-width=512")))
#endif
#endif
#endif
#endif

#if defined(_MSC_VER)
#define MLPCORE_INLINE static __forceinline
#else
#define MLPCORE_INLINE static inline __attribute__((always_inline))
#endif

/* A vector that several multiply-adds need: GCC would read it from memory for each of them. */
#if defined(__x86_64__) && defined(__GNUC__)
#define MLPCORE_READ_ONCE(vector) __asm__("" : "+v"(vector))
#else
#define MLPCORE_READ_ONCE(vector) ((void)0)
#endif

/* For later it comes into the second cache, and leaves the first to what is at work there. To be
   written to, a cache line is taken away from the other threads: in time, if it was asked
   for in time. Every x86-64 knows this instruction, though not each of them does something. */
#if defined(_MSC_VER)
#define MLPCORE_PREFETCH(address) ((void)(address))
#define MLPCORE_PREFETCH_FOR_LATER(address) ((void)(address))
#define MLPCORE_PREFETCH_TO_WRITE(address) ((void)(address))
#else
#define MLPCORE_PREFETCH(address) __builtin_prefetch(address)
#define MLPCORE_PREFETCH_FOR_LATER(address) __builtin_prefetch(address, 0, 2)
#define MLPCORE_PREFETCH_TO_WRITE(address) __builtin_prefetch(address, 1)
#endif

static const char *const mlpcore_level_names[] = {"baseline", "avx2", "avx512", "amx"};

/* The highest level that the processor has. */
static int mlpcore_highest_level(void)
{
#ifdef MLPCORE_X86_LEVELS
    __builtin_cpu_init();
#ifdef MLPCORE_FOR_AMX
    if (__builtin_cpu_supports("amx-bf16") && __builtin_cpu_supports("avx512bf16"))
        return MLPCORE_AMX;
#endif
    if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512bw"))
        return MLPCORE_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return MLPCORE_AVX2;
#endif
    return MLPCORE_BASELINE;
}

/* The level to run: the highest, or a lower one that is asked for. Every extension finds it
   when it is loaded, so that no two threads do. */
static int mlpcore_level = MLPCORE_BASELINE;

static void mlpcore_find_level(void)
{
    const char *wish = getenv("MLPCORE_SIMD");
    mlpcore_level = mlpcore_highest_level();
    for (int level = 0; wish && level < mlpcore_level; level++)
        if (!strcmp(wish, mlpcore_level_names[level])) mlpcore_level = level;
}

/* Whether there are products of bfloat16: beside the highest level, on some processors. */
static int mlpcore_has_bfloat16(void)
{
#ifdef MLPCORE_FOR_BFLOAT16
    return mlpcore_level >= MLPCORE_AVX512 && __builtin_cpu_supports("avx512bf16");
#else
    return 0;
#endif
}

/* Whether these are made with the processor's tiles. The system wants to be asked, once in a process,
   since threads that use them take more of its memory. */
static int mlpcore_may_use_tiles(void)
{
#ifdef MLPCORE_FOR_AMX
    enum { ASK_FOR_PERMISSION = 0x1023, TILES = 18 };
    return mlpcore_level == MLPCORE_AMX && syscall(SYS_arch_prctl, ASK_FOR_PERMISSION, TILES) == 0;
#else
    return 0;
#endif
}

#if !defined(_MSC_VER)
__attribute__((constructor)) static void mlpcore_find_level_when_loaded(void)
{
    mlpcore_find_level();
}
#endif

/* MLPCORE_DISPATCH(name, (parameters), (arguments)) defines `name`, which calls the level of
   name_baseline, name_avx2 and name_avx512 that is to be run. */
#ifdef MLPCORE_X86_LEVELS
#define MLPCORE_DISPATCH(name, parameters, arguments)                                      \
    static void name parameters                                                            \
    {                                                                                      \
        if (mlpcore_level >= MLPCORE_AVX512)                                               \
            name##_avx512 arguments;                                                       \
        else if (mlpcore_level == MLPCORE_AVX2)                                            \
            name##_avx2 arguments;                                                         \
        else                                                                               \
            name##_baseline arguments;                                                     \
    }
#else
#define MLPCORE_DISPATCH(name, parameters, arguments)                                      \
    static void name parameters { name##_baseline arguments; }
#endif

#endif
