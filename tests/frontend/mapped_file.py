"""A fit on a file of 20 GB, mapped into memory: run by test_memory.py, or whole by hand.

python tests/frontend/mapped_file.py FILE whole   (a minute, and a disk with room for holes)
"""

import os
import resource
import sys
import time

import numpy as np

from mlpcore import MLPClassifier

N_SAMPLES, N_FEATURES = 1_000_000, 5_000
MARGIN = 600 << 20


def status(*names):
    """Return sizes of this process in MiB."""
    with open("/proc/self/status") as file:
        lines = dict(line.split(":") for line in file)
    return {name: int(lines[name].split()[0]) >> 10 for name in names}


def fit(path, whole):
    with open(path, "wb") as file:
        file.truncate(N_SAMPLES * N_FEATURES * 4)
    X = np.memmap(path, np.float32, "r", shape=(N_SAMPLES, N_FEATURES))
    y = np.arange(N_SAMPLES) % 2
    MLPClassifier(max_iter=1).fit(X[:10], y[:10])
    before = status("VmData", "RssAnon")
    resource.setrlimit(resource.RLIMIT_DATA, ((before["VmData"] << 20) + MARGIN,) * 2)
    # Batches without weight are not read: the ends tell whether there is a copy of X.
    weights = np.ones(N_SAMPLES, np.float32)
    weights[0 if whole else 400 : N_SAMPLES if whole else -400] = whole
    start = time.perf_counter()
    model = MLPClassifier((16,), max_iter=1, shuffle=whole, batch_size=200, random_state=0)
    model.fit(X, y, weights)
    seconds = time.perf_counter() - start
    assert model.predict(X[-1000:]).shape == (1000,)
    after = status("VmData", "RssAnon", "RssFile")
    assert after["RssAnon"] - before["RssAnon"] < MARGIN >> 20
    print(f"{os.path.getsize(path) / 1e9:.0f} GB in {seconds:.1f} s, MiB: {before} {after}")


if __name__ == "__main__":
    import warnings

    from sklearn import config_context

    warnings.simplefilter("ignore")
    whole = sys.argv[2:] == ["whole"]
    try:
        with config_context(assume_finite=not whole):
            fit(sys.argv[1], whole)
    finally:
        os.unlink(sys.argv[1])
