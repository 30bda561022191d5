"""The instruction set that the kernels run with."""

import os

cdef extern from "_levels.h" nogil:
    const char *const mlpcore_level_names[]
    int mlpcore_level
    int mlpcore_highest_level()
    int mlpcore_has_bfloat16()
    int mlpcore_may_use_tiles()


def simd_levels():
    """Return the names of the levels that this processor has, the lowest first."""
    return [mlpcore_level_names[i].decode() for i in range(mlpcore_highest_level() + 1)]


def simd_level():
    """Return the level that runs: the highest, or what MLPCORE_SIMD names."""
    return mlpcore_level_names[mlpcore_level].decode()


def has_bfloat16():
    """Whether the level that runs has products of bfloat16, for which AVX-512 BF16 is needed."""
    return bool(mlpcore_has_bfloat16())


def may_use_tiles():
    """Whether these are made with the processor's tiles; asks the system for them."""
    return bool(mlpcore_may_use_tiles())


def check_simd_wish():
    """Raise ValueError if MLPCORE_SIMD names no level that this processor has."""
    wish = os.environ.get("MLPCORE_SIMD")
    if wish and wish not in simd_levels():
        raise ValueError(f"MLPCORE_SIMD={wish!r}: allowed on this processor is one of "
                         f"{simd_levels()}")
