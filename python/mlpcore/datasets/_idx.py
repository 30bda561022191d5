"""IDX files: an array of bytes behind a header that gives its shape."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_UNSIGNED_BYTE = 0x08


@dataclass(frozen=True)
class IdxFile:
    """A file by its usual name, and the SHA-256 of its content, uncompressed."""

    name: str
    sha256: str

    def check(self, content: bytes) -> None:
        """Raise ValueError unless the content is the one that is known."""
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise ValueError(
                f"corrupt: {len(content)} bytes with SHA-256 {found[:12]}..., "
                f"expected {self.sha256[:12]}..."
            )


def parse_idx(content: bytes) -> NDArray[np.uint8]:
    """Return the array of an IDX file of unsigned bytes.

    The header is two zero bytes, the type, the number of dimensions, and each dimension
    as a big-endian 32-bit integer (Y. LeCun, "The MNIST database").

    Raises
    ------
    ValueError
        If the header is not one of unsigned bytes, or the length does not fit it.
    """
    if len(content) < 4 or content[:3] != bytes([0, 0, _UNSIGNED_BYTE]):
        raise ValueError(f"not an IDX file of unsigned bytes: it begins with {content[:4]!r}")
    n_dims = content[3]
    data_start = 4 + 4 * n_dims
    if len(content) < data_start:
        raise ValueError(f"IDX header cut off: {len(content)} bytes, {n_dims} dimensions")
    shape = tuple(np.frombuffer(content, ">u4", n_dims, offset=4).tolist())
    n_elements = int(np.prod(shape, dtype=object))
    if len(content) - data_start != n_elements:
        raise ValueError(f"IDX data of {len(content) - data_start} bytes does not fill {shape}")
    return np.frombuffer(content, np.uint8, n_elements, data_start).reshape(shape)
