"""Learning rates that change from epoch to epoch, and what happens when learning stalls."""

from typing import Any

from mlpcore._optimizers import Optimizer

# scikit-learn's: "adaptive" gives up below this rate, and divides by that before.
SMALLEST_ADAPTIVE_RATE = 1e-6
ADAPTIVE_DIVISOR = 5.0


class Constant:
    """The rate never changes, and a stall ends the training."""

    # Whether the epoch loop must ask after every epoch.
    acts_every_epoch = False

    def end_epoch(self, optimizer: Optimizer, t: int) -> None:
        """Set the rate for the next epoch, t samples having been seen."""

    def on_stall(self, optimizer: Optimizer) -> tuple[bool, str]:
        """Return whether the training ends, and what is done, for the log."""
        return True, "Stopping."


class InvScaling(Constant):
    """rate / (t + 1)^power_t after t samples."""

    acts_every_epoch = True

    def __init__(self, rate: float, power_t: float) -> None:
        self._rate, self._power_t = rate, power_t

    def end_epoch(self, optimizer: Optimizer, t: int) -> None:
        """Set the rate for the next epoch, t samples having been seen."""
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


def new_schedule(estimator: Any) -> Constant:
    """Return the schedule that an estimator's parameters name; "adam" has its own pace."""
    if estimator.solver != "sgd" or estimator.learning_rate == "constant":
        return Constant()
    if estimator.learning_rate == "invscaling":
        return InvScaling(estimator.learning_rate_init, estimator.power_t)
    return Adaptive()
