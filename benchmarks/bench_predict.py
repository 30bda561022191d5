"""predict of 784-500-10: one row, and 10,000 rows."""

import numpy as np
import pytest

from mlpcore import MLPClassifier


@pytest.fixture(scope="module")
def model(images):
    X, labels = images
    return MLPClassifier(
        (500,), activation="tanh", solver="sgd", momentum=0.0, max_iter=1, tol=0.0,
        dtype="float32", input_scale=1 / 255, random_state=0,
    ).fit(X[:2000], labels[:2000])  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_rows", [1, 10_000])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def bench_predict(benchmark, model, images, n_rows, dtype):
    X = np.ascontiguousarray(images[0][:n_rows], dtype=dtype)
    benchmark(model.predict, X)
