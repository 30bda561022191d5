from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore._dropout import Dropout
from mlpcore._losses import Loss, Objective
from mlpcore._mpi import Reduction
from mlpcore._network import Network
from mlpcore._optimizers import Optimizer
from mlpcore._rows import Rows
from mlpcore._run import Run

def train(
    network: Network,
    loss: Loss | Objective,
    optimizer: Optimizer,
    rows: Rows,
    Y: NDArray[Any],
    params: NDArray[Any],
    run: Run,
    *,
    alpha: float,
    batch_size: int,
    max_iter: int,
    sample_weight: NDArray[Any] | None = None,
    order: NDArray[np.intp] | None = None,
    bit_generator: np.random.BitGenerator | None = None,
    dropout: Dropout | None = None,
    refill: Callable[[], NDArray[np.intp]] | None = None,
    report: Callable[[], bool] | None = None,
    every_epoch: bool = False,
    ends_when_non_finite: bool = True,
    sparse: bool = False,
    bfloat16: bool = False,
    n_threads: int = 1,
    reduction: Reduction | None = None,
) -> None: ...
def predict(
    network: Network,
    rows: Rows,
    params: NDArray[Any],
    *,
    order: NDArray[np.intp] | None = None,
    n_threads: int = 1,
) -> NDArray[Any]: ...
def loss_and_gradient(
    network: Network,
    loss: Loss | Objective,
    rows: Rows,
    Y: NDArray[Any],
    params: NDArray[Any],
    alpha: float = 0.0,
    *,
    sample_weight: NDArray[Any] | None = None,
    sparse: bool = False,
    n_threads: int = 1,
    reduction: Reduction | None = None,
) -> tuple[float, NDArray[Any]]: ...
def mean_loss(
    loss: Loss | Objective,
    outputs: NDArray[Any],
    Y: NDArray[Any],
    sample_weight: NDArray[Any] | None = None,
) -> float: ...
