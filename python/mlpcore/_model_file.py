"""What is in a model file: a network with weights and labels, and what else a model keeps.

The metadata "mlpcore" is a JSON object, whose "version" counts the changes of this format.
Everything here does without scikit-learn.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from typing import Any

from numpy.typing import NDArray

from mlpcore import _safetensors
from mlpcore._classes import Labels, pack_labels, unpack_labels
from mlpcore._forward_state import pack_weights, plain_network, restored_network, unpack_weights
from mlpcore._header import Fields, Tensors, pack, unpack
from mlpcore._network import Network
from mlpcore._safetensors import ModelFormatError, parse
from mlpcore._version import __version__

FORMAT_VERSION = 1


@dataclass(frozen=True)
class SavedModel:
    """What a prediction needs.

    Parameters
    ----------
    kind : {"MLPClassifier", "MLPRegressor"}
    network : Network
    params : ndarray of shape (network.n_params,)
    input_scale : float
    labels : Labels or None
        None for a regressor.
    """

    kind: str
    network: Network
    params: NDArray[Any]
    input_scale: float
    labels: Labels | None


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Put the path in front of what the body finds wrong with a file."""
    try:
        yield
    except ModelFormatError as error:
        raise ModelFormatError(f"{os.fspath(path)}: {error}") from None
    except RecursionError:
        raise ModelFormatError(f"{os.fspath(path)}: the header is nested too deeply") from None


def write_model(path: str | os.PathLike[str], model: SavedModel, rest: dict[str, Any]) -> None:
    """Write a model file atomically.

    Parameters
    ----------
    path : str or path-like
    model : SavedModel
    rest : dict
        What else there is, by name.

    Raises
    ------
    ValueError
        If something cannot be saved; the file is as it was.
    """
    tensors: Tensors = pack_weights(model.network, model.params)
    header = {
        "version": FORMAT_VERSION,
        "written_by": f"mlpcore {__version__}",
        "kind": model.kind,
        "network": plain_network(model.network),
        "input_scale": float(model.input_scale),
        "labels": None if model.labels is None else pack_labels(model.labels),
        **{name: pack(value, name, tensors) for name, value in rest.items()},
    }
    _safetensors.write(path, {"format": "mlpcore", "mlpcore": json.dumps(header)}, tensors)


def read_model(path: str | os.PathLike[str]) -> tuple[SavedModel, Fields, Tensors]:
    """Return what a prediction needs, and the items and tensors of the rest, still packed.

    Raises
    ------
    ModelFormatError
        If it is no model file.
    OSError
        If it cannot be read.
    """
    with naming(path):
        metadata, tensors = _safetensors.read(path)
        if "mlpcore" not in metadata:
            raise ModelFormatError("the file is safetensors, but has no model of mlpcore")
        header = parse(metadata["mlpcore"], "the model's header")
        version = header.get("version")
        if type(version) is not int or version != FORMAT_VERSION:
            raise ModelFormatError(
                f"the format's version is {_safetensors.shown(version)}: mlpcore {__version__} "
                f"reads {FORMAT_VERSION}. A later mlpcore may read it"
            )
        fields = Fields(header, "model")
        fields.integer("version")
        fields.take("written_by", str)
        kind = fields.choice("kind", ("MLPClassifier", "MLPRegressor"))
        network = restored_network(fields.take("network", dict))
        params = unpack_weights(network, tensors)
        input_scale = fields.number("input_scale")
        if not 0 < input_scale < inf:
            raise ModelFormatError(f"model.input_scale is {input_scale}: needed is more than 0")
        labels = _labels(fields, kind, network.n_outputs)
    return SavedModel(kind, network, params, input_scale, labels), fields, tensors


def _labels(fields: Fields, kind: str, n_outputs: int) -> Labels | None:
    if kind == "MLPRegressor":
        fields.take("labels", type(None))
        return None
    return unpack_labels(fields.take("labels", dict), n_outputs)


def unpacked(fields: Fields, name: str, tensors: Tensors) -> Any:
    """Return one of the items of the rest."""
    return unpack(fields.take(name, dict, list, type(None)), tensors)
