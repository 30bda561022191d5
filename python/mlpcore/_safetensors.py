"""The safetensors format, with a digest of every byte: written whole, read strictly.

A file is 8 bytes, the length of the header as a little-endian integer; the header, a JSON
object with dtype, shape and place of each tensor, and strings under "__metadata__"; and the
tensors, C order, little-endian, without gaps. One string, "digest", is the SHA-256 of the
file with 64 zeros in its place. https://github.com/huggingface/safetensors
"""

import hashlib
import json
import math
import os
import reprlib
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mlpcore._atomic import replacing

# More than any header of ours, and as much as a hostile one may cost.
HEADER_LIMIT = 2**24

_DTYPES = {
    name: np.dtype(kind)
    for name, kind in {"F64": "<f8", "F32": "<f4", "I64": "<i8", "U32": "<u4"}.items()
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_BLANK = "0" * 64


class ModelFormatError(ValueError):
    """A file is no model, is damaged, or is of a version that this mlpcore does not know."""


def shown(value: Any) -> str:
    """Return a value for a message, shortened."""
    return reprlib.repr(value)


def write(
    path: str | os.PathLike[str], metadata: Mapping[str, str], tensors: Mapping[str, NDArray[Any]]
) -> None:
    """Write a file atomically.

    Parameters
    ----------
    path : str or path-like
    metadata : mapping of str to str
        Without "digest".
    tensors : mapping of str to ndarray
        Of float64, float32, int64 or uint32.

    Raises
    ------
    ValueError
        If the header would be longer than `HEADER_LIMIT`.
    """
    # Eight bytes before four, so that all of them are aligned.
    ordered = dict(sorted(tensors.items(), key=lambda item: -item[1].itemsize))
    header: dict[str, Any] = {"__metadata__": {**metadata, "digest": _BLANK}}
    place = 0
    for name, tensor in ordered.items():
        dtype = _NAMES[tensor.dtype.newbyteorder("<")]
        offsets = [place, place + tensor.nbytes]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": offsets}
        place += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > HEADER_LIMIT:
        raise ValueError(f"names and labels take {len(text)} bytes: allowed are {HEADER_LIMIT}")
    parts = [_little_endian_bytes(tensor) for tensor in ordered.values()]
    digest = hashlib.sha256(len(text).to_bytes(8, "little") + text)
    for part in parts:
        digest.update(part)
    text = text.replace(_digest_field(_BLANK), _digest_field(digest.hexdigest()))
    with replacing(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for part in parts:
            file.write(part)


def _little_endian_bytes(tensor: NDArray[Any]) -> memoryview:
    array = np.ascontiguousarray(tensor, dtype=tensor.dtype.newbyteorder("<"))
    return array.reshape(-1).view(np.uint8).data


def _digest_field(digest: str) -> bytes:
    # Quotation marks inside of strings are escaped: this is found nowhere else.
    return f'"digest":"{digest}"'.encode()


def read(path: str | os.PathLike[str]) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """Return metadata and tensors of a file that `write` wrote.

    No more is allocated for tensors than the file holds, and for the header some tens of
    times its length.

    Raises
    ------
    ModelFormatError
        If a byte is not as it was written, or the file is none of these.
    OSError
        If it cannot be read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        text = _read_header(file, size)
        header = parse(text, "the header")
        metadata = _checked_metadata(header)
        places = _checked_places(header, size - 8 - len(text))
        written = _digest_field(metadata.get("digest", ""))
        if text.count(written) != 1:
            raise ModelFormatError("the header has no digest: mlpcore did not write this file")
        blank = text.replace(written, _digest_field(_BLANK))
        digest = hashlib.sha256(len(text).to_bytes(8, "little") + blank)
        tensors = {}
        for name, (dtype, shape) in places.items():
            tensor = np.empty(shape, dtype)
            raw = tensor.reshape(-1).view(np.uint8)
            if file.readinto(raw.data) != tensor.nbytes:
                raise ModelFormatError(f"the file ends within tensor {name!r}")
            digest.update(raw.data)
            tensors[name] = tensor.astype(dtype.newbyteorder("="), copy=False)
    if digest.hexdigest() != metadata["digest"]:
        raise ModelFormatError("the file is damaged: its contents do not have its digest")
    return metadata, tensors


def parse(text: str | bytes, what: str) -> dict[str, Any]:
    """Return a JSON object, if that is what the text is."""
    try:
        value = json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_constant)
    except RecursionError:
        raise ModelFormatError(f"{what} is nested too deeply") from None
    except ModelFormatError:
        raise
    except ValueError as error:
        raise ModelFormatError(f"{what} is not JSON: {error}") from None
    if type(value) is not dict:
        raise ModelFormatError(f"{what} is {shown(value)}: needed is a JSON object")
    return value


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ModelFormatError(f"a JSON object has a name twice: {shown([n for n, _ in pairs])}")
    return values


def _no_constant(name: str) -> None:
    raise ModelFormatError(f"{name} is not JSON")


def _read_header(file: BinaryIO, size: int) -> bytes:
    if size < 8:
        raise ModelFormatError(f"the file has {size} bytes: a model has 8 and a header")
    length = int.from_bytes(file.read(8), "little")
    if length > HEADER_LIMIT:
        raise ModelFormatError(
            f"the header is said to have {length} bytes: at most {HEADER_LIMIT} are allowed, and "
            "this is probably no model file"
        )
    if length > size - 8:
        raise ModelFormatError(f"the header should have {length} bytes, and {size - 8} are there")
    return file.read(length)


def _checked_metadata(header: dict[str, Any]) -> dict[str, str]:
    metadata = header.pop("__metadata__", {})
    if type(metadata) is not dict or any(type(value) is not str for value in metadata.values()):
        raise ModelFormatError(f"__metadata__ is {shown(metadata)}: needed is an object of strings")
    return metadata


def _checked_places(
    header: dict[str, Any], n_bytes: int
) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Return dtype and shape of each tensor, in the order of the file.

    Raises
    ------
    ModelFormatError
        If they do not fill the n_bytes behind the header, each byte once.
    """
    found = {name: _checked_place(name, place) for name, place in header.items()}
    ordered = sorted(found.items(), key=lambda item: item[1][2:])
    filled = 0
    for name, (_, _, begin, end) in ordered:
        if begin != filled:
            raise ModelFormatError(
                f"tensor {name!r} is at {begin} to {end}: the one before ends at {filled}"
            )
        filled = end
    if filled != n_bytes:
        raise ModelFormatError(
            f"the tensors take {filled} bytes, and the file has {n_bytes} for them"
        )
    return {name: (dtype, shape) for name, (dtype, shape, _, _) in ordered}


def _checked_place(name: str, place: Any) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    if type(place) is not dict or set(place) != {"dtype", "shape", "data_offsets"}:
        raise ModelFormatError(
            f"tensor {name!r} is {shown(place)}: needed are dtype, shape and data_offsets"
        )
    dtype = _DTYPES.get(place["dtype"]) if type(place["dtype"]) is str else None
    if dtype is None:
        raise ModelFormatError(
            f"tensor {name!r} has dtype {shown(place['dtype'])}: allowed are {', '.join(_DTYPES)}"
        )
    shape, offsets = place["shape"], place["data_offsets"]
    if not (_are_lengths(shape) and _are_lengths(offsets) and len(shape) <= 2 == len(offsets)):
        raise ModelFormatError(f"tensor {name!r} has shape {shown(shape)} at {shown(offsets)}")
    begin, end = offsets
    if math.prod(shape) * dtype.itemsize != end - begin:
        raise ModelFormatError(
            f"tensor {name!r} has shape {shown(shape)} of {place['dtype']}, and {end - begin} bytes"
        )
    return dtype, tuple(shape), begin, end


def _are_lengths(values: Any) -> bool:
    return (
        type(values) is list
        and all(type(value) is int and value >= 0 for value in values)
        # Beyond that NumPy makes no array, not even one without elements.
        and math.prod(max(value, 1) for value in values) < 2**48
    )
