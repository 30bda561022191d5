"""The comparisons that `make bench-peers` and `make bench-scaling` make, each on one workload."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
PEERS = Path(__file__).parents[1] / "benchmarks" / "peers"


@pytest.mark.parametrize(
    ("program", "others", "keys"),
    [
        ("run", ["--peers", "mlpcore,sklearn"], ["mlpcore fit", "sklearn fit"]),
        ("coretype", [], ["mlpcore unset", "mlpcore Haswell"]),
    ],
)
def test_every_run_is_written_down(tmp_path, program, others, keys):
    options = ["--only", "tabular", "--rounds", "1", "--out", str(tmp_path), *others]
    subprocess.run([sys.executable, str(PEERS / f"{program}.py"), *options], check=True)
    name = "peers" if program == "run" else program
    report = json.loads((tmp_path / f"{name}.json").read_text())
    seconds = report.get("workloads", report)["tabular"]["seconds"]
    assert [key for key in keys if len(seconds[key]) == 1 and min(seconds[key]) > 0] == keys
    assert "| tabular |" in (tmp_path / f"{name}.md").read_text()
