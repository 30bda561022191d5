"""Why ReLU learned slowly in the report: its outputs over the first steps, taken again."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from mlpcore import MLPClassifier
from mlpcore.experiments._data import Split
from mlpcore.experiments._report import RUNS, SEEDS
from mlpcore.experiments._results import Row
from mlpcore.experiments._statistics import spread
from mlpcore.experiments._trace import TRACED_SAMPLES, relative_slope
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
STEPS = (1, 5, 20)

Runs = Mapping[int, Sequence[Row]]
Steps = Mapping[int, dict[str, float]]


def first_steps(split: Split, bias: str) -> Steps:
    """Return what the run's network is like after some full-batch steps.

    For 1,000 validation images: the mean output, the mean slope of the outputs beside the
    largest, the standard deviation of an output over the images, and the share of hidden
    units that are active.
    """
    settings: dict[str, Any] = RUNS[RUN_TOLD] | {"bias": bias, "random_state": SEEDS[0]}
    model = MLPClassifier(**settings, input_scale=split.scale, resume=True)
    X, steps, done = split.val[0][:TRACED_SAMPLES], {}, 0
    for n in STEPS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.set_params(max_iter=n - done).fit(*split.train)
        done = n
        outputs = model.decision_function(X)
        z = X * split.scale @ model.coefs_[0] + model.intercepts_[0]
        steps[n] = {
            "output": float(outputs.mean()),
            "slope": float(relative_slope(outputs, "logistic").mean()),
            "spread": float(outputs.std(axis=0).mean()),
            "active": float((z > 0).mean()),
        }
    return steps


def explain(split: Split, runs: Runs, twins: Runs) -> Explanation:
    """Return the answer.

    Parameters
    ----------
    split : Split
        MNIST.
    runs, twins : mapping of int to sequence of Row
        Some of the runs shown, from each seed: with the report's bias, and with one a unit.
    """
    lines = [
        Line(
            f"run {run}, bias per {bias}",
            colour,
            STYLES[bias],
            range(1, len(group[run][0]["loss_curve"]) + 1),
            [group[run][0]["trace"][name] for name in ("output_bias", "hidden_bias", "accuracy")],
        )
        for run, colour in RUNS_SHOWN.items()
        for bias, group in (("layer", runs), ("unit", twins))
        if run in group
    ]
    labels = ("output bias of largest size", "hidden bias of largest size",
              "accuracy, 1,000 validation images")  # fmt: skip
    figure = panels(lines, "step (= epoch)", labels)
    shared, own = (first_steps(split, bias) for bias in STYLES)
    return Explanation("Why did ReLU learn slowly?", _answer(shared, own, runs, twins), figure)


def _answer(shared: Steps, own: Steps, runs: Runs, twins: Runs) -> str:
    row = runs[RUN_TOLD][0]
    output_bias, hidden_bias = row["trace"]["output_bias"], row["trace"]["hidden_bias"]
    answer = (
        "Nine of ten targets are 0, so the first thing that a logistic output learns is to be "
        "small, whatever the image. The bias that the ten outputs share does that in a few steps: "
        f"in run {RUN_TOLD} (seed {row['settings']['random_state']}) it is {output_bias[0]:.2f} "
        f"after one step and {output_bias[4]:.2f} after five. By step 20 the mean output has "
        f"fallen from 0.5 to {shared[20]['output']:.2f}, the mean of the targets, and the slope "
        f"of the outputs to {percent(shared[20]['slope'])} of its largest; every gradient is "
        "multiplied by that. The bias that all hidden units share has risen to "
        f"{hidden_bias[19]:.2f} meanwhile, where {percent(shared[20]['active'])} of the hidden "
        f"activations are positive: the layer is nearly linear, and an output differs between "
        f"images by a standard deviation of no more than {shared[20]['spread']:.3f} (with a bias "
        f"for each unit {own[20]['spread']:.3f}). From there 100 full-batch steps lead to a "
        f"training accuracy of {spread(runs[RUN_TOLD], 'train').mean:.3f}."
    )
    if RUN_TOLD in twins:
        answer += (
            " The shared bias is not all of it: with one for each unit the slope falls to "
            f"{percent(own[20]['slope'])} as well, and run {RUN_TOLD} reaches "
            f"{spread(twins[RUN_TOLD], 'train').mean:.3f}."
        )
    return answer
