"""What a training draws at random, and which rows it is of: of one process, or a rank's part.

The rows of several ranks have one order: row i of n on a rank stands at (i + 1/2) / n, and at
the same place that of the lower rank comes first. So each batch, which is cut from that order
as in one process, takes of each rank its due part to within a row, and ranks that have every
k-th row of some data, beginning with their own number, have them in the order of the data.
"""

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore._call import Call, check_same_rows
from mlpcore._mpi import Reduction
from mlpcore._parameters import dropout_rates
from mlpcore._ranks import Ranks
from mlpcore._source import Stream
from mlpcore._streams import copied
from mlpcore._validation import split


@dataclass(frozen=True)
class Draws:
    """What is drawn at random during a training, and from where.

    Parameters
    ----------
    stream : RandomState
        Of the permutations; nobody else may draw from it meanwhile.
    order : ndarray of intp
        The rows to train on, or of a stream its blocks; permuted in place.
    kept : ndarray of intp
        The rows kept aside.
    n_rows : int
        Rows that an epoch goes through, on all ranks.
    dropout_rates : sequence of float
        One a hidden layer.
    dropout : numpy.random.PCG64
        Of its own, so that dropout changes no permutation.
    """

    stream: np.random.RandomState
    order: NDArray[np.intp]
    kept: NDArray[np.intp]
    n_rows: int
    dropout_rates: Sequence[float]
    dropout: np.random.PCG64

    @property
    def keeps_aside(self) -> bool:
        """Whether there are rows kept aside."""
        return len(self.kept) > 0

    @property
    def shuffler(self) -> np.random.BitGenerator:
        """What permutes `order` before each epoch."""
        return self.stream._bit_generator

    def begin_epoch(self, epoch: int) -> None:
        """Make ready for an epoch, counted from 0."""

    def reduction(self, params: NDArray[Any], batch_size: int) -> Reduction | None:
        """Return what sums the steps over all ranks."""
        return None

    def to_go_on(self) -> dict[str, Any]:
        """Return what another training needs to go on: arguments of `Stopped`."""
        return {"stream": self.stream, "order": self.order, "kept": self.kept,
                "dropout": self.dropout}  # fmt: skip


@dataclass(frozen=True)
class SharedDraws(Draws):
    """The same on one of several ranks, which permutes its own rows.

    What it draws in an epoch follows from `seed`, the epoch and the rank, and so nothing but
    the seed and all rows need be known to go on, on any number of ranks.

    Parameters
    ----------
    ranks : Ranks
    sizes : list of int
        Of each rank, how many rows it trains on.
    first : ndarray of intp
        `order` as it was in the beginning.
    permutations : numpy.random.PCG64
    seed : numpy.random.PCG64
        Never drawn from.
    of_all : (order, kept)
        All rows, of all ranks in their one order: to train on, and kept aside.
    """

    ranks: Ranks
    sizes: list[int]
    first: NDArray[np.intp]
    permutations: np.random.PCG64
    seed: np.random.PCG64
    of_all: tuple[NDArray[np.intp], NDArray[np.intp]]

    @property
    def keeps_aside(self) -> bool:
        """Whether there are rows kept aside, on any rank."""
        return len(self.of_all[1]) > 0

    @property
    def shuffler(self) -> np.random.BitGenerator:
        """What permutes `order` before each epoch."""
        return self.permutations

    def begin_epoch(self, epoch: int) -> None:
        """Make ready for an epoch, counted from 0."""
        known: Any = self.seed.state
        entropy = [known["state"]["state"], epoch, self.ranks.rank]
        of_rows, of_units = np.random.SeedSequence(entropy).spawn(2)
        self.order[:] = self.first
        self.permutations.state = np.random.PCG64(of_rows).state
        self.dropout.state = np.random.PCG64(of_units).state

    def reduction(self, params: NDArray[Any], batch_size: int) -> Reduction | None:
        """Return what sums the steps over all ranks."""
        cuts = own_cuts(self.sizes, self.ranks.rank, batch_size)
        entry = self.ranks.entry(params.dtype)
        return Reduction(entry, len(params), params.dtype, self.n_rows, batch_size, cuts)

    def to_go_on(self) -> dict[str, Any]:
        """Return what another training needs to go on: arguments of `Stopped`."""
        order, kept = self.of_all
        return {"stream": self.stream, "order": order, "kept": kept, "dropout": self.seed}


def new_draws(
    estimator: Any, call: Call, strata: NDArray[Any] | None, stream: np.random.RandomState
) -> Draws:
    """Return what a training draws at random, and the rows that it keeps aside.

    Raises
    ------
    ValueError
        If X has not the rows of the training that goes on, or too few to keep some aside.
    """
    ranks, stopped = call.ranks, call.stopped
    rates = dropout_rates(estimator.dropout, len(call.hidden_sizes))
    sizes = ranks.exchange(call.X.shape[0])
    n_samples = sum(sizes)
    if stopped is not None:
        check_same_rows(stopped, call.X, n_samples)
        again = copy.deepcopy(stopped)
        n_rows = n_samples - len(again.kept)
        draws = Draws(again.stream, again.order, again.kept, n_rows, rates, again.dropout)
    else:
        order, kept = np.arange(n_samples), np.arange(0)
        if estimator.early_stopping and call.validation is None:
            order, kept = split(
                n_samples, estimator.validation_fraction, in_order(ranks, sizes, strata), stream
            )
        n_rows = n_samples - len(kept)
        if isinstance(call.X, Stream):
            order, kept = np.arange(call.X.n_blocks), np.sort(kept)
            if estimator.shuffle:
                stream.shuffle(order)
        dropout = np.random.PCG64(0)
        # A copy of the stream takes time: made for those who draw, or may when they go on.
        if ranks.are_given or any(rates) or estimator.resume:
            # Ranks never draw from the stream again: the next training must not repeat this one.
            source = stream if ranks.are_given else copied(stream)
            dropout = np.random.PCG64(source.randint(2**31 - 1))
        draws = Draws(stream, order, kept, n_rows, rates, dropout)
    return part_of(draws, ranks, sizes) if ranks.are_given else draws


def sum_of_all(call: Call, params: NDArray[Any]) -> Reduction | None:
    """Return what sums a step on all rows of all ranks; one process needs none."""
    if not call.ranks.are_given:
        return None
    n = call.X.shape[0]
    n_all = sum(call.ranks.exchange(n))
    entry = call.ranks.entry(params.dtype)
    return Reduction(entry, len(params), params.dtype, n_all, n_all, np.array([0, n]))


def part_of(draws: Draws, ranks: Ranks, sizes: list[int]) -> SharedDraws:
    """Return a rank's part of what all ranks draw; sizes are the rows of each rank."""
    order, kept = np.arange(sizes[ranks.rank]), np.arange(0)
    if len(draws.kept):
        own = np.full(sum(sizes), -1)
        own[positions(sizes, ranks.rank)] = order
        order, kept = own[draws.order], own[draws.kept]
        order, kept = order[order >= 0], kept[kept >= 0]
    return SharedDraws(
        draws.stream, order, kept, draws.n_rows, draws.dropout_rates, np.random.PCG64(0), ranks,
        ranks.exchange(len(order)), order.copy(), np.random.PCG64(0), draws.dropout,
        (draws.order, draws.kept),
    )  # fmt: skip


def in_order(ranks: Ranks, sizes: list[int], own: NDArray[Any] | None) -> NDArray[Any] | None:
    """Return the rows of all ranks in their one order; None of None."""
    parts = ranks.exchange(own)
    if own is None or not ranks.are_given:
        return own
    places = np.concatenate([positions(sizes, rank) for rank in range(ranks.size)])
    rows = np.empty((len(places), *own.shape[1:]), own.dtype)
    rows[places] = np.concatenate(parts)
    return rows


def positions(sizes: list[int], rank: int) -> NDArray[np.intp]:
    """Return where a rank's rows stand in the order of all.

    Before its row i of n are the rows j of another rank's m with (2j + 1) n < (2i + 1) m, and if
    that rank is lower those with equality.
    """
    n = sizes[rank]
    place = np.zeros(n, np.intp)
    own = 2 * np.arange(n) + 1
    lower, higher = Counter(sizes[:rank]), Counter(sizes[rank + 1 :])
    place += np.arange(n)
    for m in lower | higher:
        place += lower[m] * ((own * m + n) // (2 * n))
        place += higher[m] * ((own * m + n - 1) // (2 * n))
    return place


def own_cuts(sizes: list[int], rank: int, batch_size: int) -> NDArray[np.intp]:
    """Return where a rank's part of each batch begins among its rows, and the last ends."""
    ends = np.minimum(np.arange(0, sum(sizes) + batch_size, batch_size), sum(sizes))
    return np.searchsorted(positions(sizes, rank), ends)
