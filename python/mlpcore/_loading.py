"""A model from its file."""

import os
from typing import Any

import numpy as np

from mlpcore._classes import Labels
from mlpcore._classifier import MLPClassifier
from mlpcore._header import Fields, Tensors
from mlpcore._labels import LabelCoding
from mlpcore._model_file import SavedModel, naming, read_model, unpacked
from mlpcore._parameters import check_parameters
from mlpcore._regressor import MLPRegressor
from mlpcore._safetensors import ModelFormatError, shown
from mlpcore._saving import LEFT_OUT
from mlpcore._training_state import restored_training

_KINDS = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}


def load(path: str | os.PathLike[str]) -> MLPClassifier | MLPRegressor:
    """Return the model that a file holds, as it was when it was saved.

    It predicts, and goes on to learn, bit by bit as the one that was saved. Nothing in a file
    is executed, and what is read is checked before it is used.

    Parameters
    ----------
    path : str or path-like
        What a model's `save` wrote, or a checkpoint: the model as of then.

    Returns
    -------
    MLPClassifier or MLPRegressor

    Raises
    ------
    ModelFormatError
        If the file is no model, is damaged, or of a version that this one does not know. It
        says which, and is a ValueError.
    OSError
        If it cannot be read.
    """
    saved, fields, tensors = read_model(path)
    with naming(path):
        return _estimator(saved, fields, tensors)


def _estimator(saved: SavedModel, fields: Fields, tensors: Tensors) -> Any:
    """Return the estimator of an opened file; fields and tensors are used up."""
    model = _with_parameters(_KINDS[saved.kind], unpacked(fields, "params", tensors))
    vars(model).update(_forward_attributes(saved))
    names = unpacked(fields, "feature_names", tensors)
    if names is not None:
        vars(model)["feature_names_in_"] = _feature_names(names, model.n_features_in_)
    vars(model).update(restored_training(fields, saved.params, tensors))
    if "checkpoint" in fields:
        fields.take("checkpoint", dict)
    fields.end()
    if tensors:
        raise ModelFormatError(f"there are tensors without a use: {', '.join(map(shown, tensors))}")
    return model


def _with_parameters(kind: type[Any], params: Any) -> Any:
    """Return an estimator with parameters that are valid."""
    if type(params) is not dict:
        raise ModelFormatError(f"params are {shown(params)}: needed is an object")
    allowed = set(kind().get_params()) - set(LEFT_OUT)
    unknown = [shown(name) for name in params if name not in allowed]
    if unknown:
        raise ModelFormatError(f"{kind.__name__} has no parameters {', '.join(unknown)}")
    model = kind(**params)
    try:
        check_parameters(model)
    except (ValueError, TypeError, OverflowError) as error:
        raise ModelFormatError(str(error)) from None
    return model


def _forward_attributes(saved: SavedModel) -> dict[str, Any]:
    network = saved.network
    attributes = {
        "_network": network,
        "_params": saved.params,
        "_input_scale": saved.input_scale,
        "n_features_in_": network.coefs(saved.params)[0].shape[0],
        "n_layers_": network.n_layers + 1,
        "n_outputs_": network.n_outputs,
        "out_activation_": network.output.name.lower(),
    }
    if saved.labels is not None:
        attributes["_labels"] = _label_coding(saved.labels)
        attributes["classes_"] = attributes["_labels"].classes
    return attributes


def _label_coding(labels: Labels) -> LabelCoding:
    try:
        return LabelCoding.restored(labels)
    except ValueError as error:
        raise ModelFormatError(f"labels.classes are {shown(labels.classes)}: {error}") from None


def _feature_names(names: Any, n_features: int) -> Any:
    if type(names) is not list or any(type(name) is not str for name in names):
        raise ModelFormatError(f"feature_names are {shown(names)}: needed are strings")
    if len(names) != n_features:
        raise ModelFormatError(f"there are {len(names)} feature_names for {n_features} features")
    return np.array(names, dtype=object)
