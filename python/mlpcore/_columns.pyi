from typing import Any

from numpy.typing import NDArray

def interleave(columns: list[NDArray[Any]], out: NDArray[Any]) -> None: ...
