"""The float32 limit of the processor, now, in GFLOP/s: `python peak.py [THREADS [RUNS]]`."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median


def peak(n_threads: int, runs: int = 1) -> float:
    """Return the GFLOP/s of multiply-adds in registers, on so many threads: the median of runs."""
    with tempfile.TemporaryDirectory() as directory:
        program = str(Path(directory) / "peak")
        source = str(Path(__file__).with_name("peak.c"))
        build = [os.environ.get("CC", "cc"), "-O2", "-march=native", "-pthread"]
        subprocess.run([*build, source, "-o", program], check=True)
        run = [program, str(n_threads)]
        return median(
            float(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
            for _ in range(runs)
        )


if __name__ == "__main__":
    print(peak(*map(int, sys.argv[1:] or [os.cpu_count() or 1])))
