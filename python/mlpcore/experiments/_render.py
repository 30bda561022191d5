"""Tables as text: for a terminal, as Markdown, as CSV."""

import csv
import io
from collections.abc import Iterable

from rich.table import Table as RichTable
from rich.text import Text

from mlpcore.experiments._tables import Cell, Table

LEGEND = "Each value stands before the report's, and their difference."


def text(cell: Cell) -> str:
    """Return a cell as one piece of text."""
    if not cell.report:
        return cell.value
    if not cell.difference:
        return f"{cell.value} ({cell.report})"
    return f"{cell.value} ({cell.report}, {cell.difference})"


def heading(table: Table) -> str:
    """Return number and title."""
    return f"Table {table.number}: {table.title}"


def for_terminal(table: Table) -> RichTable:
    """Return a table for rich; a value that is the report's is green."""
    shown = RichTable(title=heading(table), caption="\n".join(table.notes), caption_justify="left")
    for i, column in enumerate(table.columns):
        shown.add_column(column, justify="left" if i == 0 else "right")
    for row in table.rows:
        shown.add_row(*(Text(text(c), style="green" if c.agrees else "") for c in row))
    return shown


def as_markdown(tables: Iterable[Table]) -> str:
    """Return tables as Markdown."""
    lines = [LEGEND, ""]
    for table in tables:
        lines += [f"### {heading(table)}", ""]
        lines += ["| " + " | ".join(table.columns) + " |"]
        lines += ["|" + "---|" + "---:|" * (len(table.columns) - 1)]
        lines += ["| " + " | ".join(text(cell) for cell in row) + " |" for row in table.rows]
        lines += ["", *(f"{note}\n" for note in table.notes)]
    return "\n".join(lines)


def as_csv(table: Table) -> str:
    """Return a table as CSV: a column with the report's values is three columns."""
    compared = [any(row[i].report for row in table.rows) for i in range(len(table.columns))]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    header: list[str] = []
    for column, is_compared in zip(table.columns, compared, strict=True):
        header += [column, f"{column} (report)", f"{column} (difference)"][
            : 3 if is_compared else 1
        ]
    writer.writerow(header)
    for row in table.rows:
        line: list[str] = []
        for cell, is_compared in zip(row, compared, strict=True):
            line += [cell.value, cell.report, cell.difference][: 3 if is_compared else 1]
        writer.writerow(line)
    return out.getvalue()
