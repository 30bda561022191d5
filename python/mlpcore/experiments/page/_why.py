"""Why the report's networks behaved as they did, with figures of our own measurements."""

from mlpcore.experiments import _report as report
from mlpcore.experiments._data import Split
from mlpcore.experiments.page import _batch_10, _relu, _run_9
from mlpcore.experiments.page._explanation import Explanation
from mlpcore.experiments.page._figures import Finder


def explanations(find: Finder, split: Split) -> list[Explanation]:
    """Return the answers that the results allow: none for shorter trainings than the report's."""
    found: list[Explanation] = []
    if find.variant.epochs < report.RUNS[1]["max_iter"]:
        return found
    batches = report.MINI_BATCHES[10]
    if rows := find(batches, "layer"):
        found.append(_batch_10.explain(split, rows, find(batches, "unit")))
    if rows := find(report.RUNS[9], "layer"):
        found.append(_run_9.explain(rows, find(report.RUNS[9], "unit")))
    groups = [
        {run: rows for run in _relu.RUNS_SHOWN if (rows := find(report.RUNS[run], bias))}
        for bias in ("layer", "unit")
    ]
    if _relu.RUN_TOLD in groups[0]:
        found.append(_relu.explain(split, *groups))
    return found
