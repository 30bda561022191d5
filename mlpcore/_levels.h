/* Instruction sets: a kernel is compiled for three levels of x86-64, and the processor's
   own is run. Elsewhere there is one level, the compiler's. */
#ifndef MLPCORE_LEVELS_H
#define MLPCORE_LEVELS_H

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define MLPCORE_X86_LEVELS
#define MLPCORE_AVX2 __attribute__((target("avx2,fma")))
#if defined(__clang__)
#define MLPCORE_AVX512 __attribute__((target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")))
#else
#define MLPCORE_AVX512 \
    __attribute__((target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width=512")))
#endif
#endif

#if defined(_MSC_VER)
#define MLPCORE_INLINE static __forceinline
#else
#define MLPCORE_INLINE static inline __attribute__((always_inline))
#endif

/* MLPCORE_DISPATCH(name, (parameters), (arguments)) defines `name`, which calls the level of
   name_baseline, name_avx2 and name_avx512 that the processor has. */
#ifdef MLPCORE_X86_LEVELS
#define MLPCORE_DISPATCH(name, parameters, arguments)                                      \
    static void name parameters                                                            \
    {                                                                                      \
        if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))      \
            name##_avx512 arguments;                                                       \
        else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))          \
            name##_avx2 arguments;                                                         \
        else                                                                               \
            name##_baseline arguments;                                                     \
    }
#else
#define MLPCORE_DISPATCH(name, parameters, arguments)                                      \
    static void name parameters { name##_baseline arguments; }
#endif

#endif
