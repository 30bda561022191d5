"""A model to its file."""

import os
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mlpcore._model_file import SavedModel, write_model
from mlpcore._parameters import check_parameters
from mlpcore._safetensors import shown
from mlpcore._training_state import RECORD, plain_optimizer, plain_record, plain_stopped

# They name a place on one machine: whoever loads a model is not to write there.
LEFT_OUT = ("checkpoint", "checkpoint_every")

_REBUILT = ("_network", "_params", "_input_scale", "_labels", "classes_", "feature_names_in_",
            "n_features_in_", "n_layers_", "n_outputs_", "out_activation_")  # fmt: skip


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted estimator to a file; see its `save`."""
    check_is_fitted(model)
    params = model.get_params(deep=False)
    known = {*params, *_REBUILT, *RECORD, "_optimizer", "_stopped"}
    for name, value in vars(model).items():
        if name == "_skl_callbacks":
            raise ValueError("callbacks cannot be saved: set_callbacks() takes them off")
        if name not in known:
            raise ValueError(
                f"the attribute {name}={shown(value)} cannot be saved: del model.{name}"
            )
    if not np.isfinite(model._params).all():
        raise ValueError("the model has a weight that is NaN or infinite: load would refuse it")
    check_parameters(model)
    write_model(path, saved_model(model, vars(model)), packed_rest(model, vars(model)))


def saved_model(model: Any, attributes: dict[str, Any]) -> SavedModel:
    """Return what a prediction needs of an estimator with such attributes.

    Raises
    ------
    ValueError
        If it is of a class of one's own.
    """
    kind = type(model)
    if not kind.__module__.startswith("mlpcore."):
        raise ValueError(f"{kind.__name__} cannot be saved: MLPClassifier and MLPRegressor can")
    labels = getattr(model, "_labels", None)
    return SavedModel(
        kind.__name__, attributes["_network"], attributes["_params"], attributes["_input_scale"],
        None if labels is None else labels.labels,
    )  # fmt: skip


def packed_rest(model: Any, attributes: dict[str, Any]) -> dict[str, Any]:
    """Return parameters and training of an estimator with such attributes, as plain values."""
    optimizer, stopped = attributes.get("_optimizer"), attributes.get("_stopped")
    names = getattr(model, "feature_names_in_", None)
    return {
        "params": plain_parameters(model),
        "feature_names": None if names is None else names.tolist(),
        "training": plain_record(attributes),
        "optimizer": None if optimizer is None else plain_optimizer(optimizer),
        "stopped": None if stopped is None else plain_stopped(stopped, attributes["_params"]),
    }


def plain_parameters(model: Any) -> dict[str, Any]:
    """Return the parameters of an estimator that files keep; arrays become lists."""
    params = model.get_params(deep=False)
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in params.items()
        if name not in LEFT_OUT
    }
