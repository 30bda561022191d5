"""One model on several ranks of MPI: the cases of `rank_cases.py`, under mpirun."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from mlpcore import MLPClassifier
from mlpcore._draws import Draws, part_of
from mlpcore._ranks import Ranks

PROGRAM = Path(__file__).with_name("rank_cases.py")
CASES = [
    name for file in ("rank_equalities.py", "rank_failures.py")
    for name in re.findall(r"@case\ndef (\w+)", PROGRAM.with_name(file).read_text())
]  # fmt: skip
SECONDS = 90  # Within them all cases end, or one of them hangs.

# Open MPI: as root, more ranks than cores, which wait without keeping a core busy, and no
# network but the loopback.
OPEN_MPI = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_mpi_yield_when_idle": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "OMPI_MCA_btl_tcp_if_include": "lo", "OMPI_MCA_oob_tcp_if_include": "lo",
}  # fmt: skip

needs_mpi = pytest.mark.skipif(
    find_spec("mpi4py") is None or shutil.which("mpirun") is None,
    reason="needs mpi4py and the mpirun of an MPI",
)


def mpirun(n_ranks, *program):
    """Run Python on so many ranks; returns its output and, if it ended in time, its status."""
    process = subprocess.Popen(
        ["mpirun", "-n", str(n_ranks), sys.executable, *map(str, program)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env=os.environ | OPEN_MPI,
    )  # fmt: skip
    try:
        return process.communicate(timeout=SECONDS)[0], process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate()[0], None


@pytest.fixture(scope="module", params=[2, 4], ids=lambda n: f"{n} ranks")
def outcome(request, tmp_path_factory):
    """What each case raised on so many ranks, and what the program wrote."""
    directory = tmp_path_factory.mktemp("ranks")
    output, status = mpirun(request.param, PROGRAM, directory)
    results = directory / "results.json"
    return json.loads(results.read_text()) if results.exists() else {}, output, status


@needs_mpi
@pytest.mark.parametrize("case", CASES)
def test_on_ranks(outcome, case):
    results, output, status = outcome
    assert case in results, f"it did not end; exit status {status}; the output:\n{output}"
    assert not results[case], "\n".join(results[case])


def test_what_is_no_communicator_is_refused():
    for comm in (3, "world", object):
        with pytest.raises(TypeError, match=r"comm=.*: needed is an intracommunicator of mpi4py"):
            MLPClassifier().fit([[0], [1]], [0, 1], comm=comm)


def test_no_mpi_is_imported_unless_it_is_asked_for():
    code = "import sys, mlpcore; mlpcore.MLP(max_iter=1, tol=9).fit([[0], [1]], [0, 1]); " \
           "sys.exit('mpi4py' in sys.modules)"  # fmt: skip
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def test_permutations_follow_from_the_epoch_and_the_rank():
    draws = Draws(
        np.random.RandomState(0), np.arange(9), np.arange(0), 9, [0.5], np.random.PCG64(7)
    )
    part, seen = part_of(draws, Ranks(), [9]), []
    for epoch in (0, 1, 0):
        part.begin_epoch(epoch)
        part.order[:] = np.random.Generator(part.shuffler).permutation(part.order)
        seen.append((part.order.tolist(), part.dropout.random_raw()))
    assert seen[0] == seen[2]
    assert seen[0][0] != seen[1][0]
    assert seen[0][1] != seen[1][1]
