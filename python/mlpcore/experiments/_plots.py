"""Pictures of a training."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator


def save_learning_curve(losses: Sequence[float], path: Path, title: str) -> None:
    """Write the loss of each epoch as a PNG."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    epochs = range(1, len(losses) + 1)
    axes.plot(epochs, losses, color="#1f5fa8", linewidth=2, marker="o" if len(losses) < 20 else "")
    axes.set_yscale("log")
    # Few enough labels a decade that they never meet, and as plain numbers.
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set(xlabel="epoch", ylabel="mean squared error (log scale)", title=title)
    figure.savefig(path, dpi=150)
