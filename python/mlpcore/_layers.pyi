from typing import Any

from numpy.typing import NDArray

from mlpcore._team import Team

def product(
    team: Team,
    A: NDArray[Any],
    B: NDArray[Any],
    C: NDArray[Any],
    *,
    trans_a: bool = False,
    trans_b: bool = False,
    slices: bool = False,
) -> None: ...
