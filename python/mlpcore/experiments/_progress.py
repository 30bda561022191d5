"""A fit as it goes: a bar on a terminal, a line now and then in a file."""

from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINES_IN_A_FILE = 10


class EpochProgress:
    """scikit-learn callback: epochs done, the last epoch's loss, time gone and left.

    Parameters
    ----------
    console : rich.console.Console
        Where to; what is no terminal gets a line for every tenth of the epochs.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def setup(self, estimator: Any, context: Any) -> None:
        """Start the bar."""
        self._n_epochs = context.max_subtasks
        self._progress = Progress(
            TextColumn("Epoch"),
            MofNCompleteColumn(),
            BarColumn(bar_width=None),
            TextColumn("loss {task.fields[loss]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("", total=self._n_epochs, loss="-")
        self._progress.start()

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Nothing to show yet."""

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any) -> None:
        """Advance the bar by an epoch."""
        if context.task_name != "epoch":
            return
        epoch, loss = fitted_estimator.n_iter_, f"{fitted_estimator.loss_:.4f}"
        self._progress.update(self._task, completed=epoch, loss=loss)
        every = max(1, self._n_epochs // LINES_IN_A_FILE)
        if not self._console.is_terminal and epoch % every == 0:
            self._console.print(f"epoch {epoch:3d} of {self._n_epochs}   loss {loss}")

    def teardown(self, estimator: Any, context: Any) -> None:
        """Leave the bar as it is."""
        self._progress.stop()
