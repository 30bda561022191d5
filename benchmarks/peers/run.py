"""Time mlpcore and its peers side by side.

    python run.py [--rounds 5] [--only tiny,wide] [--peers mlpcore,jax] [--out DIRECTORY]

Every peer is a process that waits; a workload's runs alternate between them (A B C A B C ...),
after a warm-up, and medians are compared. Each has the processor to itself: the threads of some
spin on after a run, and the next one begins when they sleep. Before all that each must compute
the same loss from the same weights.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
            raise RuntimeError(f"{self.peer} {self.variant} ended with {self.process.wait()}")
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


def peak(n_threads: int) -> float:
    """Return the processor's float32 limit in GFLOP/s, measured now."""
    with tempfile.TemporaryDirectory() as directory:
        program = str(Path(directory) / "peak")
        build = [os.environ.get("CC", "cc"), "-O2", "-march=native", "-pthread"]
        subprocess.run([*build, str(HERE / "peak.c"), "-o", program], check=True)
        done = subprocess.run([program, str(n_threads)], check=True, capture_output=True, text=True)
    return float(done.stdout)


def compare(name: str, everyone: list[Worker], rounds: int) -> dict[str, Any]:
    """Return the seconds of every run of a workload, by peer and variant."""
    seconds: dict[str, list[float]] = {}
    missing: dict[str, str] = {}
    reference = None
    taking_part = []
    for worker in everyone:
        key = f"{worker.peer} {worker.variant}"
        answer = worker.ask(f"load {name} {worker.variant}")
        if "missing" in answer:
            missing[key] = answer["missing"]
            continue
        reference = reference or answer["loss"]
        if abs(answer["loss"] / reference - 1) > TOLERANCE.get(worker.variant, 1e-3):
            raise RuntimeError(
                f"{name}: {key} computes a loss of {answer['loss']}, not {reference}"
            )
        taking_part.append((key, worker))
        seconds[key] = []
    for turn in range(WARM_UPS + rounds):
        for key, worker in taking_part:
            time.sleep(UNTIL_OTHERS_SLEEP)
            took = worker.ask("run")["seconds"]
            if turn >= WARM_UPS:
                seconds[key].append(took)
    return {"loss": reference, "seconds": seconds, "missing": missing}


def main() -> None:
    """Run what the command line asks for, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(WORKLOADS))
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    arguments = parser.parse_args()
    n_threads = len(os.sched_getaffinity(0))
    results: dict[str, Any] = {}
    with workers(arguments.peers.split(",")) as everyone:
        versions = sorted({worker.about["version"] for worker in everyone})
        peaks = [peak(n_threads)]
        for name in arguments.only.split(","):
            results[name] = compare(name, everyone, arguments.rounds)
            peaks.append(peak(n_threads))
            print(name, {k: min(v) for k, v in results[name]["seconds"].items()}, flush=True)
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
