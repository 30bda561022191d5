"""The measurements as a table, and the model's curves as a picture."""

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from networks import NETWORKS

ROWS = ["plain, 1 thread", "plain, 2 threads", "shared by 2", "shared by 2, twice the batch",
        "shared by 4"]  # fmt: skip
LABELS = {
    "plain, 1 thread": "1 rank x 1 thread",
    "plain, 2 threads": "1 rank x 2 threads",
    "shared by 2": "2 ranks x 1 thread, the same batch",
    "shared by 2, twice the batch": "2 ranks x 1 thread, twice the batch",
    "shared by 4": "4 ranks x 1 thread on 2 cores, the same batch",
}


def ms(seconds):
    """Return milliseconds with three digits."""
    return f"{1e3 * seconds:#.3g}"


def table(report):
    """Return the page with all figures."""
    lines = [
        f"# One model on many ranks\n\n{report['date']}, {report['machine']}. Milliseconds a step, "
        "lowest quartile of the steps; `make bench-ranks`.\n",
        "| network | how | measured | foretold | off by | speed-up |",
        "|---|---|---|---|---|---|",
    ]
    for network, seconds in report["seconds"].items():
        how = report["foretold"][network]
        for name in ROWS:
            if name not in seconds:
                continue
            told, off = "-", "-"
            if name in how["steps"]:
                told, off = ms(how["steps"][name]), f"{how['errors'][name]:+.0%}"
            batches = 2 if "twice" in name else 1
            faster = batches * seconds["plain, 1 thread"] / seconds[name]
            lines.append(
                f"| {network} | {LABELS[name]} | {ms(seconds[name])} | {told} | {off} | "
                f"{faster:.2f} |"
            )
    lines += [
        "\n| network | parameters | batch | GFLOP/s a core | ms whatever the rows | latency, us | "
        "GB/s | sum of 2 ranks, ms | ranks half of whose time pays |",
        "|---" * 9 + "|",
    ]
    for network, how in report["foretold"].items():
        pays = {name: curve["pays"] for name, curve in how["curves"].items()}
        lines.append(
            f"| {network} | {NETWORKS[network].n_params:,} | {NETWORKS[network].batch_size} | "
            f"{how['gflops_a_core']:.0f} | {ms(how['fixed_seconds'])} | {how['latency_us']:.1f} | "
            f"{how['gigabytes_a_second']:.1f} | "
            f"{ms(report['seconds'][network]['allreduce of 2'])} | "
            + ", ".join(f"{p} ({name})" for name, p in pays.items()) + " |"
        )  # fmt: skip
    lines += ["\n| overlap | product of the first layer | and then the sum | overlapped |",
              "|---|---|---|---|"]  # fmt: skip
    for network, seconds in report["seconds"].items():
        if "overlap" in seconds:
            o = seconds["overlap"]
            lines.append(
                f"| {network} | {ms(o['product'])} | {ms(o['in turn'])} | {ms(o['overlapped'])} |"
            )
    return "\n".join(lines) + "\n"


def chart(path, report):
    """Draw the speed-up over ranks: of one batch, and of a batch a rank."""
    figure, axes = plt.subplots(
        1, len(report["foretold"]), figsize=(4.2 * len(report["foretold"]), 4.4), sharey=True,
        squeeze=False, layout="constrained",
    )  # fmt: skip
    for ax, (network, how) in zip(axes[0], report["foretold"].items(), strict=True):
        for color, (name, curve) in zip(("#2a6f97", "#c1121f"), how["curves"].items(), strict=True):
            ax.plot(curve["ranks"], curve["one batch"], color=color, label=f"one batch: {name}")
            ax.plot(curve["ranks"], curve["a batch a rank"], "--", color=color,
                    label=f"a batch a rank: {name}")  # fmt: skip
        ax.plot([1, 1024], [1, 1024], ":", color="gray", label="ideal")
        seconds = report["seconds"][network]
        ax.plot(2, seconds["alone"] / seconds["shared by 2"], "o", color="black",
                label="measured, one batch")  # fmt: skip
        ax.set(
            xscale="log", yscale="log", xlim=(1, 1024), ylim=(0.1, 1024), xlabel="ranks",
            title=f"{network}, batch {NETWORKS[network].batch_size}",
        )  # fmt: skip
        ax.grid(True, alpha=0.3)
    axes[0, 0].set_ylabel("times as fast as one rank")
    axes[0, 0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)
