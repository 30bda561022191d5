"""Run by `mpirun -n N python rank_cases.py DIRECTORY`: what several ranks must do.

What a case raises on any of them is written to DIRECTORY/results.json; `test_ranks.py` has a
test for each.
"""

import json
import sys
import traceback
import warnings
from pathlib import Path

import rank_equalities
import rank_failures
from mpi4py import MPI
from rank_common import CASES

assert rank_equalities
assert rank_failures


def main(comm, results_file):
    warnings.simplefilter("ignore")
    results = {}
    for name, function in CASES.items():
        if comm.rank == 0:
            print(name, flush=True)
        try:
            function(comm)
            own = None
        except BaseException:
            own = traceback.format_exc()
        found = comm.gather(own)
        if comm.rank == 0:
            results[name] = [f"rank {i}: {text}" for i, text in enumerate(found) if text]
            results_file.write_text(json.dumps(results))


if __name__ == "__main__":
    main(MPI.COMM_WORLD, Path(sys.argv[1]) / "results.json")
