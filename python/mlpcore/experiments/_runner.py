"""Many trainings: those that are not finished yet, several at a time, each row kept at once."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from joblib import delayed
from rich.console import Console

from mlpcore.experiments._data import Split
from mlpcore.experiments._progress import TrainingsProgress
from mlpcore.experiments._results import ResultsWriter, Row
from mlpcore.experiments._training import EpochCounter, Training, train
from mlpcore.experiments._workers import Workers

# So often may workers die of a training, or beside it; the last time it was alone.
DEATHS = 3

Outcome = Row | str


def run(
    trainings: Sequence[Training],
    split: Split,
    results: ResultsWriter,
    console: Console,
    workers: Workers,
) -> list[str]:
    """Train what results lack, and add a row for each as soon as it is finished.

    Parameters
    ----------
    trainings : sequence of Training
    split : Split
        Their data.
    results : ResultsWriter
    console : Console
    workers : Workers
        Who trains.

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
            for place, outcome in _outcomes(missing, split, counts, workers):
                if isinstance(outcome, str):
                    failures.append(f"{missing[place].name}: {outcome}")
                else:
                    results.append(outcome)
                    progress.finished(place, outcome)
        del epochs
    return failures


def _outcomes(
    trainings: Sequence[Training], split: Split, counts: Path, workers: Workers
) -> Iterator[tuple[int, Outcome]]:
    """Yield place and row, or the reason of the failure, as trainings finish: each once.

    If workers die, what they were at begins anew: twice beside others, then alone, so that the
    training that is to blame fails, and no other.
    """
    waiting, deaths = dict(enumerate(trainings)), Counter[int]()
    while waiting:
        chosen = [place for place in waiting if deaths[place] < DEATHS - 1]
        begun: list[int] = []
        parallel, data = workers.parallel(split)
        tasks = _tasks(chosen or list(waiting)[:1], trainings, counts, data, begun)
        try:
            for place, outcome in parallel(tasks):
                del waiting[place]
                yield place, outcome
        except workers.lost as error:
            deaths.update(place for place in begun if place in waiting)
            for place in [place for place in waiting if deaths[place] == DEATHS]:
                del waiting[place]
                yield place, f"its worker died, {DEATHS} times: {error}"


def _tasks(
    places: Sequence[int], trainings: Sequence[Training], counts: Path, data: Any, begun: list[int]
) -> Iterator[Any]:
    """Yield what a worker is to do; begun has the places that have been asked for."""
    for place in places:
        begun.append(place)
        counter = EpochCounter(counts, place, os.getpid())
        yield delayed(_train_one)(place, trainings[place], counter, data)


def _train_one(
    place: int, training: Training, counter: EpochCounter, split: Split
) -> tuple[int, Outcome]:
    try:
        return place, train(training, split, counter)[0]
    except (ValueError, OSError) as error:
        return place, str(error)
