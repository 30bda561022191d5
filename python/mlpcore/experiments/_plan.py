"""Which trainings each table of the report needs."""

from collections.abc import Iterable, Sequence
from typing import Any

from mlpcore.experiments._report import BEST_RUN, MINI_BATCHES, REGULARIZED, RUNS
from mlpcore.experiments._training import Training

TABLES = (1, 2, 3, 4, 5, 6)


def settings_of(table: int, runs: Sequence[int] = tuple(RUNS)) -> dict[str, dict[str, Any]]:
    """Return the settings behind a table's rows, by name; Table I needs no training.

    Parameters
    ----------
    table : int
    runs : sequence of int
        Of Tables II and III, only these.
    """
    if table in (2, 3):
        return {f"run {run}": RUNS[run] for run in runs}
    if table == 4:
        return {f"run {BEST_RUN}": RUNS[BEST_RUN]}
    if table == 5:
        return {f"batch size {size}": settings for size, settings in MINI_BATCHES.items()}
    if table == 6:
        return {f"lambda {alpha:g}": settings for alpha, settings in REGULARIZED.items()}
    return {}


def trainings(
    tables: Iterable[int],
    *,
    runs: Sequence[int],
    seeds: Sequence[int],
    dtypes: Sequence[str],
    biases: Sequence[str],
    epochs: int | None = None,
) -> list[Training]:
    """Return the trainings that tables need, each once, the variants one after the other."""
    plan: dict[tuple[str, ...], Training] = {}
    for bias in biases:
        for dtype in dtypes:
            for table in tables:
                for name, settings in settings_of(table, runs).items():
                    for seed in seeds:
                        own = {"bias": bias, "dtype": dtype, "random_state": seed}
                        if epochs is not None:
                            own["max_iter"] = epochs
                        label = f"{name}, seed {seed}, {dtype}, bias per {bias}"
                        plan.setdefault(
                            (name, str(seed), dtype, bias),
                            Training(label, "mnist", settings | own),
                        )
    return list(plan.values())
