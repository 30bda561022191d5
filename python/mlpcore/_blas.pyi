from typing import Any

from numpy.typing import NDArray

def matmul(
    A: NDArray[Any],
    B: NDArray[Any],
    alpha: float,
    beta: float,
    C: NDArray[Any],
    *,
    trans_a: bool = False,
    trans_b: bool = False,
) -> None: ...
