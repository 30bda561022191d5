"""The page put together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mlpcore.experiments import _report as report
from mlpcore.experiments._data import Split
from mlpcore.experiments._plots import learning_curves
from mlpcore.experiments._results import Results, Row
from mlpcore.experiments._tables import Table, Variant
from mlpcore.experiments._training import Training
from mlpcore.experiments.page._figures import Finder, variation
from mlpcore.experiments.page._network import best_network, confusion, mistakes, weight_images
from mlpcore.experiments.page._svg import svg
from mlpcore.experiments.page._why import explanations

# Learning curves that tell the story: both activations, both kinds of batches.
CURVES = {
    "run 1": report.RUNS[1],
    "run 6": report.RUNS[6],
    "run 9": report.RUNS[9],
    "run 12": report.RUNS[12],
    "run 18": report.RUNS[18],
    "batches of 10": report.MINI_BATCHES[10],
    "batches of 100": report.MINI_BATCHES[100],
}


def page(
    sections: Sequence[tuple[Variant, Sequence[Table]]],
    results: Results,
    split: Split,
    *,
    directory: Path,
) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    sections : sequence of (Variant, sequence of Table)
        The first is the report's own variant.
    results : Results
    split : Split
        MNIST.
    directory : Path
        Where the best network is kept.
    """
    variant = sections[0][0]
    find = Finder(results, variant)
    rows = list(results)
    environment = Environment(
        loader=PackageLoader("mlpcore.experiments.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        sections=[
            {"title": title(own), "tables": tables, "agreement": agreement(own, tables)}
            for own, tables in sections
        ],
        n_trainings=len(rows),
        hours=f"{sum(row['seconds'] for row in rows) / 3600:.1f}",
        machines=sorted({f"{r['machine']['processor']}, {r['machine']['blas']}" for r in rows}),
        versions=sorted({", ".join(f"{k} {v}" for k, v in r["versions"].items()) for r in rows}),
        explanations=[
            {"question": e.question, "answer": e.answer, "figure": svg(e.figure, e.question)}
            for e in explanations(find, split)
        ],
        **variation_context(find),
        **curves_context(results, variant),
        **network_context(find, variant, split, directory),
    )


def title(variant: Variant) -> str:
    """Return what networks a section is about."""
    kinds = {
        "layer": "One bias a layer, as the report had",
        "unit": "One bias a unit: the textbook network",
    }
    return f"{kinds[variant.bias]}; {variant.dtype}"


def agreement(variant: Variant, tables: Sequence[Table]) -> str:
    """Return how many accuracies are the report's; nothing where another is expected."""
    if variant.bias != "layer":
        return ""
    cells = [c for t in tables if t.number in ("III", "V", "VI") for row in t.rows for c in row]
    differences = [abs(float(cell.difference)) for cell in cells if cell.difference]
    if not differences:
        return ""
    equal, near = (sum(d < limit for d in differences) for limit in (0.0005, 0.0015))
    return (
        f"Of {len(differences)} accuracies and deviations in Tables III, V and VI, {equal} are "
        f"the report's to the printed digit and {near} within 0.001; the largest difference is "
        f"{max(differences):.3f}."
    )


def variation_context(find: Finder) -> dict[str, Any]:
    """Return the figures over what was varied; None if nothing is trained."""
    figure = variation(find)
    drawn = any(axes.lines for axes in figure.axes)
    return {"variation": svg(figure, "Test accuracy over what was varied") if drawn else None}


def told_curves(results: Results, variant: Variant) -> dict[str, list[Row]]:
    """Return the experiments whose learning curves tell the story, as far as they are trained."""
    find = Finder(results, variant)
    return {name: rows for name, own in CURVES.items() if (rows := find(own, "layer"))}


def curves_context(results: Results, variant: Variant) -> dict[str, Any]:
    """Return the learning curves."""
    found = told_curves(results, variant)
    figure = svg(learning_curves(found), "Learning curves") if found else None
    return {"curves": figure}


def network_context(
    find: Finder, variant: Variant, split: Split, directory: Path
) -> dict[str, Any]:
    """Return confusion matrix, weights and mistakes of the best network, if it was trained."""
    settings = report.MINI_BATCHES[100]
    rows = find(settings, "layer")
    if rows is None:
        return {"confusion": None}
    own = settings | variant.changes | {"bias": "layer", "random_state": variant.seeds[0]}
    training = Training("the best network", "mnist", own)
    network = best_network(directory, training, split)
    return {
        "confusion": confusion(rows).tolist(),
        "n_seeds": len(rows),
        "seed": variant.seeds[0],
        "weights": weight_images(network),
        "mistakes": mistakes(network, split),
    }
