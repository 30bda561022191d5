"""Trainings as they go: bars on a terminal, a line now and then in a file."""

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from mlpcore.experiments._results import Row
from mlpcore.experiments._training import Training

LINES_IN_A_FILE = 10
REFRESH_SECONDS = 0.2


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


class TrainingsProgress:
    """What runs, epochs done, time left: a bar for all trainings and one for each that runs.

    Parameters
    ----------
    trainings : sequence of Training
    epochs : ndarray of shape (n_trainings,)
        Finished epochs of each; others count them.
    console : rich.console.Console
        What is no terminal gets a line for every finished training.
    """

    def __init__(
        self, trainings: Sequence[Training], epochs: NDArray[np.int32], console: Console
    ) -> None:
        self._trainings, self._epochs, self._console = trainings, epochs, console
        self._work = np.array([work(t) for t in trainings])
        self._of = np.array([t.settings["max_iter"] for t in trainings])
        self._tasks: dict[int, Any] = {}
        self._done: set[int] = set()
        self._stop = threading.Event()
        self._start = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.description}"),
            MofNCompleteColumn(),
            BarColumn(bar_width=None),
            TimeElapsedColumn(),
            TextColumn("left"),
            TextColumn("{task.fields[left]}"),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "TrainingsProgress":
        self._all = self._progress.add_task("trainings", total=len(self._trainings), left="-")
        self._progress.start()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._watcher.join()
        self._progress.stop()

    def finished(self, place: int, row: Row) -> None:
        """Count a training, and show what came of it."""
        self._done.add(place)
        accuracy = row["accuracy"]
        self._console.print(
            f"{self._trainings[place].name}: {accuracy['train']:.3f} / {accuracy['val']:.3f} / "
            f"{accuracy['test']:.3f} in {row['seconds']:.1f} s; {len(self._done)} of "
            f"{len(self._trainings)}, left {self._left()}",
            soft_wrap=True,
        )

    def _watch(self) -> None:
        while not self._stop.wait(REFRESH_SECONDS):
            self._refresh()

    def _refresh(self) -> None:
        for place in np.flatnonzero(self._epochs).tolist():
            task = self._tasks.get(place)
            if task is None and place not in self._done:
                name, total = self._trainings[place].name, int(self._of[place])
                task = self._tasks[place] = self._progress.add_task(name, total=total, left="")
            if task is not None and place in self._done:
                self._progress.update(task, visible=False)
            elif task is not None:
                self._progress.update(task, completed=int(self._epochs[place]))
        self._progress.update(self._all, completed=len(self._done), left=self._left())

    def _left(self) -> str:
        """Return the time left, if every product of the networks takes as long as so far."""
        shares = np.minimum(self._epochs / self._of, 1.0)
        shares[list(self._done)] = 1.0
        done, everything = float(self._work @ shares), float(self._work.sum())
        if done == 0:
            return "-"
        seconds = (time.monotonic() - self._start) * (everything - done) / done
        return str(timedelta(seconds=round(seconds)))


def work(training: Training) -> float:
    """Return how long a training takes beside others, roughly: epochs times units."""
    settings = training.settings
    slower = 1.0 + 10.0 / settings["batch_size"] if settings["batch_size"] != "auto" else 1.0
    wider = 2.0 if settings["dtype"] == "float64" else 1.0
    return float(settings["max_iter"] * sum(settings["hidden_layer_sizes"]) * slower * wider)
