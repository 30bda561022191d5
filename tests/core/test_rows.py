import numpy as np
import pytest

from mlpcore._activations import Activation
from mlpcore._network import Network
from mlpcore._rows import Rows
from mlpcore._training import predict

# An identity network with unit weights returns the rows as the core reads them.
N = 5
PASS = Network((N, N), Activation.IDENTITY, Activation.IDENTITY)


def as_read(X, scale, dtype):
    params = np.zeros(PASS.n_params, dtype)
    PASS.coefs(params)[0][...] = np.eye(N)
    return predict(PASS, Rows(X, scale), params)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["float32", "float64", "uint8"])
@pytest.mark.parametrize("scale", [1.0, 1 / 255, 3.0])
def test_every_type_is_scaled_in_double_and_rounded_once(kind, scale, dtype):
    X = np.random.default_rng(0).integers(0, 256, (700, N)).astype(kind)
    expected = (X.astype(float) * scale).astype(dtype)
    assert (as_read(X, scale, dtype) == expected).all()


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("kind", ["float32", "float64", "uint8"])
def test_threads_gather_rows_in_any_order(kind, n_threads):
    n, rng = 200, np.random.default_rng(0)
    network = Network((n, n), Activation.IDENTITY, Activation.IDENTITY)
    params = np.zeros(network.n_params, "float32")
    network.coefs(params)[0][...] = np.eye(n)
    X = rng.integers(1, 256, (1100, n)).astype(kind)
    order = rng.integers(0, 1100, 1000)
    read = predict(network, Rows(X), params, order=order, n_threads=n_threads)
    assert (read == X[order]).all()


def test_read_only_rows():
    X = np.ones((2, N))
    X.flags.writeable = False
    assert (as_read(X, 2.0, "float64") == 2).all()


@pytest.mark.parametrize("kind", ["int64", "float16", "bool", ">f8"])
def test_other_types_are_refused(kind):
    with pytest.raises(TypeError, match="allowed are float32, float64 and uint8"):
        Rows(np.ones((2, N), kind))
