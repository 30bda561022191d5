"""Tables I to VI in the report's form, each cell beside the report's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mlpcore.experiments import _report as report
from mlpcore.experiments._data import Split
from mlpcore.experiments._results import Results
from mlpcore.experiments._statistics import DECIMALS, PARTS, collapsed, rows_of, spreads


@dataclass(frozen=True)
class Cell:
    """A value; if the report has one in its place, that and the difference."""

    value: str
    report: str = ""
    difference: str = ""
    # Seconds are another machine's: nobody expects the report's.
    is_comparable: bool = True

    @property
    def agrees(self) -> bool:
        """Whether the value is expected to be the report's, and is."""
        return self.is_comparable and bool(self.difference) and float(self.difference) == 0

    @property
    def differs(self) -> bool:
        """Whether the value is expected to be the report's, and is not."""
        return self.is_comparable and bool(self.difference) and not self.agrees


@dataclass(frozen=True)
class Table:
    """A table of the report, recomputed."""

    number: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = field(default=())


@dataclass(frozen=True)
class Variant:
    """Of what networks the tables are: the report's program had bias "layer" and float64."""

    bias: str = "layer"
    dtype: str = "float64"
    seeds: tuple[int, ...] = report.SEEDS
    epochs: int = 100

    @property
    def changes(self) -> dict[str, Any]:
        """What differs from the report's settings."""
        return {"bias": self.bias, "dtype": self.dtype, "max_iter": self.epochs}


def beside(ours: float, printed: float, decimals: int) -> Cell:
    """Return a cell of two numbers, both rounded as printed."""
    ours, printed = round(ours, decimals), round(printed, decimals)
    return Cell(
        f"{ours:.{decimals}f}", f"{printed:.{decimals}f}", f"{ours - printed:+.{decimals}f}"
    )


def time_beside(ours: float, printed: float, decimals: int) -> Cell:
    """Return a cell of two times."""
    return replace(beside(ours, printed, decimals), is_comparable=False)


def table_1(split: Split) -> Table:
    """Return the samples of each label."""
    counts = [np.bincount(y, minlength=10) for _, y in (split.train, split.val, split.test)]
    rows = []
    for label, printed in report.TABLE_I.items():
        cells = (beside(int(n[label]), r, 0) for n, r in zip(counts, printed, strict=True))
        rows.append([Cell(str(label)), *cells])
    note = (
        "The report's Test column repeats its Validation column. MNIST's test set has 1135 ones "
        "and 1009 nines, so that its test half has 567 ones and 505 nines."
    )
    title = "Labels in the training, validation and test sets"
    return Table("I", title, ("Label", "Training", "Validation", "Test"), rows, (note,))


_NAMES = {"tanh": "Tanh", "relu": "ReLu", "logistic": "Sigmoid"}


def _parameters(run: int) -> dict[str, str]:
    """Return the settings of a run in the report's words."""
    settings = report.RUNS[run]
    return {
        "case": "case1" if run <= 9 else "case2",
        "N": str(settings["hidden_layer_sizes"][0]),
        "lr": f"{settings['learning_rate_init']:g}",
        "lambda": f"{settings['alpha']:g}",
        "epochs": str(settings["max_iter"]),
        "batch_size": str(settings["batch_size"]),
        "act1": _NAMES[settings["activation"]],
        "act2": _NAMES[settings["out_activation"]],
    }


def table_2(results: Results, variant: Variant, runs: Sequence[int]) -> Table:
    """Return settings and seconds of each run."""
    rows, sums, threads = [], np.zeros(3), set()
    for run in runs:
        trained = rows_of(results, report.RUNS[run], variant.seeds, **variant.changes)
        if trained is None:
            continue
        threads |= {row["n_threads"] for row in trained}
        seconds = [row["seconds"] for row in trained]
        times = float(np.mean(seconds)), float(np.sum(seconds))
        printed = report.TABLE_II[run]
        own = [Cell(text) for text in _parameters(run).values()]
        rows.append([Cell(str(run)), *own, *(time_beside(t, printed, 1) for t in times)])
        sums += [*times, printed]
    if rows:
        blank = [Cell("")] * 8
        rows.append([Cell("sum"), *blank, *(time_beside(t, sums[2], 1) for t in sums[:2])])
    columns = ("Run No", "case", "N", "lr", "lambda", "epochs", "batch_size", "act1", "act2",
               "time, one seed (s)", "time, all seeds (s)")  # fmt: skip
    notes = (
        "Seconds of a training: the mean over the seeds, and their sum. The report does not say "
        "which of the two its seconds are.",
        f"Threads of each training: {', '.join(map(str, sorted(threads)))}.",
    )
    return Table("II", "Parameters and times of the runs", columns, rows, notes)


def _accuracies(
    results: Results, variant: Variant, settings: Mapping[str, Mapping[str, Any]],
    printed: Mapping[str, report.Printed],
) -> list[list[Cell]]:  # fmt: skip
    """Return the rows of Tables III, V and VI, as far as they are trained."""
    rows = []
    for name, own in settings.items():
        trained = rows_of(results, own, variant.seeds, **variant.changes)
        if trained is None:
            continue
        ours, theirs = spreads(trained), printed[name]
        cells = [
            beside(value, by_report, DECIMALS)
            for part in PARTS
            for value, by_report in zip(getattr(ours, part), getattr(theirs, part), strict=True)
        ]
        rows.append([Cell(name), *cells])
    return rows


_ACCURACY_COLUMNS = tuple(f"{part} {s}" for part in ("Train.", "Val.", "Test") for s in "μσ")


def table_3(results: Results, variant: Variant, runs: Sequence[int]) -> Table:
    """Return the accuracies of each run."""
    settings = {str(run): report.RUNS[run] for run in runs}
    printed = {str(run): row for run, row in report.TABLE_III.items()}
    return Table(
        "III",
        f"Accuracy after {variant.epochs} epochs, {len(variant.seeds)} seeds",
        ("Run No.", *_ACCURACY_COLUMNS),
        _accuracies(results, variant, settings, printed),
        (
            "The report calls run 6 the best; by its own figures run 3's test mean is higher "
            "(0.886 against 0.885). Tables IV to VI keep the report's choice.",
        ),
    )


def table_4(results: Results, variant: Variant) -> Table:
    """Return settings and time of the run that the report calls the best."""
    run = report.BEST_RUN
    names = ("case", "N", "learning rate", "L2 regularization, λ", "epochs", "batch size",
             "activation1", "activation2")  # fmt: skip
    values = _parameters(run).values()
    rows = [[Cell(n), Cell(v)] for n, v in zip(names, values, strict=True)]
    trained = rows_of(results, report.RUNS[run], variant.seeds, **variant.changes)
    if trained is not None:
        minutes = float(np.mean([row["seconds"] for row in trained])) / 60
        rows.append(
            [Cell("training time (min)"), time_beside(minutes, report.FULL_BATCH_MINUTES, 2)]
        )
    return Table("IV", f"Parameters of run {run}", ("Parameter", "Value"), rows)


def table_5(results: Results, variant: Variant) -> Table:
    """Return the accuracies of run 6 with mini-batches."""
    settings = {str(size): own for size, own in report.MINI_BATCHES.items()}
    printed = {str(size): row for size, row in report.TABLE_V.items()}
    rows = _accuracies(results, variant, settings, printed)
    notes = []
    for size, own in report.MINI_BATCHES.items():
        trained = rows_of(results, own, variant.seeds, **variant.changes) or []
        if lost := sum(map(collapsed, trained)):
            notes.append(
                f"Batches of {size}: {lost} of {len(trained)} networks call every image the same "
                "digit; which one is a matter of rounding, so that only chance gives the report's "
                "values."
            )
    title = "Accuracy of run 6 with mini-batches"
    return Table("V", title, ("Batch size", *_ACCURACY_COLUMNS), rows, notes)


def table_6(results: Results, variant: Variant) -> Table:
    """Return the accuracies with batches of 100 and L2 regularization."""
    settings = {f"{alpha:g}": own for alpha, own in report.REGULARIZED.items()}
    printed = {f"{alpha:g}": row for alpha, row in report.TABLE_VI.items()}
    rows = _accuracies(results, variant, settings, printed)
    title = "Accuracy with batches of 100 and L2 regularization"
    return Table("VI", title, ("λ", *_ACCURACY_COLUMNS), rows)


def make_tables(
    numbers: Sequence[int],
    results: Results,
    variant: Variant,
    split: Split,
    runs: Sequence[int] = tuple(report.RUNS),
) -> list[Table]:
    """Return the tables of those numbers that have rows."""
    makers = {
        1: lambda: table_1(split),
        2: lambda: table_2(results, variant, runs),
        3: lambda: table_3(results, variant, runs),
        4: lambda: table_4(results, variant),
        5: lambda: table_5(results, variant),
        6: lambda: table_6(results, variant),
    }
    tables = [makers[number]() for number in numbers]
    return [table for table in tables if table.rows]
