from enum import IntEnum

class Outcome(IntEnum):
    RUNNING = ...
    MAX_ITER = ...
    CONVERGED = ...
    STOPPED = ...
    NON_FINITE = ...

class Run:
    outcome: Outcome
    n_iter: int
    tol: float
    n_iter_no_change: float
    best_loss: float
    no_improvement_count: int
    def __init__(
        self,
        tol: float,
        n_iter_no_change: float,
        *,
        best_loss: float = ...,
        no_improvement_count: int = 0,
    ) -> None: ...
    @property
    def loss_curve(self) -> list[float]: ...
