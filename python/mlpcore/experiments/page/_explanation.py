"""What an answer to one of the report's questions consists of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlpcore.experiments._plots import dress

# Lines of networks with one bias a layer, and of their twins with one a unit.
STYLES = {"layer": "-", "unit": "--"}
BLUE, ORANGE, GREEN, RED = "#2f7ed8", "#d9822b", "#2e9e5b", "#c23b3b"


@dataclass(frozen=True)
class Explanation:
    """A question, its answer in sentences, and a figure."""

    question: str
    answer: str
    figure: Figure


@dataclass(frozen=True)
class Line:
    """A line that is drawn once in every panel."""

    label: str
    colour: str
    style: str
    x: Sequence[float]
    ys: Sequence[Sequence[float]]


def panels(lines: Iterable[Line], x_label: str, y_labels: Sequence[str]) -> Figure:
    """Return a figure of panels side by side that share their x and their lines."""
    figure = Figure(figsize=(9, 4.3), layout="constrained")
    all_axes: Sequence[Axes] = figure.subplots(1, len(y_labels))
    for line in lines:
        for axes, y in zip(all_axes, line.ys, strict=True):
            axes.plot(line.x, y, line.style, color=line.colour, linewidth=1.7, label=line.label)
    for axes, y_label in zip(all_axes, y_labels, strict=True):
        dress(axes)
        axes.set(xlabel=x_label, ylabel=y_label)
    handles, labels = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def percent(share: float) -> str:
    """Return a share as whole percents."""
    return f"{100 * share:.0f} %"
