"""The page's figures over what the report varied."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mlpcore.experiments import _report as report
from mlpcore.experiments._plots import GRID
from mlpcore.experiments._results import Results, Row
from mlpcore.experiments._statistics import rows_of, spread
from mlpcore.experiments._tables import Variant

_COLOURS = ("#2f7ed8", "#d9822b", "#2e9e5b")
_BIAS_STYLES = {"layer": "-", "unit": "--"}


class Finder:
    """Finds the rows of an experiment, over the biases that were trained."""

    def __init__(self, results: Results, variant: Variant) -> None:
        self._results = results
        self.variant = variant

    def __call__(self, settings: dict[str, Any], bias: str) -> list[Row] | None:
        """Return the rows of an experiment, one a seed; None if one is missing."""
        changes = self.variant.changes | {"bias": bias}
        return rows_of(self._results, settings, self.variant.seeds, **changes)


def _lines(
    axes: Axes, find: Finder, places: Sequence[Any], settings: Sequence[dict[str, Any]],
    name: str, colour: str,
) -> None:  # fmt: skip
    """Draw test accuracy over one setting, a line for each kind of bias."""
    for bias, style in _BIAS_STYLES.items():
        found = [
            (x, rows) for x, s in zip(places, settings, strict=True) if (rows := find(s, bias))
        ]
        if not found:
            continue
        means, stds = np.array([spread(rows, "test") for _, rows in found]).T
        axes.errorbar([x for x, _ in found], means, yerr=stds, color=colour, linestyle=style,
                      marker="o", markersize=4, capsize=3, linewidth=1.6,
                      label=f"{name}, bias per {bias}")  # fmt: skip


def _finish(axes: Axes, title: str, label: str) -> None:
    axes.set(title=title, xlabel=label, ylabel="test accuracy")
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.grid(True, color=GRID, linewidth=0.5, alpha=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.lines:
        axes.legend(frameon=False, fontsize=7.5)


def variation(find: Finder) -> Figure:
    """Return test accuracy over learning rate, activation, N, batch size and lambda."""
    figure = Figure(figsize=(9, 10.5), layout="constrained")
    grid = figure.subplots(3, 2)
    units, rates = report.HIDDEN_UNITS, report.LEARNING_RATES
    for case, (row, title) in enumerate(zip(grid[:2], ("tanh", "relu and logistic"), strict=True)):
        runs = [report.RUNS[9 * case + k] for k in range(1, 10)]
        for i, colour in enumerate(_COLOURS):
            _lines(row[0], find, rates, runs[3 * i : 3 * i + 3], f"N = {units[i]}", colour)
            _lines(row[1], find, units, runs[i::3], f"rate {rates[i]:g}", colour)
        _finish(row[0], f"{title}: learning rate", "learning rate")
        _finish(row[1], f"{title}: hidden units", "N")
    batches = {**report.MINI_BATCHES, report.FULL_BATCH: report.RUNS[report.BEST_RUN]}
    _lines(grid[2, 0], find, list(batches), list(batches.values()), "run 6", _COLOURS[0])
    grid[2, 0].set_xscale("log")
    _finish(grid[2, 0], "batch size", "samples a batch (log scale)")
    lambdas = {0.0: report.MINI_BATCHES[100], **report.REGULARIZED}
    strengths = sorted(lambdas)
    _lines(grid[2, 1], find, [f"{s:g}" for s in strengths], [lambdas[s] for s in strengths],
           "batches of 100", _COLOURS[0])  # fmt: skip
    _finish(grid[2, 1], "L2 regularization", "λ")
    return figure
