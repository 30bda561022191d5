"""``mlpcore reproduce``: train what tables need, and show them beside the report."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from rich.console import Console

from mlpcore.experiments._data import Split, mnist_split
from mlpcore.experiments._files import write
from mlpcore.experiments._plan import TABLES, trainings
from mlpcore.experiments._plots import save_learning_curves
from mlpcore.experiments._render import LEGEND, as_csv, as_markdown, for_terminal
from mlpcore.experiments._results import Results, ResultsWriter
from mlpcore.experiments._runner import run
from mlpcore.experiments._tables import Table, Variant, make_tables
from mlpcore.experiments._training import RESULTS_FILE
from mlpcore.experiments._workers import Backend
from mlpcore.experiments.page import page, told_curves


@dataclass(frozen=True)
class Request:
    """What to reproduce."""

    tables: Sequence[int]
    runs: Sequence[int]
    seeds: Sequence[int]
    dtypes: Sequence[str]
    biases: Sequence[str]
    epochs: int
    out: Path
    data_home: Path | None
    backend: Backend

    @property
    def variants(self) -> list[Variant]:
        """Of what networks tables are made."""
        seeds = tuple(self.seeds)
        return [Variant(b, d, seeds, self.epochs) for b in self.biases for d in self.dtypes]


def reproduce(request: Request, console: Console) -> list[str]:
    """Train, print and write; returns why trainings failed, a line each.

    Raises
    ------
    DatasetNotFoundError
        If no source has MNIST.
    ValueError, OSError
        If there are no such workers, see `Backend.connected`.
    OSError
        If the results cannot be written, or another process is writing them.
    """
    plan = trainings(
        request.tables,
        runs=request.runs,
        seeds=request.seeds,
        dtypes=request.dtypes,
        biases=request.biases,
        epochs=request.epochs,
    )
    with request.backend.connected() as workers:
        split = mnist_split(request.data_home)
        with ResultsWriter(request.out / RESULTS_FILE) as results:
            failures = run(plan, split, results, console, workers)
            show(request, results, split, console)
            for path in write_all(request, results, split):
                console.print(f"Wrote {path}", soft_wrap=True)
    return failures


def show(request: Request, results: Results, split: Split, console: Console) -> None:
    """Print the tables that were asked for."""
    console.print(LEGEND)
    for variant in request.variants:
        console.print(f"\nBias per {variant.bias}, {variant.dtype}", style="bold")
        for table in make_tables(request.tables, results, variant, split, request.runs):
            console.print(for_terminal(table))


def write_all(request: Request, results: Results, split: Split) -> list[Path]:
    """Write all that the results have, of every table and variant; returns the paths."""
    sections = all_sections(request, results, split)
    written = []
    for variant, tables in sections:
        for table in tables:
            name = f"table-{table.number}-{variant.bias}-{variant.dtype}.csv"
            written.append(write(request.out / "csv" / name, as_csv(table)))
    markdown = "\n".join(
        f"## Bias per {variant.bias}, {variant.dtype}\n\n{as_markdown(tables)}"
        for variant, tables in sections
    )
    written.append(write(request.out / "tables.md", f"# The report, reproduced\n\n{markdown}"))
    html = page(sections, results, split, directory=request.out)
    written.append(write(request.out / "report.html", html))
    if curves := told_curves(results, sections[0][0]):
        picture = request.out / "learning_curves.png"
        save_learning_curves(curves, picture)
        written.append(picture)
    return written


def all_sections(
    request: Request, results: Results, split: Split
) -> list[tuple[Variant, list[Table]]]:
    """Return the tables of each variant that has been trained, the report's own first.

    Tables I and IV hold of every variant: the first has them.
    """
    sections: list[tuple[Variant, list[Table]]] = []
    for bias, dtype in product(("layer", "unit"), ("float64", "float32")):
        variant = Variant(bias, dtype, tuple(request.seeds), request.epochs)
        if make_tables((2, 3, 5, 6), results, variant, split):
            numbers = (2, 3, 5, 6) if sections else TABLES
            sections.append((variant, make_tables(numbers, results, variant, split)))
    first = request.variants[0]
    return sections or [(first, make_tables(TABLES, results, first, split))]
