from collections.abc import Sequence

import numpy as np

class Dropout:
    def __init__(self, rates: Sequence[float], generator: np.random.BitGenerator) -> None: ...
