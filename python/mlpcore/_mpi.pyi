from typing import Any

import numpy as np
from numpy.typing import NDArray

class OtherRankError(RuntimeError): ...

class Reduction:
    buffer: NDArray[Any]
    n_samples: int
    is_due: bool
    interrupted: bool
    def __init__(
        self,
        entry: dict[str, int],
        n_params: int,
        dtype: np.dtype[Any],
        n_samples: int,
        batch_size: int,
        cuts: NDArray[np.intp],
    ) -> None: ...
    def fail(self) -> None: ...
