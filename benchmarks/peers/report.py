"""The comparison as JSON, as a table and as a bar chart."""

import json
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from workloads import WORKLOADS

OURS = "mlpcore fit"
LESS_PRECISE = "bf16"
# What kernels for AMX do with float32, which others compute by multiply-adds.
SLICES = ", beyond which our products of float32 in slices of bfloat16 can be, no less exact"


def fastest(
    seconds: dict[str, list[float]], *, ours: bool, less_precise: bool = True
) -> tuple[str, float]:
    """Return who was fastest, of us or of the others, or of those in float32, and its median."""
    medians = {
        key: median(runs) for key, runs in seconds.items()
        if key.startswith("mlpcore") == ours and (less_precise or LESS_PRECISE not in key)
    }  # fmt: skip
    first = min(medians, key=medians.__getitem__)
    return first, medians[first]


def ratio(seconds: dict[str, list[float]], *, less_precise: bool = True) -> float:
    """Return the best peer's time over ours, both at their best or both in float32."""
    best, own = (
        fastest(seconds, ours=ours, less_precise=less_precise)[1] for ours in (False, True)
    )
    return best / own


def clock(seconds: float) -> str:
    """Return a time with three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.2g} s"


def table(results: dict[str, Any]) -> str:
    """Return the Markdown table: medians, and how many times faster than the best peer."""
    peers = sorted({key for row in results.values() for key in row["seconds"]} - {OURS})
    lines = [
        "| workload | mlpcore | "
        + " | ".join(peers)
        + " | best peer / best mlpcore | both in float32 |",
        "|---" * (len(peers) + 4) + "|",
    ]
    for name, row in results.items():
        seconds = row["seconds"]
        cells = [clock(median(seconds[p])) if p in seconds else "-" for p in peers]
        ours = median(seconds[OURS])
        spread = f"{clock(ours)} ({clock(min(seconds[OURS]))} to {clock(max(seconds[OURS]))})"
        cells += [f"**{ratio(seconds):.2f}**", f"{ratio(seconds, less_precise=False):.2f}"]
        lines.append(f"| {name} | {spread} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def describe() -> str:
    """Return what each workload is, a line each."""
    lines = []
    for name, w in WORKLOADS.items():
        what = f"predict {w.rows} rows" if w.rows else f"{w.solver}, batch {w.batch_size}"
        hidden = "-".join(map(str, w.hidden))
        lines.append(f"- `{name}`: {w.data}, hidden {hidden}, {w.activation}, {w.loss}, {what}")
    return "\n".join(lines)


def chart(path: Path, results: dict[str, Any]) -> None:
    """Draw how many times as long as ours each peer takes; left of 1 the peer is faster."""
    figure, axes = plt.subplots(figsize=(8, 0.9 + 0.55 * len(results)), layout="constrained")
    for i, row in enumerate(results.values()):
        own_key, own = fastest(row["seconds"], ours=True)
        key, best = fastest(row["seconds"], ours=False)
        length = ratio(row["seconds"])
        axes.barh(i, length, color="#2a6f97" if length >= 1 else "#c1121f", height=0.6)
        axes.annotate(
            f" {length:.1f} x   {key} {clock(best)}, {own_key} {clock(own)}", (max(length, 1), i),
            va="center",
        )  # fmt: skip
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(results)), results)
    axes.invert_yaxis()
    axes.set_xlim(0, 2.2 * max(ratio(row["seconds"]) for row in results.values()))
    axes.set_xlabel("time of the best peer / time of mlpcore")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def write_report(directory: Path, report: dict[str, Any]) -> None:
    """Write peers.json, peers.md and peers.png."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "peers.json").write_text(json.dumps(report, indent=1) + "\n")
    results = report["workloads"]
    missing = "\n".join(
        f"- `{name}`: {key}: {why}" for name, row in results.items()
        for key, why in row["missing"].items()
    )  # fmt: skip
    peaks = report["peak_gflops"]
    (directory / "peers.md").write_text(
        f"# mlpcore and its peers\n\n{report['date']}, {report['machine']}; "
        f"{', '.join(report['versions'])}.\n"
        f"Median of {report['rounds']} rounds of all workloads, all peers in turn, float32 but "
        f"for those named {LESS_PRECISE}, every peer with all cores; kernels {report['kernels']}; "
        f"limit of float32 multiply-adds in the same run {min(peaks):.0f} to {max(peaks):.0f} "
        f"GFLOP/s{SLICES if report['kernels'] == 'amx' else ''}. Training: seconds an epoch; our "
        "spread in brackets.\n\n"
        f"{table(results)}\n\n"
        f"![Bars](peers.png)\n\n{describe()}\n\nNot run:\n\n{missing}\n"
    )
    chart(directory / "peers.png", results)
