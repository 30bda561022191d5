"""What the world hears of a training: a line an epoch, and scikit-learn's callbacks."""

from collections.abc import Callable
from typing import Any

from sklearn.callback import CallbackContext

from mlpcore._run import Outcome, Run


class EpochReports:
    """Called by the epoch loop between two epochs; prints, and runs the callbacks' hooks.

    Parameters
    ----------
    estimator : estimator
        Being fitted.
    run : Run
        The training that is reported.
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
        run: Run,
        context: CallbackContext,
        data: dict[str, Any],
        fitted_attributes: Callable[[], dict[str, Any]],
    ) -> None:
        self._estimator = estimator
        self._run = run
        self._context = context
        self._data = data
        self._fitted_attributes = fitted_attributes
        self._n_printed = 0
        self.every_epoch = bool(getattr(estimator, "_skl_callbacks", ()))

    def begin(self) -> None:
        """Open the fit and its first epoch."""
        self._context.call_on_fit_task_begin(estimator=self._estimator, **self._data)
        self._begin_epoch()

    def __call__(self) -> bool:
        """Report the epochs finished since the last call; true if a callback wants to stop."""
        self._print_new_epochs()
        if not self.every_epoch:
            return False
        stop: bool = self._end(self._epoch)
        if not stop and self._run.outcome == Outcome.RUNNING:
            self._begin_epoch()
        return stop

    def end(self) -> None:
        """Report what is left, and close the fit."""
        self._print_new_epochs()
        if self._estimator.verbose and self._run.outcome == Outcome.CONVERGED:
            print(
                f"Training loss did not improve more than tol={self._run.tol:f} for "
                f"{self._run.n_iter_no_change:.0f} consecutive epochs. Stopping."
            )
        self._end(self._context)

    def _begin_epoch(self) -> None:
        if self.every_epoch and self._run.n_iter < self._estimator.max_iter:
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

    def _print_new_epochs(self) -> None:
        if not self._estimator.verbose:
            return
        for loss in self._run.loss_curve[self._n_printed :]:
            self._n_printed += 1
            print(f"Iteration {self._n_printed}, loss = {loss:.8f}", flush=True)
