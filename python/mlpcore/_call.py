"""One call of fit or partial_fit."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackContext

from mlpcore._network import Network
from mlpcore._ranks import Ranks
from mlpcore._source import Stream
from mlpcore._team import copy_on_lines


@dataclass(frozen=True)
class Call:
    """One call of fit or partial_fit, validated.

    Parameters
    ----------
    X : ndarray, CSR matrix or Stream of shape (n_samples, n_features)
    y : ndarray
        As given.
    sample_weight : ndarray of shape (n_samples,) or None
        As given.
    validation : (X, y) or None
        A validation set of the caller's own.
    hidden_sizes : list of int
    earlier : dict
        Attributes of the training that this one goes on with; empty for a new one.
    incremental : bool
        Whether it is partial_fit.
    context : CallbackContext
    stopped : Stopped or None
        Where the training stopped that this one is to resume bit by bit.
    n_epochs : int
        The largest number of them; "lbfgs" has none.
    ranks : Ranks
        That share it, each with rows of its own.
    """

    X: NDArray[Any] | Stream
    y: NDArray[Any]
    sample_weight: NDArray[Any] | None
    validation: tuple[NDArray[Any] | Stream, NDArray[Any]] | None
    hidden_sizes: list[int]
    earlier: dict[str, Any]
    incremental: bool
    context: CallbackContext
    stopped: "Stopped | None"
    n_epochs: int
    ranks: Ranks


@dataclass(frozen=True)
class Stopped:
    """Where a training stopped that is to be resumed bit by bit.

    Parameters
    ----------
    params : ndarray
        The last ones, which need not be the best.
    best_params : ndarray or None
    stream : RandomState
    order, kept : ndarray of intp
        Rows trained on, or of a stream its blocks, as they were permuted; rows kept aside. Those
        of all ranks.
    dropout : numpy.random.PCG64
    epoch : int
        Epochs so far, for a learning rate that is planned by epochs.
    learning_rate : float
        Of the next epoch, were there no warm-up.
    of_blocks : bool
        Whether order is of the blocks of a stream.
    """

    params: NDArray[Any]
    best_params: NDArray[Any] | None
    stream: np.random.RandomState
    order: NDArray[np.intp]
    kept: NDArray[np.intp]
    dropout: np.random.PCG64
    epoch: int
    learning_rate: float
    of_blocks: bool = False


def check_same_rows(stopped: Stopped, X: NDArray[Any] | Stream, n_samples: int) -> None:
    """Raise ValueError if X, with all ranks' samples, is not that of a fit to be resumed."""
    n_before = len(stopped.order) + len(stopped.kept)
    if not stopped.of_blocks and not isinstance(X, Stream):
        if n_before != n_samples:
            raise ValueError(
                f"X has {n_samples} samples, that of the fit to be resumed {n_before}: "
                "resume=True needs the same"
            )
        return
    n_blocks = X.n_blocks if isinstance(X, Stream) else 0
    if not stopped.of_blocks or n_blocks != len(stopped.order) or (stopped.kept >= n_samples).any():
        raise ValueError(
            "X is not the stream of the fit to be resumed: resume=True needs the same data and "
            "buffer"
        )


@contextmanager
def unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Restore the attributes of the estimator if the body raises."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def params_of_before(
    network: Network, earlier: Mapping[str, Any], stopped: Stopped | None = None
) -> NDArray[Any]:
    """Return a copy of the parameters that a training goes on from.

    They are the last of one that stopped, or what an earlier one ended with, which may be its best.

    Raises
    ------
    ValueError
        If they are of layers of other sizes.
    """
    params = earlier["_params"]
    before = [W.shape for W in earlier["_network"].coefs(params)]
    now = [W.shape for W in network.coefs(np.empty(network.n_params))]
    if before != now or earlier["_network"].shared_bias != network.shared_bias:
        raise ValueError(
            f"the layers have weights of shapes {now}, those of the earlier fit {before}: a fit "
            "that goes on, by warm_start, resume or partial_fit, needs the same layers"
        )
    return copy_on_lines(params if stopped is None else stopped.params)
