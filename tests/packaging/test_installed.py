"""The package as others get it: from a source distribution, as a wheel, to cimport from."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# The sources are built with the tools of this environment, not with fresh ones.
BUILD = "from setuptools.build_meta import *; import sys; print(build_{kind}(sys.argv[1]))"


def build(kind, source, target):
    # Which files there are does not depend on how fast they are.
    subprocess.run(
        [sys.executable, "-c", BUILD.format(kind=kind), str(target)], cwd=source, check=True,
        capture_output=True, text=True, env=os.environ | {"MLPCORE_OPTIMIZE": "0"},
    )  # fmt: skip
    return next(target.glob("*.tar.gz" if kind == "sdist" else "*.whl"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The source distribution, unpacked, and the names in it."""
    target = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build("sdist", ROOT, target)) as archive:
        archive.extractall(target, filter="data")
        names = [name.partition("/")[2] for name in archive.getnames()]
    return next(path for path in target.iterdir() if path.is_dir()), names


def test_sdist_has_the_sources(sdist):
    for path in (ROOT / "mlpcore").iterdir():
        assert f"mlpcore/{path.name}" in sdist[1]
    assert {"LICENSE", "README.md", "python/mlpcore/py.typed"} <= set(sdist[1])
    assert not [name for name in sdist[1] if name.endswith((".so", ".pyc"))]
    assert not [name for name in sdist[1] if name.endswith(".c") and "mlpcore/" in name]


def test_wheel_from_sdist(sdist, tmp_path):
    wheel = build("wheel", sdist[0], tmp_path)
    names = zipfile.ZipFile(wheel).namelist()
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    for path in (ROOT / "mlpcore").iterdir():
        expected = f"mlpcore/{path.stem}{suffix}" if path.suffix == ".pyx" else None
        if path.suffix == ".pxd":
            expected = f"mlpcore/{path.name}"
        assert expected is None or expected in names
    assert "mlpcore/py.typed" in names
    for stub in (ROOT / "python" / "mlpcore").glob("*.pyi"):
        assert f"mlpcore/{stub.name}" in names
    assert {name.partition("/")[0] for name in names if "dist-info" not in name} == {"mlpcore"}


THIRD_PARTY = """
from mlpcore._activations cimport TANH, rows_forward
from mlpcore._blas cimport gemm_nn

def tanh_of_product(const double[:, ::1] A, const double[:, ::1] B, double[:, ::1] C):
    with nogil:
        gemm_nn(A.shape[0], B.shape[1], A.shape[1], &A[0, 0], A.shape[1],
                &B[0, 0], B.shape[1], <double> 1, <double> 0, &C[0, 0], C.shape[1])
        rows_forward(TANH, C)
"""
SETUP = """
from Cython.Build import cythonize
from setuptools import Extension, setup
setup(name="third", ext_modules=cythonize([Extension("third", ["third.pyx"])], language_level=3))
"""
CHECK = """
import numpy as np, third
A, B, C = np.eye(2), np.full((2, 3), 0.5), np.empty((2, 3))
third.tanh_of_product(A, B, C)
assert np.allclose(C, np.tanh(0.5)), C
"""


def test_third_party_cimports_the_kernels(tmp_path):
    import mlpcore

    if Path(mlpcore.__file__).is_relative_to(ROOT / "python"):
        pytest.skip("an editable install carries no .pxd files")
    (tmp_path / "third.pyx").write_text(THIRD_PARTY)
    (tmp_path / "setup.py").write_text(SETUP)
    for command in (["setup.py", "build_ext", "--inplace"], ["-c", CHECK]):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("directory", [ROOT, ROOT / "mlpcore", Path("/")], ids=str)
def test_import_from_any_directory(directory):
    code = "import mlpcore; mlpcore.MLP(); print(mlpcore.__file__)"
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=directory, capture_output=True, text=True, env=clean,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("__init__.py")
