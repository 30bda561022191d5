"""Pictures of trainings."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from mlpcore.experiments._results import Row

# More curves than these in one picture cannot be told apart.
MOST_CURVES = 10
LABEL_WIDTH = 120
GRID = "#dddddd"


def save_learning_curve(losses: Sequence[float], path: Path, title: str) -> None:
    """Write the loss of each epoch as a PNG."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    epochs = range(1, len(losses) + 1)
    axes.plot(epochs, losses, color="#1f5fa8", linewidth=2, marker="o" if len(losses) < 20 else "")
    log_scale(axes)
    dress(axes)
    axes.set(xlabel="epoch", ylabel="mean squared error (log scale)", title=title)
    figure.savefig(path, dpi=150)


def log_scale(axes: Axes) -> None:
    """Scale y logarithmically: few enough labels that they never meet, as plain numbers."""
    axes.set_yscale("log")
    lowest, highest = axes.get_ylim()
    decades = math.log10(highest / lowest)
    steps = (1, 2, 3, 5, 7) if decades < 2 else (1, 3) if decades < 5 else (1,)
    axes.yaxis.set_major_locator(LogLocator(subs=steps))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")


def dress(axes: Axes) -> None:
    """Give axes over epochs their grid and ticks."""
    axes.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def learning_curves(experiments: Mapping[str, Sequence[Row]], *, wide: bool = True) -> Figure:
    """Return loss and accuracy over the epochs: the mean of the seeds, and their range."""
    figure = Figure(figsize=(11, 4.4) if wide else (6.5, 7.5), layout="constrained")
    left, right = figure.subplots(*((1, 2) if wide else (2, 1)))
    for name, rows in list(experiments.items())[:MOST_CURVES]:
        with_range(left, [row["loss_curve"] for row in rows], name)
        with_range(right, [row["trace"]["accuracy"] for row in rows], name)
    log_scale(left)
    left.set(xlabel="epoch", ylabel="training loss (log scale)")
    right.set(xlabel="epoch", ylabel="accuracy on 1,000 validation samples")
    for axes in (left, right):
        dress(axes)
    handles, labels = left.get_legend_handles_labels()
    labels = [textwrap.fill(label, LABEL_WIDTH) for label in labels]
    ncols = 2 if max(map(len, labels)) < LABEL_WIDTH / 2 else 1
    figure.legend(
        handles, labels, loc="outside lower center", ncols=ncols, frameon=False, fontsize=9
    )
    return figure


def with_range(axes: Axes, curves: Sequence[Sequence[float | None]], name: str) -> None:
    """Draw the mean of some curves, and the range from the lowest to the highest."""
    length = min(len(curve) for curve in curves)
    values = np.array([curve[:length] for curve in curves], dtype=float)
    epochs = np.arange(1, length + 1)
    (line,) = axes.plot(epochs, values.mean(axis=0), linewidth=1.8, label=name,
                        marker="o" if length == 1 else "")  # fmt: skip
    lowest, highest = values.min(axis=0), values.max(axis=0)
    axes.fill_between(epochs, lowest, highest, color=line.get_color(), alpha=0.2, linewidth=0)


def save_learning_curves(experiments: Mapping[str, Sequence[Row]], path: Path) -> None:
    """Write the learning curves of up to 10 experiments as a PNG."""
    learning_curves(experiments).savefig(path, dpi=130, format="png")
