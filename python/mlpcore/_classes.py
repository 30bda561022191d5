"""The classes of a classifier: what outputs stand for, as JSON and back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore._header import Fields
from mlpcore._safetensors import ModelFormatError, shown

# NumPy gives every string the room of the longest.
_LABELS_LIMIT = 2**24
_NUMBERS = {"b": bool, "i": int, "u": int, "f": float}
_NUMERIC = {
    np.dtype(name).name
    for name in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
}


@dataclass(frozen=True)
class Labels:
    """The classes of a classifier.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
    is_multilabel : bool
        Each output is a label that is there or not.
    bipolar : bool
        Targets are -1 and +1 instead of 0 and 1.
    """

    classes: NDArray[Any]
    is_multilabel: bool
    bipolar: bool

    @property
    def threshold(self) -> float:
        """Of an output that stands for itself: halfway between its two targets."""
        return 0.0 if self.bipolar else 0.5

    def decode(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the labels that the outputs of a network, (n_samples, n_outputs), stand for."""
        if self.is_multilabel:
            return (outputs > self.threshold).astype(int)
        if outputs.shape[1] == 1:
            return self.classes[(outputs[:, 0] > self.threshold).astype(np.intp)]
        return self.classes[outputs.argmax(axis=1)]


def pack_labels(labels: Labels) -> dict[str, Any]:
    """Return labels as JSON can hold them.

    Raises
    ------
    ValueError
        If they are neither strings nor numbers nor booleans, or too long.
    """
    classes = labels.classes
    if classes.dtype.kind != "U" and classes.dtype.name not in _NUMERIC:
        raise ValueError(
            f"classes_ of dtype {classes.dtype} cannot be saved: allowed are strings, integers, "
            "floats and booleans"
        )
    if classes.nbytes > _LABELS_LIMIT:
        raise ValueError(f"classes_ take {classes.nbytes} bytes: allowed are {_LABELS_LIMIT}")
    return {
        "dtype": f"str{classes.itemsize // 4}" if classes.dtype.kind == "U" else classes.dtype.name,
        "classes": classes.tolist(),
        "is_multilabel": labels.is_multilabel,
        "bipolar": labels.bipolar,
    }


def unpack_labels(values: Any, n_outputs: int) -> Labels:
    """Return the labels that `pack_labels` was given.

    Raises
    ------
    ModelFormatError
        If they are not labels, or not those of so many outputs.
    """
    fields = Fields(values, "labels")
    name, items = fields.take("dtype", str), fields.take("classes", list)
    labels = Labels(
        _array_of_labels(name, items), fields.take("is_multilabel", bool),
        fields.take("bipolar", bool),
    )  # fmt: skip
    fields.end()
    n_classes = len(items)
    if not np.array_equal(np.unique(labels.classes), labels.classes):
        raise ModelFormatError(
            f"labels.classes are {shown(items)}: they are not sorted and distinct"
        )
    if labels.is_multilabel:
        fits = n_classes == n_outputs > 1 and labels.classes.tolist() == list(range(n_outputs))
    else:
        fits = n_classes >= 2 and n_outputs == (1 if n_classes == 2 else n_classes)
    if not fits:
        raise ModelFormatError(
            f"labels.classes are {shown(items)}, and there are {n_outputs} outputs"
        )
    return labels


def _array_of_labels(name: str, items: list[Any]) -> NDArray[Any]:
    kind: type
    if name.startswith("str") and name[3:].isdecimal() and len(name) < 12:
        kind, dtype = str, np.dtype(f"U{name[3:]}")
    elif name in _NUMERIC:
        dtype = np.dtype(name)
        kind = _NUMBERS[dtype.kind]
    else:
        raise ModelFormatError(f"labels.dtype is {shown(name)}: allowed are str and numbers")
    is_short = all(type(item) is kind for item in items)
    if kind is str and is_short:
        is_short = all(4 * len(item) <= dtype.itemsize for item in items)
    if not is_short:
        raise ModelFormatError(f"labels.classes are {shown(items)}: needed are those of {name}")
    if dtype.itemsize * len(items) > _LABELS_LIMIT:
        raise ModelFormatError(f"labels of {name} would take more than {_LABELS_LIMIT} bytes")
    try:
        with np.errstate(over="ignore"):
            return np.array(items, dtype)
    except OverflowError:
        raise ModelFormatError(f"labels.classes are {shown(items)}: too large for {name}") from None
