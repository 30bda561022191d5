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
    interrupted = not fit(model, split)
    seconds = time.perf_counter() - start
    if interrupted and model.n_iter_ == 0:
        console.print("Interrupted before the end of the first epoch: nothing to save.")
        return False
    if interrupted:
        console.print(f"Interrupted after {model.n_iter_} of {epochs} epochs.")
    accuracies = Accuracies(*(model.score(*part) for part in (split.train, split.val, split.test)))
    console.print()
    console.print(results_table(split, model, accuracies, seconds))
    print_notes(split, console)
    save(split, model, out, console)
    return not interrupted


def announce(split: Split, model: MLPClassifier, console: Console) -> None:
    """Say what is about to run, on what."""
    if split.why_not_mnist:
        console.print(f"No MNIST: {split.why_not_mnist}", style="bold", highlight=False)
        console.print("Training on scikit-learn's digits (8 x 8 pixels) instead.\n", style="bold")
    n_samples, n_features = split.train[0].shape
    sizes = "-".join(map(str, (n_features, *model.hidden_layer_sizes, 10)))
    console.print(
        f"{split.name}: {n_samples} samples, {sizes}, {model.activation}, batches of "
        f"{model.batch_size}, {model.dtype}; {model.max_iter} epochs, seed {model.random_state}",
        highlight=False,
        soft_wrap=True,
    )
    console.print(f"Data: {split.source}", highlight=False, soft_wrap=True)
    console.print(f"BLAS: {blas_description()}, {available_threads()} threads\n", highlight=False)


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
    compare = split.name == "MNIST"
    table = Table(title=None if compare else "digits, not MNIST: no comparison with the report")
    table.add_column("")
    table.add_column("mlpcore", justify="right")
    if compare:
        table.add_column("report", justify="right")
    rows = [
        ("training accuracy", f"{accuracies.train:.3f}", f"{BEST_ACCURACIES.train:.3f}"),
        ("validation accuracy", f"{accuracies.val:.3f}", f"{BEST_ACCURACIES.val:.3f}"),
        ("test accuracy", f"{accuracies.test:.3f}", f"{BEST_ACCURACIES.test:.3f}"),
        ("epochs", f"{model.n_iter_}", "100"),
        ("training time", f"{seconds:.1f} s", f"{FULL_BATCH_MINUTES} min *"),
    ]
    for row in rows:
        table.add_row(*(row if compare else row[:2]))
    return table


def print_notes(split: Split, console: Console) -> None:
    """Say what the report's column is."""
    if split.name == "MNIST":
        console.print(
            "The report's accuracies are Table V, batch size 100: means of three seeds.\n"
            "* of its full-batch run 6 (Table IV); it gives no time for batches of 100.\n",
            highlight=False,
        )


def save(split: Split, model: MLPClassifier, out: Path, console: Console) -> None:
    """Write the learning curve and the weights."""
    curve, weights = out / "learning_curve.png", out / "weights.npz"
    title = f"{split.name}, 100 samples a step: loss of each epoch, seed {model.random_state}"
    save_learning_curve(model.loss_curve_, curve, title)
    arrays: dict[str, Any] = {f"coefs_{i}": W for i, W in enumerate(model.coefs_)}
    arrays |= {f"intercepts_{i}": b for i, b in enumerate(model.intercepts_)}
    arrays |= {"classes": model.classes_, "input_scale": split.scale}
    np.savez(weights, **arrays)
    for path in (curve, weights):
        console.print(f"Wrote {path}", highlight=False, soft_wrap=True)
