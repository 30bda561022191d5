"""Where a fit stands, in a file from which the same fit goes on after a crash."""

import hashlib
import json
import re
import time
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpcore._call import Call
from mlpcore._header import Tensors, pack
from mlpcore._model_file import naming, read_model, unpacked, write_model
from mlpcore._safetensors import ModelFormatError, shown
from mlpcore._saving import packed_rest, plain_parameters, saved_model
from mlpcore._source import Stream
from mlpcore._training_state import restored_training

FILE_NAME = "checkpoint.safetensors"

# They change no weight.
_FREE = ("verbose", "n_threads")


class Checkpoint:
    """The file of one fit.

    Parameters
    ----------
    estimator : estimator
        Being fitted, with `checkpoint` and `checkpoint_every`.
    call : Call
        Its fit, before any epoch.

    Raises
    ------
    ValueError
        If a parameter cannot be saved.
    OSError
        If the directory cannot be made.
    """

    def __init__(self, estimator: Any, call: Call) -> None:
        self._estimator = estimator
        self._epochs, self._seconds = interval(estimator.checkpoint_every)
        self._data = _digests(call)
        self._ranks = call.ranks
        self._n_before, self._n_written, self._written = 0, 0, time.monotonic()
        try:
            self._params = _texts(plain_parameters(estimator))
        except ValueError as error:
            raise ValueError(f"checkpoint={estimator.checkpoint!r}: {error}") from None
        self.path = Path(estimator.checkpoint) / FILE_NAME
        if self._ranks.rank == 0:
            self.path.parent.mkdir(parents=True, exist_ok=True)

    @property
    def every_epoch(self) -> bool:
        """Whether it counts epochs, and not seconds."""
        return self._epochs is not None

    def continued(self, call: Call) -> Call:
        """Return the call as it goes on where the file says; itself if there is no file.

        Raises
        ------
        ModelFormatError
            If the file is damaged.
        ValueError
            If it is that of another fit.
        """
        found = self._found(call.n_epochs) if self._ranks.rank == 0 else None
        found = self._ranks.exchange(found)[0]
        if found is None:
            return call
        epochs, attributes = found
        self._n_before = self._n_written = epochs
        return replace(
            call, earlier=attributes, stopped=attributes["_stopped"],
            n_epochs=call.n_epochs - epochs,
        )  # fmt: skip

    def _found(self, most_epochs: int) -> tuple[int, dict[str, Any]] | None:
        """Return the epochs and attributes in the file, if there is one."""
        if not self.path.exists():
            return None
        with naming(self.path):
            saved, fields, tensors = read_model(self.path)
            params = unpacked(fields, "params", tensors)
            unpacked(fields, "feature_names", tensors)
            attributes = restored_training(fields, saved.params, tensors)
            own = fields.inner("checkpoint") if "checkpoint" in fields else None
            if own is None or "_stopped" not in attributes:
                raise ModelFormatError("it is a model, but no checkpoint")
            epochs, data = own.integer("epochs", most_epochs), own.take("data", dict)
        self._check_same(_texts(params), data)
        return epochs, attributes | {"_network": saved.network, "_params": saved.params}

    def _check_same(self, params: dict[str, str], data: dict[str, Any]) -> None:
        """Raise ValueError if parameters or data are others than those of this fit."""
        there, here = params | data, self._params | self._data
        others = sorted(n for n in there.keys() | here.keys() if there.get(n) != here.get(n))
        others = [name for name in others if name not in _FREE]
        if others:
            raise ValueError(
                f"{self.path} is of a fit that has not ended, with other {', '.join(others)}: "
                "repeat that fit, remove the file, or name another directory as checkpoint"
            )

    def is_due(self, n_iter: int) -> bool:
        """Whether it is to be written after so many epochs of this call."""
        if self._epochs is not None:
            return self._n_before + n_iter - self._n_written >= self._epochs
        return time.monotonic() - self._written >= self._seconds

    def write(self, n_iter: int, attributes: dict[str, Any]) -> None:
        """Write what the estimator would have, did it end after so many epochs of this call.

        A disk that is full does not end a fit: there is a warning. Of several ranks the
        first one writes.
        """
        if self._ranks.rank > 0:
            return
        own = {"epochs": self._n_before + n_iter, "data": self._data}
        rest = packed_rest(self._estimator, attributes) | {"checkpoint": own}
        try:
            write_model(self.path, saved_model(self._estimator, attributes), rest)
        except OSError as error:
            warnings.warn(f"no checkpoint was written: {error}", stacklevel=2)
        self._n_written, self._written = self._n_before + n_iter, time.monotonic()

    def remove(self) -> None:
        """Remove the file, and what is left of those that a crash interrupted."""
        if self._ranks.rank > 0:
            return
        for path in [self.path, *self.path.parent.glob(f".{FILE_NAME}.*")]:
            path.unlink(missing_ok=True)


def new_checkpoint(estimator: Any, call: Call) -> Checkpoint | None:
    """Return the checkpoint of a fit, if its parameters ask for one.

    Raises
    ------
    ValueError
        If they are not valid, or the solver has no epochs.
    """
    interval(estimator.checkpoint_every)
    if estimator.checkpoint is None or call.incremental:
        return None
    if estimator.solver == "lbfgs":
        raise ValueError(
            f"checkpoint={estimator.checkpoint!r} with solver='lbfgs', which has no epochs: "
            "allowed is None"
        )
    saved_model(estimator, {"_network": None, "_params": None, "_input_scale": None})
    return Checkpoint(estimator, call)


def interval(checkpoint_every: int | str) -> tuple[int | None, float]:
    """Return how many epochs, or else seconds, are between two checkpoints.

    Raises
    ------
    ValueError
        If it is a string, but no number of seconds.
    """
    if not isinstance(checkpoint_every, str):
        return int(checkpoint_every), 0.0
    if not re.fullmatch(r"\d+(\.\d+)?s", checkpoint_every):
        raise ValueError(
            f"checkpoint_every={checkpoint_every!r}: needed is a number of epochs, or of seconds "
            "as in '60s'"
        )
    return None, float(checkpoint_every[:-1])


def _data(call: Call) -> dict[str, list[Any]]:
    """Return what a fit learns from, by name."""
    X_val, y_val = call.validation or (None, None)
    before = call.earlier
    return {
        "X": [call.X],
        "y": [call.y],
        "sample_weight": [call.sample_weight],
        "X_val": [X_val],
        "y_val": [y_val],
        "weights to begin with": [
            before.get("_params"), np.array(before.get("loss_curve_", ())), before.get("t_"),
        ],
    }  # fmt: skip


def _digests(call: Call) -> dict[str, str]:
    """Return a digest of each part of what a fit learns from.

    Of rows on several ranks it is the sum over the rows: it stays the same when the rows lie
    on other ranks, or on another number of them.
    """
    data = _data(call)
    if not call.ranks.are_given:
        return {name: _digest(parts) for name, parts in data.items()}
    begins = _digest(data.pop("weights to begin with"))
    own = {name: 0 if part is None else _sum_of_rows(part) for name, (part,) in data.items()}
    digests = {"comm": "given", "weights to begin with": begins}
    ranks = call.ranks.exchange(own)
    return digests | {name: f"{sum(each[name] for each in ranks) % 2**128:x}" for name in own}


def _sum_of_rows(rows: Any) -> int:
    """Return the sum of the digests of all rows."""
    return sum(int(_digest([rows[i : i + 1]])[:32], 16) for i in range(rows.shape[0]))


def _digest(parts: Iterable[Any]) -> str:
    """Return a digest of arrays, sparse matrices, streams and None."""
    digest = hashlib.sha256()
    for part in parts:
        if issparse(part):
            digest.update(_digest([part.shape, part.data, part.indices, part.indptr]).encode())
        elif isinstance(part, Stream):
            digest.update(f"{part.dtype} {part.window} ".encode() + part.starts.tobytes())
            for _, rows in part.chunks():
                digest.update(rows.data)
        elif isinstance(part, np.ndarray) and part.dtype != object:
            digest.update(f"{part.dtype} {part.shape} ".encode())
            digest.update(np.ascontiguousarray(part).reshape(-1).view(np.uint8).data)
        else:
            values = part.tolist() if isinstance(part, np.ndarray) else part
            digest.update(f"{values!r} ".encode())
    return digest.hexdigest()


def _texts(params: Any) -> dict[str, str]:
    """Return a text for each parameter, by which they are compared.

    Raises
    ------
    ValueError
        If one cannot be saved.
    """
    if type(params) is not dict:
        raise ModelFormatError(f"params are {shown(params)}: needed is an object")
    texts = {}
    for name, value in params.items():
        tensors: Tensors = {}
        texts[name] = json.dumps(pack(value, name, tensors)) + _digest(tensors.values())
    return texts
