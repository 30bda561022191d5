"""What several seeds of one experiment have in common."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mlpcore.experiments._report import Printed, Spread
from mlpcore.experiments._results import Results, Row

PARTS = ("train", "val", "test")
DECIMALS = 3


def rows_of(
    results: Results, settings: Mapping[str, Any], seeds: Iterable[int], **variant: Any
) -> list[Row] | None:
    """Return the rows of an experiment on MNIST, one a seed; None while one is missing."""
    found = [results.find("mnist", {**settings, **variant, "random_state": seed}) for seed in seeds]
    rows = [row for row in found if row is not None]
    return rows if len(rows) == len(found) else None


def spread(rows: Sequence[Row], part: str) -> Spread:
    """Return mean and population standard deviation of an accuracy, over the seeds."""
    values = [row["accuracy"][part] for row in rows]
    return Spread(float(np.mean(values)), float(np.std(values)))


def spreads(rows: Sequence[Row]) -> Printed:
    """Return what a row of Tables III, V and VI holds."""
    return Printed(*(spread(rows, part) for part in PARTS))


def collapsed(row: Row) -> bool:
    """Whether a network calls every sample of all three parts the same digit."""
    return all(n == 1 for n in row["predicted_classes"].values())
