from typing import Any

class Rows:
    scale: float
    is_csr: bool
    n_samples: int
    n_features: int
    def __init__(self, X: Any, scale: float = 1.0) -> None: ...
    def unscaled(self) -> Rows: ...
