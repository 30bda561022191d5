"""``mlpcore best``, the main job, made short."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from matplotlib.image import imread

from mlpcore import MLP
from mlpcore.experiments.__main__ import main
from mlpcore.experiments._data import Split, digits_split
from mlpcore.experiments._report import BEST


@pytest.fixture
def digits_for_mnist(monkeypatch):
    """The digits where the job takes them for MNIST: its full course in a second."""
    digits = digits_split()
    split = Split("MNIST", "a [drawer]", digits.scale, digits.train, digits.val, digits.test)
    monkeypatch.setattr("mlpcore.experiments._data.load_split", lambda data_home: split)
    return split


def test_settings_are_those_of_the_report():
    call = MLP((500,), activation="tanh", out_activation="tanh", loss="mse",
               target_coding="bipolar", solver="sgd", momentum=0.0, nesterovs_momentum=False,
               learning_rate_init=0.09, alpha=0.0, batch_size=100, max_iter=100, shuffle=False,
               n_iter_no_change=np.inf, weight_init="normal", bias="layer", dtype="float32",
               random_state=42)  # fmt: skip
    assert MLP(**BEST).get_params() == call.get_params()


def test_results_beside_the_report(digits_for_mnist, tmp_path, capsys):
    assert main(["best", "--epochs", "30", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for words in ("epoch   3 of 30", "0.997", "0.982", "0.981", "10.88 min *", "full-batch run 6",
                  "means of three seeds", "seed 42 alone", "BLAS: ", " thread",
                  "from a [drawer]"):  # fmt: skip
        assert words in printed
    assert "No MNIST" not in printed
    for name in ("learning_curve.png", "weights.npz"):
        assert f"Wrote {tmp_path / name}" in printed
    height, width, _ = imread(tmp_path / "learning_curve.png").shape
    assert width > height > 400


def test_bar_on_a_terminal(digits_for_mnist, monkeypatch, tmp_path, capsys):
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm"), ("COLUMNS", "80")):
        monkeypatch.setenv(name, value)
    assert main(["best", "--epochs", "30", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "30/30" in printed
    assert "left" in printed
    assert "of 30   loss" not in printed


def test_saved_weights_are_the_model(digits_for_mnist, tmp_path, capsys):
    main(["best", "--epochs", "3", "--seed", "7", "--out", str(tmp_path)])
    saved = np.load(tmp_path / "weights.npz")
    model = MLP(**BEST | {"max_iter": 3, "random_state": 7}, input_scale=1 / 16)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        model.fit(*digits_for_mnist.train)
    for i in range(2):
        assert (saved[f"coefs_{i}"] == model.coefs_[i]).all()
        assert (saved[f"intercepts_{i}"] == model.intercepts_[i]).all()
    assert saved["classes"].tolist() == list(range(10))
    assert saved["input_scale"] == 1 / 16


def test_saved_weights_predict(digits_for_mnist, tmp_path, capsys):
    main(["best", "--epochs", "30", "--out", str(tmp_path)])
    saved = np.load(tmp_path / "weights.npz")
    X, y = digits_for_mnist.test
    hidden = np.tanh(X * saved["input_scale"] @ saved["coefs_0"] + saved["intercepts_0"])
    outputs = hidden @ saved["coefs_1"] + saved["intercepts_1"]
    accuracy = np.mean(saved["classes"][outputs.argmax(axis=1)] == y)
    assert accuracy > 0.9
    row = next(line for line in capsys.readouterr().out.splitlines() if "test accuracy" in line)
    assert f"{accuracy:.3f}" in row


def test_digits_without_mnist(no_mnist, tmp_path, capsys):
    assert main(["best", "--epochs", "5", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "No MNIST: no source has it" in printed
    assert "--data-home or $MLPCORE_DATA" in printed
    assert "digits: 1078 samples, from scikit-learn" in printed
    assert "Network: 64-500-10" in printed
    assert "no comparison" in printed
    assert "0.997" not in printed
    assert sorted(os.listdir(tmp_path)) == ["learning_curve-digits.png", "weights-digits.npz"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "'--epochs': '0': needs a whole number, at least 1"),
        (["--epochs", "many"], "'--epochs': 'many': needs a whole number"),
        (["--seed", "-1"], "'--seed': '-1': needs a whole number, 0 to 4294967295"),
        (["--out", "/dev/null/here"], "'--out': cannot make /dev/null/here: Not a directory"),
        (["--colour"], "No such option: --colour"),
    ],
)
def test_bad_arguments(arguments, message, capsys, no_training, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["best", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.fixture
def no_training(monkeypatch):
    """Whoever comes as far as the data has gone too far."""

    def load_split(data_home):
        raise AssertionError("the data are loaded")

    monkeypatch.setattr("mlpcore.experiments._data.load_split", load_split)


def test_unwritable_directory(no_training, monkeypatch, tmp_path, capsys):
    # Permissions bind no superuser, who may be running this.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert main(["best", "--out", str(tmp_path)]) == 2
    assert f"'--out': cannot write to {tmp_path}" in capsys.readouterr().err


def test_file_that_cannot_be_written(digits_for_mnist, tmp_path, capsys):
    (tmp_path / "weights.npz").mkdir()
    assert main(["best", "--epochs", "1", "--out", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert "weights.npz" in message


@pytest.mark.parametrize("module", ["matplotlib.figure", "rich.console"])
def test_missing_extra(module, no_training, monkeypatch, tmp_path, capsys):
    for ours in ("_best", "_plots", "_progress"):
        monkeypatch.delitem(sys.modules, f"mlpcore.experiments.{ours}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["best", "--out", str(tmp_path)]) == 2
    assert 'pip install "mlpcore[experiments]"' in capsys.readouterr().err


def test_interrupt_before_training(monkeypatch, tmp_path, capsys):
    def load_split(data_home):
        raise KeyboardInterrupt

    monkeypatch.setattr("mlpcore.experiments._data.load_split", load_split)
    assert main(["best", "--out", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_interrupt_before_the_first_epoch_ends(digits_for_mnist, monkeypatch, tmp_path, capsys):
    def fit(model, split):
        model.n_iter_ = 0
        return False

    monkeypatch.setattr("mlpcore.experiments._best.fit", fit)
    assert main(["best", "--out", str(tmp_path)]) == 130
    assert "nothing to save" in capsys.readouterr().out
    assert not os.listdir(tmp_path)


INTERRUPTIBLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, if so inherited
from mlpcore.experiments import _data, __main__
_data.load_split = lambda data_home: _data.digits_split()
sys.exit(__main__.main(["best", "--epochs", "1000000", "--out", sys.argv[1]]))
"""


def test_interrupt_saves_what_was_learned(tmp_path):
    (tmp_path / "weights.npz").write_bytes(b"of a whole run")
    job = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert any("BLAS" in line for line in job.stdout)
    time.sleep(1)
    job.send_signal(signal.SIGINT)
    printed = job.communicate(timeout=30)[0]
    assert job.returncode == 130
    assert "Interrupted after" in printed
    assert "accuracy" not in printed
    assert (tmp_path / "weights.npz").read_bytes() == b"of a whole run"
    saved = np.load(tmp_path / "weights-digits-interrupted.npz")
    assert saved["coefs_0"].shape == (64, 500)
    assert imread(tmp_path / "learning_curve-digits-interrupted.png").size
