"""Many trainings: those that are not finished yet, several at a time, each row kept at once."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from rich.console import Console

from mlpcore.experiments._progress import TrainingsProgress
from mlpcore.experiments._results import ResultsWriter, Row
from mlpcore.experiments._training import EpochCounter, Training, train


def run(
    trainings: Sequence[Training], results: ResultsWriter, console: Console, *, jobs: int
) -> list[str]:
    """Train what results lack, and add a row for each as soon as it is finished.

    Parameters
    ----------
    trainings : sequence of Training
    results : ResultsWriter
    console : Console
    jobs : int
        Trainings at a time, each in a process of its own; with 1 in this one.

    Returns
    -------
    list of str
        Why trainings failed, a line each; the others have been finished.
    """
    missing = [t for t in trainings if results.find(t.data, t.settings) is None]
    finished = len(trainings) - len(missing)
    if finished:
        console.print(f"{finished} of {len(trainings)} trainings are finished already.")
    failures = []
    with tempfile.TemporaryDirectory(prefix="mlpcore-") as directory:
        counts = Path(directory) / "epochs"
        epochs = np.memmap(counts, np.int32, mode="w+", shape=max(1, len(missing)))
        with TrainingsProgress(missing, epochs, console) as progress:
            for place, outcome in _outcomes(missing, counts, jobs):
                if isinstance(outcome, str):
                    failures.append(f"{missing[place].name}: {outcome}")
                else:
                    results.append(outcome)
                    progress.finished(place, outcome)
        del epochs
    return failures


def _outcomes(
    trainings: Sequence[Training], counts: Path, jobs: int
) -> Iterator[tuple[int, Row | str]]:
    """Yield place and row, or the reason of the failure, as trainings finish."""
    work = (
        delayed(_train_one)(place, training, EpochCounter(counts, place, os.getpid()))
        for place, training in enumerate(trainings)
    )
    yield from Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch="n_jobs")(work)


def _train_one(place: int, training: Training, counter: EpochCounter) -> tuple[int, Row | str]:
    try:
        return place, train(training, counter)[0]
    except (ValueError, OSError) as error:
        return place, str(error)
