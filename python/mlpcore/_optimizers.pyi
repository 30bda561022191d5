from enum import IntEnum
from typing import Any

from numpy.typing import NDArray

class Solver(IntEnum):
    SGD = ...
    ADAM = ...
    ADAMW = ...

class Optimizer:
    solver: Solver
    learning_rate: float
    momentum: float
    nesterov: bool
    beta_1: float
    beta_2: float
    epsilon: float
    weight_decay: float
    max_grad_norm: float
    measures_norm: bool
    t: int
    state: NDArray[Any] | None
    def __init__(
        self,
        solver: Solver,
        learning_rate: float,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        max_grad_norm: float = ...,
        measures_norm: bool = False,
    ) -> None: ...
    @property
    def n_state(self) -> int: ...

def step(
    optimizer: Optimizer,
    grads: NDArray[Any],
    scale: float,
    alpha: float,
    n_weights: int,
    params: NDArray[Any],
) -> None: ...
