"""Measure how one model scales over ranks, foretell it, and write docs/benchmarks/ranks.*.

Needs two cores, mpi4py and Open MPI. `make bench-ranks`, or with --more once again: the
fastest of all runs counts, as other programs on the machine only slow down.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path

from foretell import foretold
from networks import NETWORKS
from picture import chart, table

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "docs" / "benchmarks"
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_btl_tcp_if_include": "lo", "OMPI_MCA_oob_tcp_if_include": "lo",
}  # fmt: skip
# More ranks than cores: they must not keep one busy while they wait.
CROWDED = {"OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_mpi_yield_when_idle": "1"}


def jobs_of(network):
    """Return what is measured of a network: by name, the number of ranks and the job."""
    how = NETWORKS[network]
    batch, n_values = how.batch_size, how.n_params + 3

    def fit(kind, threads=1, rows=batch):
        return {"what": "fit", "network": network, "batch_size": rows, "threads": threads,
                "kind": kind}  # fmt: skip

    jobs = {
        "plain, 1 thread": (1, fit("plain")),
        "alone, a fifth": (2, fit("alone", rows=batch // 5)),
        "alone": (2, fit("alone")),
        "shared by 2": (2, fit("shared")),
        "allreduce of 2": (2, {"what": "allreduce", "n_values": n_values}),
    }
    if network != "100M":
        jobs |= {
            "plain, 2 threads": (1, fit("plain", 2)),
            "shared by 2, twice the batch": (2, fit("shared", rows=2 * batch)),
            "shared by 4": (4, fit("shared")),
            "allreduce of 4": (4, {"what": "allreduce", "n_values": n_values}),
            "overlap": (2, {"what": "overlap", "network": network, "n_rows": batch // 2}),
        }
    return jobs


def measured(n_ranks, jobs):
    """Return the results of jobs on so many ranks."""
    start = ["mpirun", "-n", str(n_ranks)] if n_ranks > 1 else []
    done = subprocess.run(
        [*start, sys.executable, str(HERE / "worker.py"), json.dumps(jobs)],
        env=os.environ | ENVIRONMENT | (CROWDED if n_ranks > 2 else {}),
        check=True, text=True, stdout=subprocess.PIPE, timeout=300,
    )  # fmt: skip
    return json.loads(done.stdout)


def faster(one, other):
    """Return the shorter of two times, or of each of several."""
    if isinstance(one, dict):
        return {name: min(one[name], other[name]) for name in one}
    return min(one, other)


def main():
    """Measure, foretell, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=list(NETWORKS))
    parser.add_argument("--more", action="store_true", help="keep what was faster before")
    parser.add_argument("--foretell", action="store_true", help="measure nothing")
    args = parser.parse_args()
    file = TARGET / "ranks.json"
    keeps = (args.more or args.foretell) and file.exists()
    before = json.loads(file.read_text()) if keeps else {"seconds": {}}
    seconds = before["seconds"]
    for network in [] if args.foretell else args.networks:
        jobs = jobs_of(network)
        jobs |= {f"latency of {n}": (n, {"what": "allreduce", "n_values": 1}) for n in (2, 4)}
        own = seconds.setdefault(network, {})
        for n_ranks in (1, 2, 4):
            names = [name for name in jobs if jobs[name][0] == n_ranks]
            results = measured(n_ranks, [jobs[name][1] for name in names])
            for name, result in zip(names, results, strict=True):
                own[name] = faster(own.get(name, result), result)
                print(network, name, own[name], flush=True)
    seconds = {network: seconds[network] for network in NETWORKS if network in seconds}
    report = {
        "date": before.get("date") if args.foretell else date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "seconds": seconds,
        "foretold": {network: foretold(network, seconds[network]) for network in seconds},
    }
    file.write_text(json.dumps(report, indent=1) + "\n")
    (TARGET / "ranks.md").write_text(table(report))
    chart(TARGET / "ranks.png", report)


if __name__ == "__main__":
    main()
