"""Checkpoints: when they are written, what they are, and which are refused."""

import numpy as np
import pytest
import scipy.sparse as sp

import mlpcore
from mlpcore import MLPClassifier, MLPRegressor, ModelFormatError
from mlpcore._checkpoint import FILE_NAME

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = np.array(["a", "b", "c"], dtype=object)[np.arange(60) % 3]
WEIGHT = np.ones(60)
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 8, "random_state": 0, "batch_size": 20}


class CrashError(Exception):
    pass


class CrashAfter:
    """Raise when some epochs are over, as a full disk or a bug would."""

    def __init__(self, n_epochs):
        self.n_left = n_epochs

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        self.n_left -= context.task_name == "epoch"
        if self.n_left < 0:
            raise CrashError


def crashed(directory, n_epochs=5, kind=MLPClassifier, data=(X, Y), **own):
    """Leave the checkpoint of a fit that came so far."""
    model = kind(**SMALL | {"checkpoint": directory, "checkpoint_every": 1} | own)
    with pytest.raises(CrashError):
        model.set_callbacks(CrashAfter(n_epochs)).fit(*data)
    return directory / FILE_NAME


def test_a_crashed_fit_goes_on(tmp_path):
    path = crashed(tmp_path / "new" / "directory")
    model = MLPClassifier(**SMALL, checkpoint=str(path.parent), checkpoint_every=1)
    model.set_callbacks(CrashAfter(3)).fit(X, Y)
    whole = MLPClassifier(**SMALL).fit(X, Y)
    np.testing.assert_array_equal(model._params, whole._params)
    assert model.loss_curve_ == whole.loss_curve_
    assert model.n_iter_ == whole.n_iter_ == 8
    assert list(path.parent.iterdir()) == []


def test_it_is_a_model_file(tmp_path):
    path = crashed(tmp_path, n_epochs=5)
    model = mlpcore.load(path)
    assert model.n_iter_ == 5
    np.testing.assert_array_equal(
        model.predict(X), MLPClassifier(**SMALL | {"max_iter": 5}).fit(X, Y).predict(X)
    )


@pytest.mark.parametrize(("every", "epochs"), [(1, 5), (2, 4), (4, 4), ("0s", 5), ("0.0s", 5)])
def test_how_often(every, epochs, tmp_path):
    path = crashed(tmp_path, n_epochs=5, checkpoint_every=every)
    assert mlpcore.load(path).n_iter_ == epochs


@pytest.mark.parametrize("every", [6, "3600s"])
def test_none_before_its_time(every, tmp_path):
    assert not crashed(tmp_path, n_epochs=5, checkpoint_every=every).exists()


OTHERS = {
    "alpha": {"alpha": 0.5},
    "max_iter": {"max_iter": 9},
    "random_state": {"random_state": np.random.RandomState(0)},
    "dropout": {"dropout": [0.1]},
}
OTHER_DATA = {
    "X": (X + 1e-9, Y),
    "X csr": (sp.csr_array(X), Y),
    "y": (X, Y[::-1]),
    "sample_weight": (X, Y, WEIGHT),
}


@pytest.mark.parametrize("name", OTHERS)
def test_of_other_parameters(name, tmp_path):
    path = crashed(tmp_path)
    before = path.read_bytes()
    model = MLPClassifier(**SMALL | {"checkpoint": tmp_path} | OTHERS[name])
    with pytest.raises(ValueError, match=f"has not ended, with other {name}: repeat that fit"):
        model.fit(X, Y)
    assert path.read_bytes() == before
    assert not hasattr(model, "loss_")


@pytest.mark.parametrize("name", OTHER_DATA)
def test_of_other_data(name, tmp_path):
    crashed(tmp_path)
    with pytest.raises(ValueError, match=f"with other {name.split()[0]}: repeat"):
        MLPClassifier(**SMALL, checkpoint=tmp_path).fit(*OTHER_DATA[name])


def test_of_another_validation_set_or_start(tmp_path):
    crashed(tmp_path)
    model = MLPClassifier(**SMALL, checkpoint=tmp_path, warm_start=False)
    with pytest.raises(ValueError, match="with other X_val, y_val: repeat"):
        model.fit(X, Y, X_val=X, y_val=Y)
    started = MLPClassifier(**SMALL).fit(X, Y).set_params(checkpoint=tmp_path, warm_start=True)
    with pytest.raises(ValueError, match="with other warm_start, weights to begin with: repeat"):
        started.fit(X, Y)


def test_what_changes_no_weight_may_differ(tmp_path, capsys):
    crashed(tmp_path)
    model = MLPClassifier(**SMALL, checkpoint=tmp_path, n_threads=1, verbose=True).fit(X, Y)
    assert model.n_iter_ == 8
    assert "Iteration 3" in capsys.readouterr().out


def test_another_estimator(tmp_path):
    crashed(tmp_path)
    with pytest.raises(ValueError, match="with other class_weight, huber_delta, loss"):
        MLPRegressor(**SMALL, checkpoint=tmp_path).fit(X, X[:, 0])


def test_damaged_and_foreign(tmp_path):
    path = crashed(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    model = MLPClassifier(**SMALL, checkpoint=tmp_path)
    with pytest.raises(ModelFormatError, match=rf"{FILE_NAME}: the tensors take"):
        model.fit(X, Y)
    MLPClassifier(**SMALL).fit(X, Y).save(path)
    with pytest.raises(ModelFormatError, match="it is a model, but no checkpoint"):
        model.fit(X, Y)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"checkpoint_every": "60"}, "checkpoint_every='60': needed is a number of epochs"),
        ({"checkpoint_every": 0}, "'checkpoint_every' parameter"),
        ({"checkpoint": 3}, "'checkpoint' parameter"),
        ({"solver": "lbfgs"}, "solver='lbfgs', which has no epochs"),
        ({"learning_rate": lambda epoch: 0.1}, r"checkpoint=.*learning_rate=<function"),
    ],
)
def test_bad_parameters(own, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**SMALL | {"checkpoint": tmp_path} | own).fit(X, Y)
    assert list(tmp_path.iterdir()) == []


def test_divergence_is_an_end(tmp_path):
    own = {"solver": "sgd", "checkpoint": tmp_path, "checkpoint_every": 1}
    with pytest.raises(ValueError, match="non-finite"), np.errstate(all="ignore"):
        MLPRegressor(**SMALL, **own, learning_rate_init=1e3).fit(X * 1e3, X[:, 0] * 1e6)
    assert list(tmp_path.iterdir()) == []


def test_partial_fit_has_none(tmp_path):
    model = MLPClassifier(**SMALL, checkpoint=tmp_path, checkpoint_every=1)
    model.partial_fit(X, Y, classes=["a", "b", "c"])
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_does_not_end_a_fit(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mlpcore._checkpoint.write_model", full)
    model = MLPClassifier(**SMALL, checkpoint=tmp_path, checkpoint_every=4)
    with pytest.warns(UserWarning, match="no checkpoint was written.*No space left"):
        model.fit(X, Y)
    assert model.n_iter_ == 8


def test_loaded_models_have_no_checkpoint(tmp_path):
    model = MLPClassifier(**SMALL, checkpoint=tmp_path / "c", checkpoint_every=1).fit(X, Y)
    model.save(tmp_path / "m")
    loaded = mlpcore.load(tmp_path / "m")
    assert (loaded.checkpoint, loaded.checkpoint_every) == (None, "60s")
