"""Why run 9 of the report had a standard deviation of 0.367: its seeds, one by one."""

from collections.abc import Sequence

import numpy as np

from mlpcore.experiments._results import Row
from mlpcore.experiments._statistics import collapsed, spread
from mlpcore.experiments.page._explanation import (
    BLUE,
    ORANGE,
    RED,
    Explanation,
    Line,
    panels,
    percent,
)


def explain(rows: Sequence[Row], twins: Sequence[Row] | None) -> Explanation:
    """Return the answer.

    Parameters
    ----------
    rows, twins : sequence of Row
        Run 9 from each seed: with the report's bias, and with one a unit.
    """
    lines = [
        Line(
            f"seed {row['settings']['random_state']}",
            colour,
            "-",
            range(1, len(row["loss_curve"]) + 1),
            [row["trace"][name] for name in ("hidden_bias", "saturated", "accuracy")],
        )
        for row, colour in zip(rows, (BLUE, ORANGE, RED), strict=False)
    ]
    labels = ("shared hidden bias", "share of flat outputs", "accuracy, 1,000 validation images")
    return Explanation(
        "Why has run 9 a standard deviation of 0.367?",
        _answer(rows, twins),
        panels(lines, "step (= epoch)", labels),
    )


def _answer(rows: Sequence[Row], twins: Sequence[Row] | None) -> str:
    accuracies = ", ".join(f"{row['accuracy']['train']:.3f}" for row in rows)
    answer = f"Its seeds end at training accuracies of {accuracies}: the mean hides two outcomes. "
    answer += "".join(_end(row) for row in rows if collapsed(row))
    kept = [row for row in rows if not collapsed(row)]
    if kept:
        largest = max(max(map(abs, row["trace"]["hidden_bias"])) for row in kept)
        answer += f"In the other seeds it never exceeds {largest:.2f} in size. "
    if twins:
        train = spread(twins, "train")
        answer += (
            f"With a bias for each unit {sum(map(collapsed, twins))} of {len(twins)} seeds "
            f"collapse: {train.mean:.3f} ± {train.std:.3f}."
        )
    return answer


def _end(row: Row) -> str:
    """Return how a network collapsed."""
    bias, saturated = row["trace"]["hidden_bias"], np.array(row["trace"]["saturated"])
    flat = saturated >= 0.99
    step = int(np.argmax(flat)) + 1 if flat.any() else len(saturated)
    return (
        f"With seed {row['settings']['random_state']} the hidden bias that 1,000 units share "
        f"swings to {bias[step - 1]:.2f} by step {step}; from there "
        f"{percent(saturated[step - 1])} of the outputs are flat, and the network calls every "
        "image the same digit to the end. "
    )
