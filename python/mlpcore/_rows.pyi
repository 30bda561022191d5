from typing import Any

from numpy.typing import NDArray

class Rows:
    scale: float
    n_samples: int
    n_features: int
    def __init__(self, X: NDArray[Any], scale: float = 1.0) -> None: ...
