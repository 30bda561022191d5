"""What is to be minimized: the loss of a network on data."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from mlpcore._computation import Computation
from mlpcore._feed import Feed
from mlpcore._losses import Objective
from mlpcore._network import Network
from mlpcore._rows import Rows


@dataclass(frozen=True)
class Problem:
    """The loss of a network, as a function of its flat parameter vector.

    Parameters
    ----------
    network : Network
    objective : Objective
    rows : Rows
    Y : ndarray of shape (n_samples, n_outputs)
        Targets as the network sees them.
    sample_weight : ndarray of shape (n_samples,) or None
    alpha : float
        Strength of the L2 regularization.
    computation : Computation
    feed : Feed or None
        Of a stream: rows, Y and sample_weight are its buffer.
    """

    network: Network
    objective: Objective
    rows: Rows
    Y: NDArray[Any]
    sample_weight: NDArray[Any] | None
    alpha: float
    computation: Computation
    feed: Feed | None = None
