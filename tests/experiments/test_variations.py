"""``mlpcore train`` and ``mlpcore show``, and what survives a kill."""

import json
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from matplotlib.image import imread
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning

from mlpcore import MLPClassifier
from mlpcore.datasets import DatasetNotFoundError
from mlpcore.datasets import _fetch as chain
from mlpcore.experiments import _data
from mlpcore.experiments.__main__ import main

QUICK = ["--hidden", "8", "--epochs", "3", "--jobs", "1"]


def rows(directory):
    return [json.loads(line) for line in (directory / "results.jsonl").read_text().splitlines()]


def test_a_row_says_how_it_came_about(tmp_path, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        arguments = ["--data", "digits", "--seeds", "3", "--lr", "0.05", "--alpha", "0.01"]
        assert main(["train", *QUICK, *arguments, "--out", str(tmp_path)]) == 0
    (row,) = rows(tmp_path)
    settings = row["settings"]
    assert row["data"] == "digits"
    assert settings["hidden_layer_sizes"] == [8]
    assert settings["learning_rate_init"] == 0.05
    assert settings["alpha"] == 0.01
    assert settings["random_state"] == 3
    assert settings["n_iter_no_change"] == "inf"
    assert len(row["loss_curve"]) == len(row["trace"]["accuracy"]) == row["n_iter"] == 3
    assert np.sum(row["confusion"]) == len(_data.digits_split().test[1])
    assert set(row["versions"]) >= {"mlpcore", "numpy", "scipy"}
    assert row["machine"]["blas"]
    parameters = settings | {"n_iter_no_change": np.inf, "hidden_layer_sizes": (8,)}
    split = _data.digits_split()
    with pytest.warns(ConvergenceWarning):
        model = MLPClassifier(**parameters, input_scale=split.scale).fit(*split.train)
    np.testing.assert_allclose(row["loss_curve"], model.loss_curve_, rtol=1e-7)
    assert row["accuracy"]["test"] == model.score(*split.test)


def test_what_is_finished_is_not_trained_again(tmp_path, capsys):
    command = ["train", *QUICK, "--data", "digits", "--out", str(tmp_path), "--seeds"]
    assert main([*command, "1,2"]) == 0
    before = rows(tmp_path)
    assert main([*command, "1-3"]) == 0
    assert "2 of 3 trainings are finished already." in capsys.readouterr().out
    assert rows(tmp_path)[:2] == before
    assert [r["settings"]["random_state"] for r in rows(tmp_path)] == [1, 2, 3]


def test_table_and_picture(tmp_path, capsys):
    command = ["train", *QUICK, "--data", "digits", "--out", str(tmp_path), "--seeds", "1,2"]
    assert main(command) == 0
    assert main([*command, "--loss", "log_loss"]) == 0
    capsys.readouterr()
    assert main(["show", str(tmp_path / "results.jsonl")]) == 0
    shown = capsys.readouterr().out
    assert "activation tanh, alpha 0, batch 100" in shown
    assert "1: digits, loss mse, output tanh, targets bipolar\n" in shown
    assert "2: digits, loss log_loss, output auto, targets one_hot\n" in shown
    accuracies = [r["accuracy"]["val"] for r in rows(tmp_path)][:2]
    assert f"{np.mean(accuracies):.3f}±{np.std(accuracies):.3f}" in shown
    assert imread(tmp_path / "results.png").shape[2] == 4


def test_file_of_one_s_own(tmp_path, capsys):
    X, y = load_wine(return_X_y=True)
    path = tmp_path / "wine.npz"
    np.savez(path, X=(X - X.mean(axis=0)) / X.std(axis=0), y=y)
    command = ["train", *QUICK, "--data", str(path), "--seeds", "1", "--out", str(tmp_path)]
    assert main(command) == 0
    np.savez(path, X=X, y=y)
    assert main(command) == 0
    names = [row["data"] for row in rows(tmp_path)]
    assert all(name.startswith("wine.npz ") for name in names)
    assert names[0] != names[1]


def test_failed_training_leaves_the_others(tmp_path, capsys):
    out = ["--data", "digits", "--seeds", "1", "--out", str(tmp_path)]
    assert main(["train", *QUICK, *out]) == 0
    assert main(["train", *QUICK, *out, "--lr", "1e200", "--out-activation", "identity"]) == 1
    assert "failed: seed 1: Solver produced non-finite" in capsys.readouterr().err
    assert len(rows(tmp_path)) == 1


def test_fashion_mnist(monkeypatch):
    sources = chain._sources
    monkeypatch.setattr(chain, "_sources", lambda *a: (s for s in sources(*a) if s.is_local))
    try:
        split = _data.fashion_mnist_split()
    except DatasetNotFoundError:
        pytest.skip("no Fashion-MNIST in $MLPCORE_DATA, the cache or Debian's package")
    assert np.bincount(split.train[1]).tolist() == [6000] * 10
    assert np.bincount(split.val[1]).tolist() == np.bincount(split.test[1]).tolist() == [500] * 10
    assert split.train[0].shape == (60_000, 784)
    assert split.train[1][:5].tolist() == [9, 0, 0, 3, 0]


def job(out, *arguments):
    command = [sys.executable, "-m", "mlpcore.experiments", "train", "--data", "digits",
               "--hidden", "50", "--epochs", "150", "--seeds", "1-6", "--jobs", "2",
               "--out", str(out), *arguments]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_goes_on_after_a_kill(tmp_path):
    path = tmp_path / "results.jsonl"
    with job(tmp_path) as first:
        deadline = time.monotonic() + 60
        while not (path.exists() and path.stat().st_size):
            assert first.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        first.send_signal(signal.SIGKILL)
    kept = rows(tmp_path)
    assert 1 <= len(kept) < 6
    second = job(tmp_path)
    printed = second.communicate(timeout=120)[0]
    assert second.returncode == 0, printed
    assert f"{len(kept)} of 6 trainings are finished already." in printed
    after = rows(tmp_path)
    assert after[: len(kept)] == kept
    assert sorted(r["settings"]["random_state"] for r in after) == [1, 2, 3, 4, 5, 6]


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGINT for one process")
def test_interrupt_ends_all(tmp_path):
    # Where these tests run in a shell's background, Ctrl-C is ignored, also by their children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    running = job(tmp_path, "--epochs", "100000")
    time.sleep(4)
    running.send_signal(signal.SIGINT)
    printed = running.communicate(timeout=30)[0]
    assert running.returncode == 130, printed
    assert printed.endswith("Interrupted.\n")
