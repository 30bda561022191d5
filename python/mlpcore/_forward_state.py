"""A network and its weights, as plain values and back."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore._activations import Activation
from mlpcore._header import Fields, Tensors
from mlpcore._network import Network
from mlpcore._safetensors import ModelFormatError, shown

_OUTPUTS = ("identity", "logistic", "tanh", "softmax", "exp")
_HIDDEN = ("identity", "relu", "logistic", "tanh", "leaky_relu", "gelu", "silu")


def plain_network(network: Network) -> dict[str, Any]:
    """Return sizes and activations of a network."""
    made_of: Any = network.__reduce__()
    sizes, hidden, output, shared_bias = made_of[1]
    return {
        "sizes": sizes,
        "hidden": [Activation(kind).name.lower() for kind in hidden],
        "output": Activation(output).name.lower(),
        "shared_bias": bool(shared_bias),
    }


def restored_network(values: Any) -> Network:
    """Return the network that was made plain.

    Raises
    ------
    ModelFormatError
        If there is no such network.
    """
    fields = Fields(values, "network")
    sizes, hidden = fields.take("sizes", list), fields.take("hidden", list)
    if len(sizes) < 2 or not all(type(size) is int and 0 < size < 2**31 for size in sizes):
        raise ModelFormatError(f"network.sizes is {shown(sizes)}: needed are two or more sizes")
    if len(hidden) != len(sizes) - 2 or any(kind not in _HIDDEN for kind in hidden):
        raise ModelFormatError(
            f"network.hidden is {shown(hidden)}: needed are {len(sizes) - 2} activations of "
            f"{', '.join(_HIDDEN)}"
        )
    output, shared_bias = fields.choice("output", _OUTPUTS), fields.take("shared_bias", bool)
    fields.end()
    if sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes)) >= 2**48:
        raise ModelFormatError(f"network.sizes is {shown(sizes)}: too many weights")
    return Network(
        sizes,
        [Activation[kind.upper()] for kind in hidden],
        Activation[output.upper()],
        shared_bias,
    )


def pack_weights(network: Network, params: NDArray[Any]) -> Tensors:
    """Return the weights and biases of each layer, by name."""
    weights = {f"coefs_.{i}": W for i, W in enumerate(network.coefs(params))}
    return weights | {f"intercepts_.{i}": b for i, b in enumerate(network.own_biases(params))}


def unpack_weights(network: Network, tensors: Tensors) -> NDArray[Any]:
    """Return the flat parameter vector; the tensors lose what it is made of.

    Raises
    ------
    ModelFormatError
        If a layer is missing, of another shape, or not finite.
    """
    first = tensors.get("coefs_.0")
    dtype = np.dtype(np.float64 if first is None else first.dtype)
    if dtype not in (np.float32, np.float64):
        raise ModelFormatError(f"coefs_.0 is of {dtype}: needed is float32 or float64")
    fields = Fields({name: tensors.pop(name) for name in _weight_names(network) if name in tensors},
                    "tensors")  # fmt: skip
    # Looked at before anything of the network's size is made.
    sizes = plain_network(network)["sizes"]
    arrays = [
        fields.array(f"coefs_.{i}", dtype, (sizes[i], sizes[i + 1]))
        for i in range(network.n_layers)
    ]
    arrays += [
        fields.array(f"intercepts_.{i}", dtype, (1 if network.shared_bias else sizes[i + 1],))
        for i in range(network.n_layers)
    ]
    params = np.concatenate([array.reshape(-1) for array in arrays])
    if not np.isfinite(params).all():
        raise ModelFormatError("a weight is NaN or infinite")
    return params


def _weight_names(network: Network) -> list[str]:
    layers = range(network.n_layers)
    return [f"{kind}.{i}" for kind in ("coefs_", "intercepts_") for i in layers]
