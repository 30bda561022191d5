"""``python -m mlpcore.experiments``, made short."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.datasets import DatasetNotFoundError
from mlpcore.experiments import _data
from mlpcore.experiments.__main__ import main
from mlpcore.experiments._data import Split, digits_split
from mlpcore.experiments._report import BEST

PNG = b"\x89PNG\r\n\x1a\n"


def no_mnist(data_home=None):
    raise DatasetNotFoundError("no source has mnist. Tried:\n  the attic: has no attic")


@pytest.fixture
def digits_for_mnist(monkeypatch):
    """The digits where the job takes them for MNIST: its full course in a second."""
    digits = digits_split()
    split = Split("MNIST", "a drawer", digits.scale, digits.train, digits.val, digits.test)
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
    assert main(["--epochs", "30", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for words in ("epoch   3 of 30", "0.997", "0.982", "0.981", "10.88 min *", "full-batch run 6",
                  "means of three seeds", "BLAS: ", " threads", "Data: a drawer"):  # fmt: skip
        assert words in printed
    assert (tmp_path / "learning_curve.png").read_bytes().startswith(PNG)
    assert str(tmp_path / "weights.npz") in printed


def test_saved_weights_are_the_model(digits_for_mnist, tmp_path, capsys):
    main(["--epochs", "3", "--seed", "7", "--out", str(tmp_path)])
    saved = np.load(tmp_path / "weights.npz")
    model = MLP(**BEST | {"max_iter": 3, "random_state": 7}, input_scale=1 / 16)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        model.fit(*digits_for_mnist.train)
    for i in range(2):
        assert (saved[f"coefs_{i}"] == model.coefs_[i]).all()
        assert (saved[f"intercepts_{i}"] == model.intercepts_[i]).all()
    assert saved["classes"].tolist() == list(range(10))
    assert saved["input_scale"] == 1 / 16


def test_digits_without_mnist(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(_data, "load_report_split", no_mnist)
    assert main(["--epochs", "5", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "No MNIST: no source has mnist" in printed
    assert "the attic: has no attic" in printed
    assert "scikit-learn's digits" in printed
    assert "no comparison" in printed
    assert "0.997" not in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "--epochs"),
        (["--epochs", "many"], "--epochs"),
        (["--seed", "-1"], "--seed: -1 is not in 0 to 2^32 - 1"),
        (["--out", "/dev/null/here"], "--out: cannot make /dev/null/here"),
        (["--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_bad_arguments(arguments, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_missing_extra(monkeypatch, tmp_path, capsys):
    monkeypatch.delitem(sys.modules, "mlpcore.experiments._best", raising=False)
    monkeypatch.setitem(sys.modules, "mlpcore.experiments._plots", None)
    assert main(["--out", str(tmp_path)]) == 2
    assert 'pip install "mlpcore[experiments]"' in capsys.readouterr().err


INTERRUPTIBLE = """
import sys
from mlpcore.experiments import _data, __main__
_data.load_split = lambda data_home: _data.digits_split()
sys.exit(__main__.main(["--epochs", "1000000", "--out", sys.argv[1]]))
"""


def test_interrupt_saves_what_was_learned(tmp_path):
    job = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    while "BLAS" not in job.stdout.readline():
        pass
    time.sleep(1)
    job.send_signal(signal.SIGINT)
    printed = job.communicate(timeout=30)[0]
    assert job.returncode == 130
    assert "Interrupted after" in printed
    assert sorted(os.listdir(tmp_path)) == ["learning_curve.png", "weights.npz"]
