"""Build the Cython core in mlpcore/ into the Python package in python/mlpcore/."""

import os
import sys
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_py import build_py

CORE = Path("mlpcore")
DEBUG = os.environ.get("MLPCORE_DEBUG", "0") not in ("", "0")
# Nobody measures a debug build; other tests need one that is there soon.
OPTIMIZE = os.environ.get("MLPCORE_OPTIMIZE", "1" if DEBUG else "3")

# Without -fno-... a compiler may not turn a conditional into a vector blend. A header's
# kernels are not all used by everyone who includes it. Python's own flags may ask for what
# debuggers want, which makes a wheel several times as large. A loop that begins anywhere may
# take 6 % longer: a kernel's is some hundred bytes, which the processor decodes line by line.
COMPILE_ARGS = [f"-O{OPTIMIZE}", "-falign-loops=64", "-fno-math-errno", "-fno-trapping-math"]
COMPILE_ARGS += ["-pthread", "-g0", "-Wno-unused-function"]
LINK_ARGS = ["-pthread"]
if sys.platform == "win32":
    COMPILE_ARGS, LINK_ARGS = ["/std:c11"], []
# What `make sanitize` looks for: "address,undefined" or "thread".
SANITIZE = os.environ.get("MLPCORE_SANITIZE", "")
if SANITIZE:
    COMPILE_ARGS += [f"-fsanitize={SANITIZE}", "-fno-omit-frame-pointer", "-g", "-O1"]
    LINK_ARGS += [f"-fsanitize={SANITIZE}"]
# Apart: an extension of one build must not pass for up to date in another.
BUILD = Path("build") / (SANITIZE.split(",")[0] or ("debug" if DEBUG else "release"))
if "MLPCORE_OPTIMIZE" in os.environ:
    BUILD = BUILD.with_name(f"{BUILD.name}-O{OPTIMIZE}")
NPYRANDOM_DIR = Path(np.get_include()).parents[1] / "random" / "lib"


class BuildPyWithPxd(build_py):
    """Put the core's .pxd files beside the extensions, so that others can cimport them."""

    def run(self):
        """Copy Python modules as usual, then the declarations."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "mlpcore"
        for pxd in sorted(CORE.glob("*.pxd")):
            self.copy_file(str(pxd), str(target / pxd.name))

    def get_outputs(self, include_bytecode=True):
        """List the copied declarations among what this command wrote."""
        target = Path(self.build_lib) / "mlpcore"
        return super().get_outputs(include_bytecode) + [
            str(target / pxd.name) for pxd in sorted(CORE.glob("*.pxd"))
        ]


def extension(pyx):
    """One extension a .pyx, named like its path: mlpcore/_blas.pyx is mlpcore._blas."""
    return Extension(
        f"mlpcore.{pyx.stem}",
        [pyx.as_posix()],
        include_dirs=[str(CORE), np.get_include()],
        library_dirs=[str(NPYRANDOM_DIR)],
        libraries=["npyrandom"],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
        extra_compile_args=COMPILE_ARGS,
        extra_link_args=LINK_ARGS,
        depends=sorted(path.as_posix() for path in CORE.glob("*.h")),
    )


setup(
    options={
        "build_ext": {"parallel": os.cpu_count()},
        "build": {"build_base": str(BUILD)},
    },
    cmdclass={"build_py": BuildPyWithPxd},
    ext_modules=cythonize(
        [extension(pyx) for pyx in sorted(CORE.glob("*.pyx"))],
        build_dir=str(BUILD / "cython"),
        # Elsewhere new processes would run this file once more.
        nthreads=os.cpu_count() if sys.platform == "linux" else 0,
        compiler_directives={
            "language_level": 3,
            "boundscheck": DEBUG,
            "wraparound": False,
            "initializedcheck": DEBUG,
            "cdivision": True,
            "embedsignature": True,
            "freethreading_compatible": True,
        },
    ),
)
