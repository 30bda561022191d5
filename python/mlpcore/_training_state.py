"""What a training needs to go on, as plain values and back: optimizer, streams, curves."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore._call import Stopped
from mlpcore._classes import Labels
from mlpcore._forward_state import plain_network, restored_network
from mlpcore._header import Fields, Tensors
from mlpcore._labels import LabelCoding
from mlpcore._model_file import unpacked
from mlpcore._optimizers import Optimizer, Solver
from mlpcore._safetensors import ModelFormatError

_SOLVERS = ("sgd", "adam", "adamw")
_RATES = ("momentum", "beta_1", "beta_2", "epsilon", "weight_decay", "max_grad_norm")
_SWITCHES = ("nesterov", "measures_norm")


def plain_optimizer(optimizer: Optimizer) -> dict[str, Any]:
    """Return what an optimizer is and remembers."""
    made_of: Any = optimizer.__reduce__()
    solver, learning_rate, settings, t, state = made_of[1]
    return {
        "solver": Solver(solver).name.lower(),
        "learning_rate": learning_rate,
        **{name: float(settings[name]) for name in _RATES},
        **{name: bool(settings[name]) for name in _SWITCHES},
        "t": t,
        "state": state,
    }


def restored_optimizer(values: Any, params: NDArray[Any]) -> Optimizer:
    """Return the optimizer that was made plain, for a vector of parameters.

    Raises
    ------
    ModelFormatError
        If there is no such optimizer, or its state is that of other parameters.
    """
    fields = Fields(values, "optimizer")
    solver = Solver[fields.choice("solver", _SOLVERS).upper()]
    learning_rate = fields.number("learning_rate")
    settings: dict[str, Any] = {name: fields.number(name) for name in _RATES}
    if not all(rate >= 0 for rate in (learning_rate, *settings.values())):
        raise ModelFormatError("optimizer has a number that is negative or NaN")
    settings |= {name: fields.take(name, bool) for name in _SWITCHES}
    optimizer = Optimizer(solver, learning_rate, **settings)
    optimizer.t = fields.integer("t")
    optimizer.state = fields.take("state", np.ndarray, type(None))
    if optimizer.state is not None:
        again = Fields({"state": optimizer.state}, "optimizer")
        again.array("state", params.dtype, (optimizer.n_state, len(params)))
    fields.end()
    return optimizer


def plain_stopped(stopped: Stopped, params: NDArray[Any]) -> dict[str, Any]:
    """Return where a training stopped; parameters that are params itself become None."""
    plain = vars(stopped) | {
        "params": None if stopped.params is params else stopped.params,
        "dropout": stopped.dropout.state,
    }
    if not stopped.of_blocks:
        del plain["of_blocks"]
    return plain


def restored_stopped(values: Any, params: NDArray[Any]) -> Stopped:
    """Return where the training stopped that was made plain.

    Raises
    ------
    ModelFormatError
        If it did not stop there.
    """
    fields = Fields(values, "stopped")
    last, best = _vector(fields, "params", params), _vector(fields, "best_params", params)
    stream = fields.take("stream", np.random.RandomState)
    order, kept = fields.array("order", np.int64, (None,)), fields.array("kept", np.int64, (None,))
    of_blocks = "of_blocks" in fields and fields.take("of_blocks", bool)
    rows = np.sort(order if of_blocks else np.concatenate([order, kept]))
    # The core does not look where they point.
    if not np.array_equal(rows, np.arange(len(rows))):
        raise ModelFormatError("stopped.order and stopped.kept are not all rows, each once")
    stopped = Stopped(
        params if last is None else last, best, stream, order.astype(np.intp, copy=False),
        kept.astype(np.intp, copy=False), _restored_pcg64(fields.take("dropout", dict)),
        fields.integer("epoch"), fields.number("learning_rate"), of_blocks,
    )  # fmt: skip
    fields.end()
    return stopped


def _vector(fields: Fields, name: str, params: NDArray[Any]) -> NDArray[Any] | None:
    """Return None, or a vector like params."""
    value = fields.take(name, np.ndarray, type(None))
    if value is None:
        return None
    return Fields({name: value}, fields.where).array(name, params.dtype, params.shape)


def _restored_pcg64(values: dict[str, Any]) -> np.random.PCG64:
    fields = Fields(values, "PCG64")
    inner = fields.inner("state")
    state: Any = {name: inner.integer(name, 2**128 - 1) for name in ("state", "inc")}
    inner.end()
    generator = np.random.PCG64()
    generator.state = {
        "bit_generator": fields.choice("bit_generator", ("PCG64",)),
        "state": state,
        "has_uint32": fields.integer("has_uint32", 1),
        "uinteger": fields.integer("uinteger", 2**32 - 1),
    }
    fields.end()
    return generator


_COUNTS = ("n_iter_", "t_", "_no_improvement_count")
_FIGURES = ("loss_", "best_loss_", "best_validation_score_")
_CURVES = ("loss_curve_", "validation_scores_")
_HISTORY = ("loss", "learning_rate", "seconds", "gradient_norm", "validation_loss", "score")
RECORD = (*_COUNTS, *_FIGURES, *_CURVES, "history_")


def plain_record(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the counters, figures and curves among the attributes of an estimator."""
    record = {name: attributes[name] for name in RECORD if name in attributes}
    for name in _CURVES:
        if record.get(name) is not None:
            record[name] = np.array(record[name], dtype=float)
    if "history_" in record:
        record["history_"] = {k: np.array(v, dtype=float) for k, v in record["history_"].items()}
    return record


def restored_record(fields: Fields) -> dict[str, Any]:
    """Return the attributes that were made plain.

    Raises
    ------
    ModelFormatError
        If one is of another kind.
    """
    record: dict[str, Any] = {}
    for name in _COUNTS:
        if name in fields:
            record[name] = fields.integer(name)
    for name in _FIGURES:
        if name in fields:
            record[name] = fields.take(name, float, int, type(None))
    for name in _CURVES:
        if name in fields:
            record[name] = _curve(fields, name)
    if "history_" in fields:
        history = fields.inner("history_")
        record["history_"] = {name: _curve(history, name) for name in _HISTORY if name in history}
        history.end()
    fields.end()
    for name in ("loss_", "n_iter_", "t_"):
        if record.get(name) is None:
            raise ModelFormatError(f"{fields.where}.{name} is missing")
    return record


def _curve(fields: Fields, name: str) -> list[float] | None:
    values = fields.take(name, np.ndarray, type(None))
    if values is None:
        return None
    return Fields({name: values}, fields.where).array(name, np.float64, (None,)).tolist()


def restored_training(fields: Fields, params: NDArray[Any], tensors: Tensors) -> dict[str, Any]:
    """Return the attributes of a training, from the items and tensors of a model file.

    Raises
    ------
    ModelFormatError
        If they are not those of a training, or of other parameters.
    """
    attributes = restored_record(Fields(unpacked(fields, "training", tensors), "training"))
    optimizer = unpacked(fields, "optimizer", tensors)
    if optimizer is not None:
        attributes["_optimizer"] = restored_optimizer(optimizer, params)
    stopped = unpacked(fields, "stopped", tensors)
    if stopped is not None:
        attributes["_stopped"] = restored_stopped(stopped, params)
    return attributes


def plain_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of an estimator without classes of ours."""
    plain = dict(attributes)
    if "_network" in plain:
        plain["_network"] = plain_network(plain["_network"])
    if "_labels" in plain:
        plain["_labels"] = dict(vars(plain["_labels"].labels))
    if "_optimizer" in plain:
        plain["_optimizer"] = plain_optimizer(plain["_optimizer"])
    if "_stopped" in plain:
        plain["_stopped"] = plain_stopped(plain["_stopped"], plain["_params"])
    return plain


def restored_attributes(plain: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes that were made plain."""
    attributes = dict(plain)
    if "_network" in plain:
        attributes["_network"] = restored_network(plain["_network"])
    if "_labels" in plain:
        attributes["_labels"] = LabelCoding.restored(Labels(**plain["_labels"]))
    if "_optimizer" in plain:
        attributes["_optimizer"] = restored_optimizer(plain["_optimizer"], plain["_params"])
    if "_stopped" in plain:
        attributes["_stopped"] = restored_stopped(plain["_stopped"], plain["_params"])
    return attributes
