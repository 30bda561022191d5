"""What this installation runs with."""

import platform

import numpy
import scipy
import sklearn

from mlpcore._levels import has_bfloat16, simd_level, simd_levels
from mlpcore._threads import available_threads, blas_description
from mlpcore._version import __version__


def config() -> dict[str, str]:
    """Return versions, instruction set, BLAS and threads by name."""
    return {
        "mlpcore": __version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "kernels": f"{simd_level()}, of {', '.join(simd_levels())}",
        "bfloat16": "yes" if has_bfloat16() else "no",
        "blas": blas_description(),
        "threads": str(available_threads()),
    }


def show_config() -> None:
    """Print versions, the kernels' instruction set, the BLAS and the number of threads.

    The kernels run with the highest instruction set that the processor has: "amx", which is
    "avx512" but for products of bfloat16 and large ones of float32, "avx512", "avx2" or
    "baseline". The environment variable MLPCORE_SIMD, read when the package is imported, names a
    lower one. "bfloat16" says whether `compute_dtype` may be that.
    """
    for name, value in config().items():
        print(f"{name:13} {value}")
