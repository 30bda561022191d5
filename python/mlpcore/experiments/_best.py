"""The main job: train the report's best network and show it beside the report."""

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.exceptions import ConvergenceWarning

from mlpcore import MLPClassifier
from mlpcore._threads import available_threads, blas_description
from mlpcore.experiments._data import Split
from mlpcore.experiments._plots import save_learning_curve
from mlpcore.experiments._progress import EpochProgress
from mlpcore.experiments._report import (
    BEST,
    BEST_ACCURACIES,
    FULL_BATCH_MINUTES,
    Accuracies,
)

# What a run without MNIST says first; the sources' reasons are on the screen by then.
NO_MNIST = """\
No MNIST: no source has it. Training on scikit-learn's digits (8 x 8) instead.
To train on MNIST, put its four IDX files into a directory and name that in
--data-home or $MLPCORE_DATA.
"""


def run_best(split: Split, out: Path, console: Console, *, epochs: int, seed: int) -> bool:
    """Train, print the results, write curve and weights; false if it was interrupted.

    Parameters
    ----------
    split : Split
    out : Path
        An existing directory.
    console : Console
    epochs, seed : int
        Instead of the report's 100 and 42.

    Returns
    -------
    bool
    """
    settings = BEST | {"max_iter": epochs, "random_state": seed}
    model = MLPClassifier(**settings, input_scale=split.scale)
    model.set_callbacks(EpochProgress(console))
    announce(split, model, console)
    start = time.perf_counter()
    finished = fit(model, split)
    seconds = time.perf_counter() - start
    console.print()
    if not finished and model.n_iter_ == 0:
        console.print("Interrupted before the end of the first epoch: nothing to save.")
        return False
    written = save(split, model, out)
    if finished:
        accuracies = Accuracies(
            *(model.score(*part) for part in (split.train, split.val, split.test))
        )
        console.print(results_table(split, model, accuracies, seconds))
        console.print(note(split, seed), soft_wrap=True)
    else:
        console.print(f"Interrupted after {model.n_iter_} of {epochs} epochs.")
    for path in written:
        console.print(f"Wrote {path}", soft_wrap=True)
    return finished


def announce(split: Split, model: MLPClassifier, console: Console) -> None:
    """Say what is about to run, on what."""
    if not split.is_mnist:
        console.print(NO_MNIST, style="bold")
    n_samples, n_features = split.train[0].shape
    n_classes = len(np.unique(split.train[1]))
    sizes = "-".join(map(str, (n_features, *model.hidden_layer_sizes, n_classes)))
    n_threads = available_threads()
    console.print(
        f"{split.name}: {n_samples} samples, from {split.source}\n"
        f"Network: {sizes}, {model.activation}, {model.dtype}\n"
        f"Training: {model.max_iter} epochs, batches of {model.batch_size}, "
        f"seed {model.random_state}\n"
        f"BLAS: {blas_description()}, {n_threads} {'thread' if n_threads == 1 else 'threads'}\n",
        soft_wrap=True,
    )


def fit(model: MLPClassifier, split: Split) -> bool:
    """Fit on the training part; false if Ctrl-C ended it early."""
    with warnings.catch_warnings():
        # The report always runs to the last epoch; an interruption is told below.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Training interrupted by user")
        try:
            model.fit(*split.train)
        except KeyboardInterrupt:
            if not hasattr(model, "coefs_"):
                raise
            return False
    return True


def results_table(
    split: Split, model: MLPClassifier, accuracies: Accuracies, seconds: float
) -> Table:
    """Return accuracies and time, for MNIST beside the report's."""
    table = Table(split.name)
    table.add_column("mlpcore", justify="right")
    if split.is_mnist:
        table.add_column("report", justify="right")
    rows = [
        ("training accuracy", f"{accuracies.train:.3f}", f"{BEST_ACCURACIES.train:.3f}"),
        ("validation accuracy", f"{accuracies.val:.3f}", f"{BEST_ACCURACIES.val:.3f}"),
        ("test accuracy", f"{accuracies.test:.3f}", f"{BEST_ACCURACIES.test:.3f}"),
        ("epochs", f"{model.n_iter_}", f"{BEST['max_iter']}"),
        ("training time", f"{seconds:.1f} s", f"{FULL_BATCH_MINUTES} min *"),
    ]
    for row in rows:
        table.add_row(*row[: len(table.columns)])
    return table


def note(split: Split, seed: int) -> str:
    """Return what the table's columns are."""
    if not split.is_mnist:
        return "digits, not MNIST: no comparison with the report.\n"
    return (
        f"Accuracies: the report's are Table V, batch size {BEST['batch_size']}, means of three "
        f"seeds;\nmlpcore's are seed {seed} alone.\n"
        "* of its full-batch run 6 (Table IV); it gives no time for batches of 100.\n"
    )


def save(split: Split, model: MLPClassifier, out: Path) -> list[Path]:
    """Write the learning curve and the weights; returns their paths.

    The names say what is not a whole run on MNIST, which therefore never overwrites one.
    """
    title = f"{split.name}, batches of {model.batch_size}, seed {model.random_state}"
    label = "" if split.is_mnist else f"-{split.name}"
    if model.n_iter_ < model.max_iter:
        title += f" (interrupted after {model.n_iter_} of {model.max_iter} epochs)"
        label += "-interrupted"
    curve, weights = out / f"learning_curve{label}.png", out / f"weights{label}.npz"
    arrays: dict[str, Any] = {f"coefs_{i}": W for i, W in enumerate(model.coefs_)}
    arrays |= {f"intercepts_{i}": b for i, b in enumerate(model.intercepts_)}
    arrays |= {"classes": model.classes_, "input_scale": split.scale}
    np.savez(weights, **arrays)
    save_learning_curve(model.loss_curve_, curve, title)
    return [curve, weights]
