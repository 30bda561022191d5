"""Time mlpcore with OpenBLAS's own choice of kernels, and with OPENBLAS_CORETYPE=Haswell.

    python coretype.py [--rounds 5] [--only tiny,wide] [--out DIRECTORY]

Two processes take turns. Where the times differ by more than a tenth, BLAS does the work.
"""

import argparse
import json
import os
from pathlib import Path
from statistics import median
from typing import Any

from report import clock
from run import Worker, compare
from workloads import WORKLOADS

VARIABLE, FORCED = "OPENBLAS_CORETYPE", "Haswell"
TENTH = 0.1


def table(results: dict[str, Any]) -> str:
    """Return the Markdown table, and which workloads change."""
    lines = [f"| workload | unset | {FORCED} | change |", "|---" * 4 + "|"]
    changed = []
    for name, row in results.items():
        own, forced = row["seconds"].values()
        # Of runs one after the other: what else the machine does changes more slowly.
        change = median(f / o for o, f in zip(own, forced, strict=True)) - 1
        lines.append(f"| {name} | {clock(median(own))} | {clock(median(forced))} | {change:+.1%} |")
        if abs(change) > TENTH:
            changed.append(name)
    listed = ", ".join(changed) or "none"
    return "\n".join([*lines, "", f"Changed by more than a tenth: {listed}."])


def main() -> None:
    """Run what the command line asks for, and write coretype.json and coretype.md."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(WORKLOADS))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    arguments = parser.parse_args()
    own = {name: value for name, value in os.environ.items() if name != VARIABLE}
    both = [Worker("mlpcore", "unset", own), Worker("mlpcore", FORCED, own | {VARIABLE: FORCED})]
    try:
        results = compare(arguments.only.split(","), both, arguments.rounds, lambda: None)
    finally:
        for worker in both:
            worker.process.kill()
    report = table(results)
    print(report)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "coretype.json").write_text(json.dumps(results, indent=1) + "\n")
    about = both[0].about
    (arguments.out / "coretype.md").write_text(
        f"# A slower BLAS\n\nmlpcore with `{VARIABLE}` unset and with `{FORCED}`, which halves "
        "the\nspeed of OpenBLAS on processors with AVX-512: an epoch or prediction, median of "
        f"{arguments.rounds} runs\nin turn; change: median of the ratios of two runs in turn. "
        f"{about['version']}, kernels\n{about['kernels']}. The workloads are those of "
        f"[peers.md](peers.md); `make bench-scaling` writes this page.\n\n{report}\n"
    )


if __name__ == "__main__":
    main()
