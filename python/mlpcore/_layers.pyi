from typing import Any

from numpy.typing import NDArray

def affine_forward(X: NDArray[Any], W: NDArray[Any], b: NDArray[Any], Z: NDArray[Any]) -> int: ...
def affine_input_gradient(D: NDArray[Any], W: NDArray[Any], d_X: NDArray[Any]) -> int: ...
def affine_gradient(
    X: NDArray[Any],
    D: NDArray[Any],
    alpha: float,
    beta_W: float,
    beta_b: float,
    d_W: NDArray[Any],
    d_b: NDArray[Any],
) -> int: ...
