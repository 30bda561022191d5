"""Python's values as JSON with arrays beside it, and checks of what comes back."""

import math
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore._safetensors import ModelFormatError, shown

Tensors = dict[str, NDArray[Any]]


def pack(value: Any, name: str, tensors: Tensors) -> Any:
    """Return a value as JSON can hold it.

    What JSON does not know becomes an object with one name that begins with a dollar sign.
    NumPy's scalars become Python's, and paths strings.

    Parameters
    ----------
    value : object
    name : str
        What it is, for messages, and of its tensor.
    tensors : dict
        Receives the arrays.

    Raises
    ------
    ValueError
        If it is, or contains, what no file can hold: a function, say.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(float(value))}
    if isinstance(value, list):
        return [pack(item, f"{name}.{i}", tensors) for i, item in enumerate(value)]
    if isinstance(value, tuple):
        return {"$tuple": pack(list(value), name, tensors)}
    if isinstance(value, dict):
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: pack(item, f"{name}.{key}", tensors) for key, item in value.items()}
        return {"$items": pack([list(item) for item in value.items()], name, tensors)}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.random.RandomState):
        state = value.get_state(legacy=False)
        if state["bit_generator"] != "MT19937":
            raise ValueError(f"{name} draws from {state['bit_generator']}: only MT19937 is saved")
        return {"$random_state": pack(state, name, tensors)}
    if isinstance(value, np.ndarray):
        tensors[name] = value
        return {"$tensor": name}
    raise ValueError(
        f"{name}={shown(value)} cannot be saved: allowed are None, booleans, numbers, strings, "
        "RandomState, and lists, tuples and dicts of these; no functions"
    )


def unpack(value: Any, tensors: Tensors) -> Any:
    """Return what `pack` was given.

    Parameters
    ----------
    value : object
        Of json.
    tensors : dict
        Loses those that are used, each once.

    Raises
    ------
    ModelFormatError
        If `pack` never returns such a value.
    """
    if type(value) is list:
        return [unpack(item, tensors) for item in value]
    if type(value) is not dict:
        return value
    tag, content = next(iter(value.items())) if len(value) == 1 else ("", None)
    if not tag.startswith("$"):
        return {key: unpack(item, tensors) for key, item in value.items()}
    if tag == "$float" and content in ("inf", "-inf", "nan"):
        return float(content)
    if tag == "$tuple" and type(content) is list:
        return tuple(unpack(content, tensors))
    if tag == "$items" and type(content) is list:
        return _dict_of(unpack(content, tensors))
    if tag == "$random_state":
        return random_state(unpack(content, tensors))
    if tag == "$tensor" and type(content) is str and content in tensors:
        return tensors.pop(content)
    raise ModelFormatError(f"{shown(value)} stands for nothing that is there")


def _dict_of(items: list[Any]) -> dict[Any, Any]:
    try:
        if all(type(item) is list and len(item) == 2 for item in items):
            return dict(items)
    except TypeError:
        pass
    raise ModelFormatError(f"$items is {shown(items)}: needed are pairs of a key and a value")


class Fields:
    """The items of a dict that came from outside; each is taken once, and checked.

    Parameters
    ----------
    values : object
        Must be a dict.
    where : str
        What it is, for messages.

    Raises
    ------
    ModelFormatError
        From every method, if an item is missing or is not what is asked for.
    """

    def __init__(self, values: Any, where: str) -> None:
        if type(values) is not dict:
            raise ModelFormatError(f"{where} is {shown(values)}: needed is an object")
        self._values, self.where = dict(values), where

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def take(self, name: str, *types: type) -> Any:
        """Return an item of one of the types; of subclasses none but a mapped array passes."""
        if name not in self._values:
            raise ModelFormatError(f"{self.where}.{name} is missing")
        value = self._values.pop(name)
        is_mapped = isinstance(value, np.memmap) and np.ndarray in types
        if type(value) not in types and not is_mapped:
            needed = " or ".join(kind.__name__ for kind in types)
            raise ModelFormatError(f"{self.where}.{name} is {shown(value)}: needed is a {needed}")
        return value

    def integer(self, name: str, most: int = 2**63 - 1) -> int:
        """Return an integer from 0 to most."""
        value = self.take(name, int)
        if not 0 <= value <= most:
            raise ModelFormatError(f"{self.where}.{name} is {shown(value)}: needed is 0 to {most}")
        return value

    def number(self, name: str) -> float:
        """Return a float."""
        return self.take(name, float)

    def choice(self, name: str, choices: Any) -> str:
        """Return a string that is one of several."""
        value = self.take(name, str)
        if value not in choices:
            raise ModelFormatError(
                f"{self.where}.{name} is {shown(value)}: allowed are {', '.join(choices)}"
            )
        return value

    def array(self, name: str, dtype: Any, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """Return an array; a length of None is any."""
        value = self.take(name, np.ndarray)
        fits = value.ndim == len(shape) and all(
            needed in (None, found) for needed, found in zip(shape, value.shape, strict=True)
        )
        if value.dtype != dtype or not fits:
            raise ModelFormatError(
                f"{self.where}.{name} is of {value.dtype} and shape {value.shape}: needed are "
                f"{np.dtype(dtype)} and {shape}"
            )
        return value

    def inner(self, name: str) -> "Fields":
        """Return the items of a dict in this one."""
        return Fields(self.take(name, dict), f"{self.where}.{name}")

    def end(self) -> None:
        """Check that all items were taken."""
        if self._values:
            names = ", ".join(shown(name) for name in self._values)
            raise ModelFormatError(f"{self.where} has what this version does not know: {names}")


def random_state(values: Any) -> np.random.RandomState:
    """Return a RandomState of the given state, as its `get_state(legacy=False)` returns it.

    NumPy itself believes what it is given: a wrong position would read foreign memory.
    """
    fields = Fields(values, "RandomState")
    fields.choice("bit_generator", ("MT19937",))
    inner = fields.inner("state")
    key, position = inner.array("key", np.uint32, (624,)), inner.integer("pos", 624)
    inner.end()
    has_gauss, gauss = fields.integer("has_gauss", 1), fields.number("gauss")
    fields.end()
    stream = np.random.RandomState()
    stream.set_state(("MT19937", key, position, has_gauss, gauss))
    return stream
