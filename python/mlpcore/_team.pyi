import numpy as np
from numpy.typing import DTypeLike

def zeros_on_lines(shape: int | tuple[int, ...], dtype: DTypeLike) -> np.ndarray: ...

class Team:
    n_threads: int
    def __init__(self, n_threads: int, bfloat16: bool = False, slices: bool = False) -> None: ...
