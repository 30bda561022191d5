/* Numbers too small to be normal, below 1.2e-38 in float32 and 2.2e-308 in float64, take some
   processors more than ten times as long. The moments of a unit that no longer gets a gradient end
   there, and stay. In the tasks of a team they are zeros, on x86-64; elsewhere they take no longer. */
#ifndef MLPCORE_DENORMALS_H
#define MLPCORE_DENORMALS_H

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>

/* Returns the thread's mode before. */
static inline unsigned mlpcore_flush_denormals(void)
{
    enum { RESULTS = 0x8000, OPERANDS = 0x0040 };
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | RESULTS | OPERANDS);
    return before;
}

static inline void mlpcore_restore_mode(unsigned before) { _mm_setcsr(before); }

#else

static inline unsigned mlpcore_flush_denormals(void) { return 0; }
static inline void mlpcore_restore_mode(unsigned before) { (void)before; }

#endif
#endif
