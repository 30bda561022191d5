"""Learning rates that change from epoch to epoch, and what happens when learning stalls."""

from collections.abc import Callable
from math import cos, inf, isfinite, pi
from typing import Any

from mlpcore._optimizers import Optimizer

# scikit-learn's: "adaptive" gives up below this rate, and divides by that before.
SMALLEST_ADAPTIVE_RATE = 1e-6
ADAPTIVE_DIVISOR = 5.0

PLATEAU_FACTOR = 0.5

# L. N. Smith and N. Topin, "Super-convergence" (2017), with the shares that are usual.
ONE_CYCLE_RISE = 0.3
ONE_CYCLE_START = 1 / 25
ONE_CYCLE_END = ONE_CYCLE_START / 1e4


class Constant:
    """The rate never changes, and a stall ends the training."""

    # Whether the epoch loop must ask after every epoch.
    acts_every_epoch = False

    def begin(self, optimizer: Optimizer, epoch: int) -> None:
        """Set the rate for the first epoch of a training, which goes on from earlier ones."""

    def rate(self, optimizer: Optimizer) -> float:
        """Return the rate that a training which goes on is to begin with."""
        return optimizer.learning_rate

    def end_epoch(self, optimizer: Optimizer, epoch: int, t: int, stalled: int) -> None:
        """Set the rate for the next epoch.

        Parameters
        ----------
        optimizer : Optimizer
        epoch, t : int
            Epochs and samples so far.
        stalled : int
            Epochs in a row without improvement.
        """

    def on_stall(self, optimizer: Optimizer) -> tuple[bool, str]:
        """Return whether the training ends, and what is done, for the log."""
        return True, "Stopping."


class InvScaling(Constant):
    """rate / (t + 1)^power_t after t samples."""

    acts_every_epoch = True

    def __init__(self, rate: float, power_t: float) -> None:
        self._rate, self._power_t = rate, power_t

    def end_epoch(self, optimizer: Optimizer, epoch: int, t: int, stalled: int) -> None:
        """Set the rate for the next epoch."""
        optimizer.learning_rate = self._rate / (t + 1) ** self._power_t


class Adaptive(Constant):
    """A fifth of the rate at every stall, until it is too small."""

    acts_every_epoch = True

    def on_stall(self, optimizer: Optimizer) -> tuple[bool, str]:
        """Return whether the training ends, and what is done, for the log."""
        if optimizer.learning_rate <= SMALLEST_ADAPTIVE_RATE:
            return True, "Learning rate too small. Stopping."
        optimizer.learning_rate /= ADAPTIVE_DIVISOR
        return False, f"Setting learning rate to {optimizer.learning_rate:f}"


class Plateau(Constant):
    """Half the rate whenever learning has stalled for half of the patience."""

    acts_every_epoch = True

    def __init__(self, n_iter_no_change: float) -> None:
        self._patience = 5 if n_iter_no_change == inf else max(1, int(n_iter_no_change) // 2)

    def end_epoch(self, optimizer: Optimizer, epoch: int, t: int, stalled: int) -> None:
        """Set the rate for the next epoch."""
        if stalled > 0 and stalled % self._patience == 0:
            optimizer.learning_rate *= PLATEAU_FACTOR


class Planned(Constant):
    """A rate for each epoch, counted from 0."""

    acts_every_epoch = True

    def __init__(self, rate: Callable[[int], float]) -> None:
        self._rate = rate

    def begin(self, optimizer: Optimizer, epoch: int) -> None:
        """Set the rate for the first epoch of a training.

        Raises
        ------
        ValueError
            If the rate is not a positive number.
        """
        rate = self._rate(epoch)
        if not (rate >= 0 and isfinite(rate)):
            raise ValueError(
                f"learning_rate gives {rate!r} for epoch {epoch}: needed is a number >= 0"
            )
        optimizer.learning_rate = float(rate)

    def end_epoch(self, optimizer: Optimizer, epoch: int, t: int, stalled: int) -> None:
        """Set the rate for the next epoch."""
        self.begin(optimizer, epoch)


class WarmUp(Constant):
    """Another schedule, whose rate is approached in equal steps during the first epochs."""

    acts_every_epoch = True

    def __init__(self, inner: Constant, epochs: int) -> None:
        self._inner, self._epochs, self._epoch = inner, epochs, 0
        self._full = 0.0

    def begin(self, optimizer: Optimizer, epoch: int) -> None:
        """Set the rate for the first epoch of a training."""
        self._inner.begin(optimizer, epoch)
        self._full, self._epoch = optimizer.learning_rate, epoch
        self._apply(optimizer)

    def rate(self, optimizer: Optimizer) -> float:
        """Return the rate that a training which goes on is to begin with."""
        return self._full

    def end_epoch(self, optimizer: Optimizer, epoch: int, t: int, stalled: int) -> None:
        """Set the rate for the next epoch."""
        optimizer.learning_rate = self._full
        self._inner.end_epoch(optimizer, epoch, t, stalled)
        self._full, self._epoch = optimizer.learning_rate, epoch
        self._apply(optimizer)

    def on_stall(self, optimizer: Optimizer) -> tuple[bool, str]:
        """Return whether the training ends, and what is done, for the log."""
        optimizer.learning_rate = self._full
        outcome = self._inner.on_stall(optimizer)
        self._full = optimizer.learning_rate
        self._apply(optimizer)
        return outcome

    def _apply(self, optimizer: Optimizer) -> None:
        optimizer.learning_rate = self._full * min(1.0, (self._epoch + 1) / self._epochs)


def cosine(rate: float, n_epochs: int) -> Callable[[int], float]:
    """Return the rate of each epoch on half a cosine, from rate to 0 (arXiv:1608.03983)."""
    return lambda epoch: rate * 0.5 * (1 + cos(pi * min(epoch / n_epochs, 1.0)))


def one_cycle(rate: float, n_epochs: int) -> Callable[[int], float]:
    """Return the rate of each epoch: up to rate on half a cosine, and down to almost 0."""
    peak = max(1.0, ONE_CYCLE_RISE * n_epochs)

    def between(first: float, last: float, share: float) -> float:
        return rate * (last + (first - last) * 0.5 * (1 + cos(pi * min(share, 1.0))))

    def at(epoch: int) -> float:
        if epoch < peak:
            return between(ONE_CYCLE_START, 1.0, epoch / peak)
        return between(1.0, ONE_CYCLE_END, (epoch - peak) / max(1.0, n_epochs - peak))

    return at


def new_schedule(estimator: Any) -> Constant:
    """Return the schedule that an estimator's parameters name.

    scikit-learn's own schedules are for "sgd" only, as there.
    """
    kind, rate = estimator.learning_rate, estimator.learning_rate_init
    schedule = Constant()
    if kind == "invscaling" and estimator.solver == "sgd":
        schedule = InvScaling(rate, estimator.power_t)
    elif kind == "adaptive" and estimator.solver == "sgd":
        schedule = Adaptive()
    elif kind == "plateau":
        schedule = Plateau(estimator.n_iter_no_change)
    elif kind == "cosine":
        schedule = Planned(cosine(rate, estimator.max_iter))
    elif kind == "one_cycle":
        schedule = Planned(one_cycle(rate, estimator.max_iter))
    elif callable(kind):
        schedule = Planned(kind)
    if estimator.warmup_epochs > 0:
        schedule = WarmUp(schedule, estimator.warmup_epochs)
    return schedule
