import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcore._activations import Activation
from mlpcore._losses import Loss
from mlpcore._network import Network
from mlpcore._rows import Rows
from mlpcore._training import predict

DTYPES = ["float32", "float64"]


def test_layers_are_views_into_the_flat_vector():
    network = Network((3, 4, 2), Activation.RELU, Activation.SOFTMAX)
    params = np.arange(network.n_params, dtype=float)
    (W1, W2), (b1, b2) = network.coefs(params), network.intercepts(params)
    assert W1.tolist() == np.arange(12.0).reshape(3, 4).tolist()
    assert W2.tolist() == np.arange(12.0, 20.0).reshape(4, 2).tolist()
    assert b1.tolist() == [20, 21, 22, 23]
    assert b2.tolist() == [24, 25]
    assert network.n_weights == 20
    W2[1, 1] = -1
    assert params[15] == -1


def test_shared_bias_is_one_parameter_repeated():
    network = Network((3, 4, 2), Activation.RELU, Activation.SOFTMAX, True)
    params = np.arange(network.n_params, dtype=float)
    assert network.n_params == 22
    b1, b2 = network.intercepts(params)
    assert b1.tolist() == [20] * 4
    assert b2.tolist() == [21] * 2
    assert not b1.flags.writeable
    network.own_biases(params)[0][0] = 7
    assert b1.tolist() == [7] * 4


def test_pickle():
    network = Network((3, 4, 2), Activation.TANH, Activation.IDENTITY, True)
    again = pickle.loads(pickle.dumps(network))
    assert (again.output, again.shared_bias) == (0, True)
    assert again.n_params == network.n_params


@pytest.mark.parametrize("sizes", [(), (3,), (3, -1, 2)])
def test_sizes_that_make_no_network(sizes):
    with pytest.raises(ValueError, match="sizes="):
        Network(sizes, Activation.RELU, Activation.SOFTMAX)


@given(
    hidden_sizes=st.lists(st.integers(1, 33), max_size=3),
    n_rows=st.sampled_from([0, 1, 2, 511, 512, 513, 1100]),
    n_in=st.sampled_from([1, 5, 17]),
    shared=st.booleans(),
    dtype=st.sampled_from(DTYPES),
)
@settings(deadline=None, max_examples=60)
def test_predict_equals_twin(twin, hidden_sizes, n_rows, n_in, shared, dtype):
    sizes = (n_in, *hidden_sizes, 3)
    network = Network(sizes, Activation.TANH, Activation.SOFTMAX, shared)
    rng = np.random.default_rng(n_rows)
    params = rng.normal(size=network.n_params).astype(dtype)
    X = rng.normal(size=(n_rows, n_in)).astype(dtype)
    plain = twin(sizes, Activation.TANH, Activation.SOFTMAX, Loss.LOG_LOSS, shared)
    expected = plain.forward(params, X)[-1] if n_rows else np.empty((0, 3))
    found = predict(network, Rows(X), params)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, atol=2e-5 if dtype == "float32" else 1e-13)
