"""Every way in which a command can be refused: exit code and message."""

import os

import numpy as np
import pytest

from mlpcore.experiments import _named_data
from mlpcore.experiments.__main__ import main
from mlpcore.experiments._results import ResultsWriter


@pytest.fixture
def refused(monkeypatch, tmp_path, capsys):
    """Run a command that must end with 2 before it trains; returns what it says."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        assert main([str(a) for a in arguments]) == 2
        return capsys.readouterr().err

    def train(*_):
        raise AssertionError("a training begins")

    monkeypatch.setattr("mlpcore.experiments._runner.train", train)
    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nonsense", "No such command 'nonsense'"),
        ("reproduce", "Missing argument 'TABLE...'"),
        ("reproduce table7", "'table7': allowed are table1, table2, table3, table4, table5, "),
        ("reproduce table3 --runs 0", "'--runs': '0': 0 is not in 1 to 18"),
        ("reproduce table3 --runs 1,17-19", "'--runs': '1,17-19': 19 is not in 1 to 18"),
        ("reproduce table3 --runs 5-3", "'--runs': '5-3': 5-3 ends before it begins"),
        ("reproduce table3 --runs 1;2", "'--runs': '1;2': needs numbers and ranges, such as"),
        ("reproduce table3 --seeds a", "'--seeds': 'a': needs numbers and ranges"),
        ("reproduce table3 --seeds 4294967296", "4294967296 is not in 0 to 4294967295"),
        ("reproduce table3 --dtype float16", "'--dtype': 'float16': allowed are float64, float32"),
        ("reproduce table3 --bias none", "'--bias': 'none': allowed are layer, unit"),
        ("reproduce table3 --jobs 0", "'--jobs': '0': needs a whole number, at least 1"),
        ("reproduce table3 --backend spark", "'--backend': 'spark': allowed are loky, dask, ray"),
        ("reproduce table3 --backend dask", "'--scheduler': --backend dask needs the address of"),
        ("train --scheduler 127.0.0.1:8786", "'127.0.0.1:8786': for --backend dask and ray alone"),
        ("train --backend dask --scheduler a://b", "error: scheduler 'a://b': no address: "),
        ("reproduce table3 --epochs 1.5", "'--epochs': '1.5': needs a whole number, at least 1"),
        ("reproduce table3 --out /dev/null/x", "'--out': cannot make /dev/null/x"),
        ("train --lr fast", "'--lr': 'fast': needs a number"),
        ("train --hidden 0", "'--hidden': '0': 0 is not in 1 to "),
        ("train --data digits --lr -1", "'learning_rate_init' parameter of MLPClassifier must be"),
        ("train --data digits --activation sine", "'activation' parameter of MLPClassifier must"),
        ("train --data digits --loss mse --out-activation softmax", "softmax"),
        ("train --data cifar", "data='cifar': allowed are mnist, fashion-mnist, digits, FILE.npz"),
        ("train --data none.npz", "error: none.npz: No such file or directory"),
        ("show", "Missing argument 'FILE'"),
        ("show nothing.jsonl", "error: nothing.jsonl: no such file"),
    ],
)
def test_refused(refused, arguments, message):
    assert message in refused(*arguments.split())


@pytest.mark.parametrize("command", [["reproduce", "table5"], ["train"]], ids=" ".join)
def test_no_data(refused, no_mnist, command):
    assert "error: no source has mnist. Tried:" in refused(*command)


@pytest.mark.parametrize("command", [["reproduce", "table5"], ["train"]], ids=" ".join)
def test_unwritable_directory(refused, monkeypatch, tmp_path, command):
    # Permissions bind no superuser, who may be running this.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert f"'--out': cannot write to {tmp_path}" in refused(*command, "--out", tmp_path)


def test_results_in_use(refused, tmp_path):
    with ResultsWriter(tmp_path / "results.jsonl"):
        message = refused("train", "--data", "digits", "--out", tmp_path)
    assert "another process is writing to it" in message


def test_show_without_rows(refused, tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    assert "has no row of results" in refused("show", tmp_path / "empty.jsonl")


X, y = np.zeros((40, 3)), np.arange(40) % 2
FILES = {
    "other names": ({"a": X}, "has a; needs X and y, or X_train, y_train, "),
    "lengths": ({"X": X[:5], "y": y}, "X of shape (5, 3) and y of shape (40,); needed are"),
    "one-dimensional": ({"X": y, "y": y}, "X of shape (40,) and y of shape (40,)"),
    "a class of one": ({"X": X, "y": np.array([0] * 39 + [1])}, "cannot be divided: "),
    "objects": ({"X": X, "y": y.astype(object)}, "damaged, or not of plain arrays: "),
    "half the parts": ({"X_train": X, "y_train": y}, "needs X and y, or"),
}


@pytest.mark.parametrize(("arrays", "message"), FILES.values(), ids=FILES)
def test_file_of_other_arrays(refused, tmp_path, arrays, message):
    np.savez(tmp_path / "data.npz", **arrays)
    assert message in refused("train", "--data", "data.npz")


def test_file_of_no_arrays(refused, tmp_path):
    (tmp_path / "data.npz").write_text("hello")
    assert "data.npz: not a file that numpy.savez wrote" in refused("train", "--data", "data.npz")


def test_damaged_file(refused, tmp_path):
    np.savez_compressed(tmp_path / "data.npz", X=np.random.default_rng(0).normal(size=(40, 9)), y=y)
    content = bytearray((tmp_path / "data.npz").read_bytes())
    content[200:260] = bytes(60)
    (tmp_path / "data.npz").write_bytes(content)
    assert "damaged, or not of plain arrays" in refused("train", "--data", "data.npz")


def test_file_in_parts(tmp_path):
    np.savez(tmp_path / "six.npz", X_train=X.reshape(40, 3, 1), y_train=y, X_val=X[:4],
             y_val=y[:4], X_test=X[:6].astype(np.uint8), y_test=y[:6])  # fmt: skip
    split = _named_data.load_named(str(tmp_path / "six.npz"))
    assert [len(part[0]) for part in (split.train, split.val, split.test)] == [40, 4, 6]
    assert split.train[0].shape == (40, 3)
    assert split.scale == 1
