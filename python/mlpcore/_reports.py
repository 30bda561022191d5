"""What the world hears of a training: a line an epoch, and scikit-learn's callbacks."""

from collections.abc import Callable
from typing import Any

from sklearn.callback import CallbackContext


class EpochReports:
    """Called between two epochs; prints, and runs the callbacks' hooks.

    Parameters
    ----------
    estimator : estimator
        Being fitted.
    n_epochs : int
        Largest number of epochs.
    context : CallbackContext
        The root context of the fit; every epoch is a task below it.
    data : dict
        X and y, for the hooks that ask for them.
    fitted_attributes : callable
        Returns what makes a copy of the estimator ready to predict, as of now.
    """

    def __init__(
        self,
        estimator: Any,
        n_epochs: int,
        context: CallbackContext,
        data: dict[str, Any],
        fitted_attributes: Callable[[], dict[str, Any]],
    ) -> None:
        self._estimator = estimator
        self._epochs_left = n_epochs
        self._context = context
        self._data = data
        self._fitted_attributes = fitted_attributes
        self._n_printed = 0
        # The losses of this training, as far as it has come; for the lines.
        self.losses: Callable[[], list[float]] = list
        self.every_epoch = bool(getattr(estimator, "_skl_callbacks", ()))

    def begin(self) -> None:
        """Open the fit and its first epoch."""
        self._context.call_on_fit_task_begin(estimator=self._estimator, **self._data)
        self._begin_epoch()

    def end_epoch(self, is_last: bool) -> bool:
        """Close an epoch and open the next; true if a callback wants to stop."""
        if not self.every_epoch:
            return False
        stop = self._end(self._epoch)
        if not stop and not is_last:
            self._begin_epoch()
        return stop

    def end(self) -> None:
        """Report what is left, and close the fit."""
        self.print_new_epochs()
        self._end(self._context)

    def print_new_epochs(self) -> None:
        """Print the loss of each epoch that has ended since the last call."""
        if not self._estimator.verbose:
            return
        for loss in self.losses()[self._n_printed :]:
            self._n_printed += 1
            print(f"Iteration {self._n_printed}, loss = {loss:.8f}", flush=True)

    def _begin_epoch(self) -> None:
        if self.every_epoch and self._epochs_left > 0:
            self._epochs_left -= 1
            self._epoch = self._context.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def _end(self, task: CallbackContext) -> bool:
        return bool(
            task.call_on_fit_task_end(
                estimator=self._estimator,
                **self._data,
                reconstruction_attributes=self._fitted_attributes,
            )
        )
