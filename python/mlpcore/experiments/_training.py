"""One training: from its settings to its row of results."""

import os
import platform
import time
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sklearn
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import confusion_matrix

from mlpcore import MLPClassifier, __version__
from mlpcore._threads import available_threads, blas_description
from mlpcore.experiments._data import Split
from mlpcore.experiments._results import Row, canonical
from mlpcore.experiments._trace import Trace

RESULTS_FILE = "results.jsonl"


@dataclass(frozen=True)
class Training:
    """A network to be trained; picklable, so that another process can do it.

    Parameters
    ----------
    name : str
        For the progress display.
    data : str
        What stands for its data in results, see `identity`.
    settings : dict
        Parameters of `MLPClassifier`, random_state included.
    """

    name: str
    data: str
    settings: dict[str, Any]


class EpochCounter:
    """scikit-learn callback: the number of finished epochs, in one place of a shared array.

    The array is a file, which any process of this machine can map; where there is no such
    file, as on another machine, nothing is counted.
    """

    def __init__(self, path: Path, place: int, supervisor: int) -> None:
        self._path, self._place, self._supervisor = path, place, supervisor

    def setup(self, estimator: Any, context: Any) -> None:
        """Map the array."""
        try:
            self._epochs: NDArray[np.int32] = np.memmap(self._path, np.int32, mode="r+")
        except (OSError, ValueError):
            self._epochs = np.zeros(self._place + 1, np.int32)
        self._epochs[self._place] = 0  # an earlier worker may have died
        self._is_child = os.getppid() == self._supervisor

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Nothing to count yet."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Count an epoch; end with the process that waits for this one."""
        if context.task_name == "epoch":
            self._epochs[self._place] += 1
        if self._is_child and os.getppid() != self._supervisor:
            os._exit(1)

    def teardown(self, estimator: Any, context: Any) -> None:
        """Leave the array to the others."""


def train(
    training: Training, split: Split, counter: EpochCounter | None = None
) -> tuple[Row, MLPClassifier]:
    """Return the row of results of a training, and the network."""
    trace = Trace(*split.val)
    model = MLPClassifier(**training.settings, input_scale=split.scale)
    model.set_callbacks(*([counter, trace] if counter else [trace]))
    start = time.perf_counter()
    with warnings.catch_warnings():
        # The number of epochs is the experiment's choice, not a failure.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(*split.train)
    seconds = time.perf_counter() - start
    return _row(training, split, model, trace, seconds), model


def _row(
    training: Training, split: Split, model: MLPClassifier, trace: Trace, seconds: float
) -> Row:
    predicted = {
        part: model.predict(X)
        for part, X in (("train", split.train[0]), ("val", split.val[0]), ("test", split.test[0]))
    }
    truth = {"train": split.train[1], "val": split.val[1], "test": split.test[1]}
    return {
        "data": training.data,
        "settings": canonical(training.settings),
        "seconds": round(seconds, 3),
        "n_threads": model.n_threads or available_threads(),
        "accuracy": {p: float(np.mean(predicted[p] == truth[p])) for p in predicted},
        "predicted_classes": {p: len(np.unique(predicted[p])) for p in predicted},
        "confusion": confusion_matrix(truth["test"], predicted["test"]).tolist(),
        "n_iter": model.n_iter_,
        "loss_curve": [rounded(loss) for loss in model.loss_curve_],
        "trace": trace.curves,
        "machine": machine(),
        "versions": versions(),
    }


def rounded(loss: float) -> float | None:
    """Return a loss in the digits that are worth keeping; None if it is not finite."""
    return float(f"{loss:.8g}") if np.isfinite(loss) else None


@lru_cache(maxsize=1)
def machine() -> dict[str, Any]:
    """Return what the seconds depend on."""
    return {
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "system": platform.system(),
        "blas": blas_description(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def versions() -> dict[str, str]:
    """Return the versions of what computes."""
    return {
        "mlpcore": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
    }
