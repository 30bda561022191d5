"""What fits leave behind, and what happens where there is no memory."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and sets limits")
MAPPED = Path(__file__).with_name("mapped_file.py")

# Every kind of fit in turn; the allocator's pools are full after the first thousand.
FITS = """
import gc, itertools
import numpy as np, scipy.sparse as sp
from mlpcore import MLPClassifier, MLPRegressor

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

rng = np.random.default_rng(0)
X, y = rng.normal(size=(40, 70)), np.arange(40) % 3
forms = [X, X.astype("f4"), (X > 1).astype("u1"), sp.csr_matrix(X * (X > 1.5))]
kinds = [
    (kind, solver, units)
    for kind in (MLPClassifier, MLPRegressor)
    for solver in ("sgd", "adam", "lbfgs")
    for units in ((3,), (50,))
]
for i, (X, (kind, solver, units)) in enumerate(
    itertools.islice(itertools.cycle(itertools.product(forms, kinds)), 11_000)
):
    if i == 1000:
        before = resident()
    options = {"max_iter": 2, "early_stopping": i % 7 == 0 and solver != "lbfgs"}
    model = kind(units, n_threads=2, **options).fit(X, y) if kind is MLPClassifier else kind(
        hidden_layer_sizes=units, n_threads=2, **options).fit(X, y)
    model.predict(X)
    model.predictor()
print(resident() - before)
"""

# With a little more memory each time, every large allocation is once the one that fails.
STARVED = """
import resource
import numpy as np, scipy.sparse as sp
from mlpcore import MLPClassifier

def virtual():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * 4096

def fitted(X, spare):
    "Whether a fit with so much memory to spare succeeds; otherwise nothing must be left of it."
    model = MLPClassifier((700, 300), max_iter=1, batch_size=1000, early_stopping=True, n_threads=2)
    resource.setrlimit(resource.RLIMIT_AS, (virtual() + spare, hard))
    try:
        model.fit(X, y).predict(X)
    except MemoryError:
        assert hasattr(model, "coefs_") or not hasattr(model, "classes_")
        return False
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    return True

hard = resource.getrlimit(resource.RLIMIT_AS)[1]
X, y = np.random.default_rng(0).normal(size=(3000, 500)), np.arange(3000) % 10
MLPClassifier((100,), max_iter=1).fit(X[:100], y[:100])
for form in (X, (X > 0).astype("u1"), sp.csr_matrix(X * (X > 1.5))):
    spares = range(0, 1 << 30, 1 << 20)
    n_failed = next(i for i, spare in enumerate(spares) if fitted(form, spare))
    print(n_failed, end=" ")
"""


def run(*command):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *command], capture_output=True, text=True, timeout=600,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_fits_leave_no_memory_behind():
    """Ten thousand fits, after a thousand that fill the allocator's pools."""
    assert int(run("-c", FITS)) < 2 << 20


def test_no_memory():
    assert all(int(n_failed) > 5 for n_failed in run("-c", STARVED).split())


def test_larger_than_memory(tmp_path):
    """Of a mapped file of 20 GB, with holes, no copy is made."""
    assert run(str(MAPPED), str(tmp_path / "X")).startswith("20 GB in")
