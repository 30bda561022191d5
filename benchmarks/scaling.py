"""Draw what plain SGD costs: with more rows, more weights, larger batches.

    python benchmarks/scaling.py [--rounds 5] [--out DIRECTORY]

Every round fits each network once, in turn; medians are drawn, in scaling.png beside
scaling.json, with the straight lines nearest to them.
"""

import argparse
import datetime
import json
import time
import warnings
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
import numpy as np

from mlpcore import MLPClassifier, __version__
from mlpcore._levels import simd_level
from mlpcore._threads import available_threads

mpl.use("Agg")
import matplotlib.pyplot as plt

N_FEATURES, N_CLASSES, EPOCHS = 784, 10, 2
# Rows, hidden units and batch size; each list varies one of them.
SERIES = {
    "rows": [(rows, 500, 100) for rows in (1250, 2500, 5000, 10_000, 20_000)],
    "weights": [(5000, units, 100) for units in (50, 100, 200, 400, 800, 1600)],
    "batch size": [(5000, 500, b) for b in (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)],
}
FLAT_FROM = 100


def seconds_an_epoch(X: np.ndarray, y: np.ndarray, units: int, batch_size: int) -> float:
    """Return the time of a whole fit by its epochs."""
    model = MLPClassifier(
        (units,), solver="sgd", momentum=0.0, alpha=0.0, batch_size=batch_size, max_iter=EPOCHS,
        learning_rate_init=0.01, tol=0.0, n_iter_no_change=EPOCHS + 1, random_state=0,
    )  # fmt: skip
    start = time.perf_counter()
    model.fit(X, y)
    return (time.perf_counter() - start) / EPOCHS


def measure(rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Return the points of each series, all runs among them."""
    rng = np.random.default_rng(0)
    most = max(rows for series in SERIES.values() for rows, _, _ in series)
    X = rng.normal(size=(most, N_FEATURES)).astype(np.float32)
    y = np.arange(most) % N_CLASSES
    points = {
        name: [{"rows": r, "units": u, "batch_size": b, "seconds": []} for r, u, b in series]
        for name, series in SERIES.items()
    }
    for i in range(rounds + 1):  # the first one warms up
        for p in (p for series in points.values() for p in series):
            seconds = seconds_an_epoch(X[: p["rows"]], y[: p["rows"]], p["units"], p["batch_size"])
            if i > 0:
                p["seconds"].append(seconds)
    return points


def abscissa(name: str, point: dict[str, Any]) -> int:
    """Return what a series varies, of one of its points."""
    n_weights = point["units"] * (N_FEATURES + N_CLASSES)
    return {"rows": point["rows"], "weights": n_weights, "batch size": point["batch_size"]}[name]


def curve(name: str, points: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Return what varies, and the medians: seconds, or microseconds a row for batch sizes."""
    x = np.array([abscissa(name, p) for p in points], float)
    t = np.array([median(p["seconds"]) for p in points])
    return x, t * 1e6 / [p["rows"] for p in points] if name == "batch size" else t


def line(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return the straight line nearest to the points, by relative distance."""
    return np.polyval(np.polyfit(x, t, 1, w=1 / t), x)


def summary(points: dict[str, list[dict[str, Any]]]) -> dict[str, float]:
    """Return how far each series is from what it should be, as a share."""
    found = {}
    for name in ("rows", "weights"):
        x, t = curve(name, points[name])
        found[f"off a straight line in {name}"] = float(np.abs(t / line(x, t) - 1).max())
    x, t = curve("batch size", points["batch size"])
    flat = t[x >= FLAT_FROM]
    found[f"spread a row from batches of {FLAT_FROM}"] = float(flat.max() / flat.min() - 1)
    return found


def draw(path: Path, points: dict[str, list[dict[str, Any]]], found: dict[str, float]) -> None:
    """Draw the three series, each with the line that it should be on."""
    figure, every_axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    for (name, series), axes, fact in zip(points.items(), every_axes, found.items(), strict=True):
        x, t = curve(name, series)
        if name == "batch size":
            flat = x >= FLAT_FROM
            axes.plot(x[flat], np.full(flat.sum(), median(t[flat])), color="0.6")
            axes.set(xscale="log", ylabel="microseconds a row")
        else:
            axes.plot(x, line(x, t), color="0.6")
            axes.set(ylabel="seconds an epoch", xlim=(0, None))
        axes.plot(x, t, "o", color="#2a6f97")
        axes.set(xlabel=name, ylim=(0, 1.1 * t.max()))
        axes.set_title(f"{fact[0]}: at most {fact[1]:.0%}", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    """Measure, and write scaling.json and scaling.png."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # that two epochs are few
    points = measure(arguments.rounds)
    found = summary(points)
    print(found)
    arguments.out.mkdir(parents=True, exist_ok=True)
    report = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "version": f"mlpcore {__version__}, kernels {simd_level()}, {available_threads()} threads",
        "network": f"{N_FEATURES} features, float32, {N_CLASSES} classes, one hidden layer",
        "found": found,
        "points": points,
    }
    (arguments.out / "scaling.json").write_text(json.dumps(report, indent=1) + "\n")
    draw(arguments.out / "scaling.png", points, found)


if __name__ == "__main__":
    main()
