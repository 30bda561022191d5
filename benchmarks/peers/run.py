"""Time mlpcore and its peers side by side.

    python run.py [--rounds 7] [--only tiny,wide] [--peers mlpcore,jax] [--out DIRECTORY]

Every peer is a process that waits; a workload's runs alternate between them (A B C A B C ...),
and medians are compared. A round is one run of every workload, after one to warm up: so minutes
in which others keep the processor busy fall upon all of them. Each run has it to itself: the
threads of some peers spin on after theirs, and the next begins when they sleep. Before all that
each must compute the same loss from the same weights.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peak import peak
from report import write_report
from workloads import WORKLOADS

HERE = Path(__file__).parent
PEERS = ("mlpcore", "torch", "jax", "sklearn", "onnx")
WARM_UPS = 1
# Seconds; OpenBLAS spins for some 110 ms, ONNX Runtime for as long, PyTorch for 10.
UNTIL_OTHERS_SLEEP = 0.2
TOLERANCE = {"bf16": 0.05}


class Worker:
    """A peer in a process."""

    def __init__(
        self, peer: str, variant: str = "", environment: dict[str, str] | None = None
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), peer],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        self.peer, self.variant = peer, variant
        self.about = self.answer()

    @property
    def name(self) -> str:
        """Peer and variant."""
        return f"{self.peer} {self.variant}"

    def answer(self) -> dict[str, Any]:
        """Return the worker's next line.

        Raises
        ------
        RuntimeError
            If the worker has ended.
        """
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with {self.process.wait()}")
        return json.loads(line)

    def ask(self, request: str) -> dict[str, Any]:
        """Send a request and return the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return self.answer()


@contextmanager
def workers(peers: list[str]) -> Iterator[list[Worker]]:
    """Start a process for each variant of each peer, and end them all."""
    started: list[Worker] = []
    try:
        for peer in peers:
            first = Worker(peer)
            started.append(first)
            first.variant, *others = first.about["variants"]
            started += [Worker(peer, variant) for variant in others]
        yield started
    finally:
        for worker in started:
            worker.process.kill()


def load(name: str, everyone: list[Worker]) -> dict[str, Any]:
    """Let everyone load a workload; returns its loss, who takes part, and why others do not.

    Raises
    ------
    RuntimeError
        If two do not compute the same loss.
    """
    losses: dict[str, float] = {}
    missing: dict[str, str] = {}
    for worker in everyone:
        answer = worker.ask(f"load {name} {worker.variant}")
        if "missing" in answer:
            missing[worker.name] = answer["missing"]
            continue
        losses[worker.name] = answer["loss"]
        reference = next(iter(losses.values()))
        if abs(answer["loss"] / reference - 1) > TOLERANCE.get(worker.variant, 1e-3):
            raise RuntimeError(
                f"{name}: {worker.name} computes a loss of {answer['loss']}, not {reference}"
            )
    loss = next(iter(losses.values()), None)
    return {"loss": loss, "seconds": {key: [] for key in losses}, "missing": missing}


def compare(
    names: list[str], everyone: list[Worker], rounds: int, before_turn: Callable[[], None]
) -> dict[str, Any]:
    """Return of each workload the seconds of every run, by peer and variant."""
    results = {name: load(name, everyone) for name in names}
    for turn in range(WARM_UPS + rounds):
        before_turn()
        for name, row in results.items():
            for worker in (worker for worker in everyone if worker.name in row["seconds"]):
                time.sleep(UNTIL_OTHERS_SLEEP)
                seconds = worker.ask(f"run {name}")["seconds"]
                if turn >= WARM_UPS:
                    row["seconds"][worker.name].append(seconds)
    return results


def main() -> None:
    """Run what the command line asks for, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default=",".join(WORKLOADS))
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    arguments = parser.parse_args()
    n_threads = len(os.sched_getaffinity(0))
    with workers(arguments.peers.split(",")) as everyone:
        versions = sorted({worker.about["version"] for worker in everyone})
        peaks: list[float] = []

        def before_turn() -> None:
            print(f"turn {len(peaks) + 1} of {WARM_UPS + arguments.rounds}", flush=True)
            peaks.append(peak(n_threads))

        results = compare(arguments.only.split(","), everyone, arguments.rounds, before_turn)
    write_report(arguments.out, {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "machine": f"{n_threads} cores, {cpu()}",
        "versions": [*versions, f"Python {platform.python_version()}"],
        "kernels": everyone[0].about.get("kernels", ""),
        "peak_gflops": peaks,
        "rounds": arguments.rounds,
        "workloads": results,
    })  # fmt: skip


def cpu() -> str:
    """Return what the system calls its processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return " ".join(v.strip() for k, v in fields.items() if k.startswith("model name"))


if __name__ == "__main__":
    main()
