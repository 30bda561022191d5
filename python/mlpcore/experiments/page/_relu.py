"""Why ReLU learned slowly in the report: its output bias over the first steps."""

import math
from collections.abc import Mapping, Sequence

from mlpcore.experiments._results import Row
from mlpcore.experiments._statistics import spread
from mlpcore.experiments.page._explanation import (
    BLUE,
    GREEN,
    ORANGE,
    STYLES,
    Explanation,
    Line,
    panels,
    percent,
)

# N = 300 with the smallest and the largest rate, and the best of all.
RUNS_SHOWN = {10: BLUE, 12: ORANGE, 18: GREEN}
RUN_TOLD = 12

Runs = Mapping[int, Sequence[Row]]


def explain(runs: Runs, twins: Runs) -> Explanation:
    """Return the answer.

    Parameters
    ----------
    runs, twins : mapping of int to sequence of Row
        Some of the runs shown, from each seed: with the report's bias, and with one a unit.
    """
    lines = [
        Line(
            f"run {run}, bias per {bias}",
            colour,
            STYLES[bias],
            range(1, len(group[run][0]["loss_curve"]) + 1),
            [group[run][0]["trace"][name] for name in ("output_bias", "saturated", "accuracy")],
        )
        for run, colour in RUNS_SHOWN.items()
        for bias, group in (("layer", runs), ("unit", twins))
        if run in group
    ]
    labels = ("output bias of largest size", "share of flat outputs",
              "accuracy, 1,000 validation images")  # fmt: skip
    return Explanation(
        "Why did ReLU learn slowly?", _answer(runs, twins), panels(lines, "step (= epoch)", labels)
    )


def _answer(runs: Runs, twins: Runs) -> str:
    row = runs[RUN_TOLD][0]
    bias = row["trace"]["output_bias"]
    answer = (
        "Nine of ten targets are 0, so the first thing that a logistic output learns is to be "
        "small, whatever the image. The bias that the ten outputs share does that alone, in a few "
        f"steps: in run {RUN_TOLD} (seed {row['settings']['random_state']}) it is {bias[0]:.2f} "
        f"after one step and {bias[4]:.2f} after five, where the slope of the logistic function "
        f"is {percent(_logistic_slope(bias[4]))} of its largest. Every gradient is multiplied by "
        "that slope, and the weights, which begin at 0.01, hardly grow: after 100 full-batch steps "
        f"the training accuracy is {spread(runs[RUN_TOLD], 'train').mean:.3f}. A tanh output has "
        "the same bias but twice the range, four times the slope, and begins in its middle."
    )
    if RUN_TOLD in twins:
        answer += (
            f" It is not the shared bias alone: with one for each unit run {RUN_TOLD} reaches "
            f"{spread(twins[RUN_TOLD], 'train').mean:.3f}."
        )
    return answer


def _logistic_slope(z: float) -> float:
    """Return f'(z) / max f' of the logistic function."""
    return 1 / math.cosh(z / 2) ** 2
