"""``mlpcore train``: an experiment of one's own, beside those of the report."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from mlpcore import MLPClassifier
from mlpcore.experiments._named_data import identity, load_named
from mlpcore.experiments._report import RUNS
from mlpcore.experiments._results import ResultsWriter
from mlpcore.experiments._runner import run
from mlpcore.experiments._show import show
from mlpcore.experiments._training import RESULTS_FILE, Training
from mlpcore.experiments._workers import Backend

# Output and target coding that suit a hidden activation, with "mse": the report's cases.
_OUTPUT = {"tanh": "tanh"}
_CODING = {"tanh": "bipolar", "identity": "bipolar"}


def settings(*, out_activation: str | None, **chosen: Any) -> dict[str, Any]:
    """Return the parameters of a network: the report's, but for what is chosen.

    Raises
    ------
    ValueError
        If a parameter is not valid.
    """
    if out_activation is None and chosen["loss"] == "mse":
        out_activation = _OUTPUT.get(chosen["activation"], "logistic")
    own = {
        "out_activation": out_activation or "auto",
        "target_coding": _CODING.get(out_activation or "", "one_hot"),
    }
    if chosen["loss"] == "log_loss":
        own["target_coding"] = "one_hot"
    parameters = RUNS[6] | own | chosen
    check(parameters)
    return parameters


def check(parameters: dict[str, Any]) -> None:
    """Train the smallest network there is: a wrong parameter is told before data are loaded."""
    smallest = {"hidden_layer_sizes": (1,), "max_iter": 1, "batch_size": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        MLPClassifier(**parameters | smallest).fit([[0.0], [0.0]], [0, 1])


def vary(
    parameters: dict[str, Any],
    seeds: Sequence[int],
    data: str,
    data_home: Path | None,
    out: Path,
    backend: Backend,
    console: Console,
) -> list[str]:
    """Train from each seed, and show the results; returns why trainings failed.

    Raises
    ------
    DatasetNotFoundError, ValueError
        If there are no such data.
    ValueError, OSError
        If there are no such workers, see `Backend.connected`.
    OSError
        If the results cannot be written.
    """
    path = out / RESULTS_FILE
    with backend.connected() as workers:
        split = load_named(data, data_home)
        plan = [
            Training(f"seed {seed}", identity(data), parameters | {"random_state": seed})
            for seed in seeds
        ]
        with ResultsWriter(path) as results:
            failures = run(plan, split, results, console, workers)
    if path.exists() and path.stat().st_size:
        show(path, path.with_suffix(".png"), console)
    return failures
