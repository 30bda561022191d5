/* Includes LEVEL_BODY, the name of a file, for each level and type. There
   T and S are the type and its suffix, SQUARE_ROOT its function;
   LEVEL is the level's name, TARGET what a function begins with; VECTOR_BYTES are those of a
   register, 32 only with AVX2 and 64 only with AVX-512; MLPCORE_ROWS the
   rows of a tile of two that all hold. */
#ifndef MLPCORE_NAME
#define MLPCORE_PASTE(name, suffix) name##_##suffix
#define MLPCORE_SUFFIX(name, suffix) MLPCORE_PASTE(name, suffix)
#define MLPCORE_JOIN(name, S, level) name##_##S##_##level
#define MLPCORE_NAME(name, S, level) MLPCORE_JOIN(name, S, level)
#endif

#define LEVEL baseline
#define TARGET
#define VECTOR_BYTES 16
#if defined(__aarch64__)
#define MLPCORE_ROWS 12
#else
#define MLPCORE_ROWS 6
#endif
#include "_each_type.h"
#undef LEVEL
#undef TARGET
#undef VECTOR_BYTES
#undef MLPCORE_ROWS

#ifdef MLPCORE_X86_LEVELS
#define LEVEL avx2
#define TARGET MLPCORE_FOR_AVX2
#define VECTOR_BYTES 32
#define MLPCORE_ROWS 6
#include "_each_type.h"
#undef LEVEL
#undef TARGET
#undef VECTOR_BYTES
#undef MLPCORE_ROWS

#define LEVEL avx512
#define TARGET MLPCORE_FOR_AVX512
#define VECTOR_BYTES 64
#define MLPCORE_ROWS 14
#include "_each_type.h"
#undef LEVEL
#undef TARGET
#undef VECTOR_BYTES
#undef MLPCORE_ROWS
#endif

#undef LEVEL_BODY
