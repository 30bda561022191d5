"""The weights and biases a training starts from."""

from collections.abc import Sequence

import numpy as np

from mlpcore._network import Network
from mlpcore._team import zeros_on_lines


def initialize(
    network: Network,
    random_state: np.random.RandomState,
    *,
    weight_init: str,
    init_scale: float,
    activations: Sequence[str],
    dtype: np.dtype,
) -> np.ndarray:
    """Draw the flat parameter vector of a network.

    Parameters
    ----------
    network : Network
    random_state : RandomState
        Advanced by the draws.
    weight_init : {"glorot_uniform", "normal"}
        "glorot_uniform" is U(-b, b), b = sqrt(6 / (n_in + n_out)), or sqrt(2 / ...) for
        logistic hidden units (X. Glorot and Y. Bengio, 2010, eq. 16), for weights and
        biases, with scikit-learn's draws in its order. "normal" is N(0, init_scale^2)
        for the weights, each matrix drawn as (n_out, n_in), layer after layer; biases
        are zero.
    init_scale : float
        Standard deviation for "normal".
    activations : sequence of str
        Of each hidden layer; the output layer is drawn like the last of them.
    dtype : dtype
        float32 or float64; drawn in float64 and rounded.

    Returns
    -------
    ndarray of shape (network.n_params,)
    """
    params = zeros_on_lines(network.n_params, dtype)
    biases = network.own_biases(params)
    for i, (W, b) in enumerate(zip(network.coefs(params), biases, strict=True)):
        n_in, n_out = W.shape
        if weight_init == "normal":
            W[...] = random_state.normal(0.0, init_scale, (n_out, n_in)).T
            continue
        own = activations[min(i, len(activations) - 1)] if activations else ""
        bound = np.sqrt((2.0 if own == "logistic" else 6.0) / (n_in + n_out))
        W[...] = random_state.uniform(-bound, bound, (n_in, n_out))
        b[...] = random_state.uniform(-bound, bound, len(b))
    return params
