"""``mlpcore show``: the rows of a results file as a table and as learning curves."""

import json
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from mlpcore.experiments._plots import save_learning_curves
from mlpcore.experiments._results import Results, Row
from mlpcore.experiments._statistics import PARTS, spread

# Headings that are shorter than a setting's name.
_SHORT = {
    "hidden_layer_sizes": "hidden",
    "out_activation": "output",
    "target_coding": "targets",
    "learning_rate_init": "lr",
    "batch_size": "batch",
    "max_iter": "epochs",
}


def show(path: Path, plot: Path, console: Console) -> None:
    """Print the experiments of a results file, and write a picture of their curves.

    Raises
    ------
    OSError
        If the file cannot be read, or the picture cannot be written.
    ValueError
        If the file has no row.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    results = Results(path)
    results.report_damage()
    experiments = group(results)
    if not experiments:
        raise ValueError(f"{path}: has no row of results")
    names = differences(rows[0] for rows in experiments)
    labels = [label(rows[0], names) for rows in experiments]
    console.print(f"In all of {path.name}: {common(experiments[0][0], names)}", soft_wrap=True)
    for number, text in enumerate(labels, 1):
        console.print(f"{number}: {text}", soft_wrap=True)
    console.print(table(experiments))
    save_learning_curves(dict(zip(labels, experiments, strict=True)), plot)
    console.print(f"Wrote {plot}", soft_wrap=True)


def table(experiments: Iterable[Sequence[Row]]) -> Table:
    """Return accuracies and seconds of each experiment, by its number."""
    shown = Table(caption="accuracy: mean±standard deviation over the seeds")
    for heading in ("", "seeds", *PARTS, "seconds"):
        shown.add_column(heading, justify="left" if heading == "seeds" else "right")
    for number, rows in enumerate(experiments, 1):
        accuracies = (spread(rows, part) for part in PARTS)
        shown.add_row(
            str(number),
            ",".join(sorted((setting(row, "random_state") for row in rows), key=int)),
            *(f"{mean:.3f}±{std:.3f}" for mean, std in accuracies),
            f"{np.mean([row['seconds'] for row in rows]):.1f}",
        )
    return shown


def group(rows: Iterable[Row]) -> list[list[Row]]:
    """Return the rows of each experiment: those that differ in nothing but the seed."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        own = {k: v for k, v in row["settings"].items() if k != "random_state"}
        groups.setdefault(json.dumps([row["data"], own], sort_keys=True), []).append(row)
    return list(groups.values())


def differences(rows: Iterable[Row]) -> list[str]:
    """Return the settings that are not the same in all rows."""
    found = list(rows)
    names = dict.fromkeys(name for row in found for name in row["settings"])
    return [
        name
        for name in names
        if name != "random_state" and len({setting(row, name) for row in found}) > 1
    ]


def common(row: Row, names: Container[str]) -> str:
    """Return the settings that are the same in all rows."""
    same = (n for n in row["settings"] if n != "random_state" and n not in names)
    return ", ".join(f"{short(name)} {setting(row, name)}" for name in same)


def label(row: Row, names: Iterable[str]) -> str:
    """Return what tells an experiment from the others."""
    return ", ".join((row["data"], *(f"{short(name)} {setting(row, name)}" for name in names)))


def short(name: str) -> str:
    """Return the heading of a setting."""
    return _SHORT.get(name, name)


def setting(row: Row, name: str) -> str:
    """Return the value of a setting as a table shows it."""
    value: Any = row["settings"].get(name, "")
    if isinstance(value, list):
        return "-".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
