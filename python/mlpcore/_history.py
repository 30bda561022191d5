"""What happened in each epoch of a training, and a picture of it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

from mlpcore._run import Run
from mlpcore._validation import Validation

History = dict[str, list[float]]


def extended(
    earlier: Mapping[str, list[float]], run: Run, validation: Validation | None, *, norms: bool
) -> History:
    """Return a history with the epochs of another training."""
    own: History = {
        "loss": run.loss_curve,
        "learning_rate": run.learning_rates,
        "seconds": run.seconds,
    }
    if norms:
        own["gradient_norm"] = run.gradient_norms
    if validation is not None:
        own["validation_loss"] = validation.losses
        own["score"] = validation.scores[len(validation.scores) - len(validation.losses) :]
    return {name: [*earlier.get(name, ()), *values] for name, values in own.items()}


def plot(history: Mapping[str, list[float]], title: str) -> "Figure":
    """Return a figure of losses, and beside it of scores if there are any.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(f"plot_history needs matplotlib: {error}") from error
    panels: list[tuple[str, list[str]]] = [("loss", ["loss", "validation_loss"])]
    if "score" in history:
        panels.append(("score", ["score"]))
    figure = Figure(figsize=(5.5 * len(panels), 4), layout="constrained")
    axes: list[Any] = figure.subplots(1, len(panels), squeeze=False)[0].tolist()
    for ax, (label, names) in zip(axes, panels, strict=True):
        for name in names:
            values = history.get(name, [])
            if values:
                ax.plot(range(1, len(values) + 1), values, label=name.replace("_", " "))
        ax.set(xlabel="epoch", ylabel=label)
        ax.grid(True, alpha=0.3)
        ax.legend(frameon=False)
    figure.suptitle(title)
    return figure
