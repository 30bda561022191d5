"""Models written to files: they predict, and go on to learn, as if they had never been there."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import safetensors
import safetensors.numpy
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.exceptions import NotFittedError

import mlpcore
from mlpcore import MLPClassifier, MLPRegressor, Predictor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = np.arange(60) % 3
SMALL = {"hidden_layer_sizes": (6, 3), "max_iter": 5, "random_state": 0, "batch_size": 8}

TRAININGS = {
    "adam": {},
    "momentum": {"solver": "sgd"},
    "plain sgd": {"solver": "sgd", "momentum": 0.0, "shuffle": False},
    "lbfgs": {"solver": "lbfgs"},
    "adamw": {"solver": "adamw", "max_grad_norm": 0.5},
    "dropout": {"dropout": (0.2, 0.1)},
    "early stopping": {"early_stopping": True, "tol": 0.0},
    "last weights": {"early_stopping": True, "restore_best": False, "scoring": "loss"},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 2, "tol": 0.1},
    "cosine": {"learning_rate": "cosine", "warmup_epochs": 2},
    "plateau": {"learning_rate": "plateau", "warmup_epochs": 7, "n_iter_no_change": np.inf},
    "stream": {"random_state": np.random.RandomState(7), "activation": ["tanh", "gelu"]},
    "single": {"dtype": "float32", "bias": "layer", "record_grad_norm": True},
    "array": {"hidden_layer_sizes": np.array([5]), "alpha": np.float64(0.1), "input_scale": 0.5},
}
GOES_ON = {"resume": True}, {"warm_start": True}


def same(a, b):
    """Whether two values are the same in every bit; seconds differ between two trainings."""
    if isinstance(a, np.ndarray):
        if a.dtype == object:
            return b.dtype == object and same(a.tolist(), b.tolist())
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a if k != "seconds")
    if isinstance(a, np.random.RandomState):
        return same(a.get_state(legacy=False), b.get_state(legacy=False))
    return (type(a) is type(b) or isinstance(a, float)) and (a == b or (a != a and b != b))


def assert_same(model, loaded):
    """Assert that two models are the same, parameters, weights, streams, history and all."""
    a, b = model.__getstate__(), loaded.__getstate__()
    for params in (a, b):
        params["hidden_layer_sizes"] = np.asarray(params["hidden_layer_sizes"])
    assert a.keys() == b.keys()
    for name in a:
        assert same(a[name], b[name]), name


def through_file(model, tmp_path):
    model.save(tmp_path / "m.safetensors")
    return mlpcore.load(tmp_path / "m.safetensors")


@pytest.mark.parametrize("goes_on", GOES_ON, ids=lambda own: next(iter(own)))
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("name", TRAININGS)
def test_goes_on_as_if_it_had_never_been_saved(name, kind, goes_on, tmp_path):
    model = clone(kind(**SMALL | TRAININGS[name] | goes_on)).fit(X, Y)
    loaded = through_file(model, tmp_path)
    assert_same(model, loaded)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    for _ in range(2):
        model.fit(X, Y)
        loaded.fit(X, Y)
    assert_same(model, loaded)


@pytest.mark.parametrize(
    "name", sorted(set(TRAININGS) - {"early stopping", "last weights", "lbfgs"})
)
def test_partial_fit_goes_on(name, tmp_path):
    model = clone(MLPClassifier(**SMALL | TRAININGS[name]))
    for _ in range(3):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    loaded = through_file(model, tmp_path)
    for _ in range(3):
        model.partial_fit(X[::-1], Y[::-1])
        loaded.partial_fit(X[::-1], Y[::-1])
    assert_same(model, loaded)


def test_validation_set_goes_on(tmp_path):
    model = MLPClassifier(**SMALL, resume=True, early_stopping=True, tol=0.0)
    model.fit(X[:40], Y[:40], X_val=X[40:], y_val=Y[40:])
    loaded = through_file(model, tmp_path)
    for m in (model, loaded):
        m.fit(X[:40], Y[:40], X_val=X[40:], y_val=Y[40:])
    assert_same(model, loaded)
    assert len(loaded.history_["score"]) == 10


LABELS = {
    "strings": np.array(["a", "bb", "päß\U0001f600"])[Y],
    "wide strings": np.array(["a", "b", "longer"])[Y % 2],
    "integers": Y - 1,
    "bytes of numbers": Y.astype(np.uint8),
    "floats": Y.astype(float),
    "halves": Y.astype(np.float16),
    "booleans": Y > 0,
    "large integers": np.array([-(2**63), 0, 2**63 - 1])[Y],
    "several": make_multilabel_classification(60, 4, n_classes=5, random_state=0)[1],
    "objects": pd.Series(["x", "y", "z"] * 20),
}


@pytest.mark.parametrize("own", [{}, {"loss": "mse", "target_coding": "bipolar"}], ids=str)
@pytest.mark.parametrize("name", LABELS)
def test_labels(name, own, tmp_path):
    model = MLPClassifier(**SMALL, **own, warm_start=True).fit(X, LABELS[name])
    loaded = through_file(model, tmp_path)
    assert_same(model, loaded)
    predictor = Predictor.load(tmp_path / "m.safetensors")
    for found in (loaded.predict(X), predictor.predict(X)):
        np.testing.assert_array_equal(found, model.predict(X), strict=True)
    assert_same(model.fit(X, LABELS[name]), loaded.fit(X, LABELS[name]))


def test_many_classes_give_no_warning(tmp_path):
    model = MLPClassifier(**SMALL).partial_fit(X, Y, classes=np.arange(20))
    assert_same(model, through_file(model, tmp_path))


def test_feature_names(tmp_path):
    table = pd.DataFrame(X, columns=["a", "ü", "", "c\0d"])
    model = MLPClassifier(**SMALL).fit(table, Y)
    loaded = through_file(model, tmp_path)
    assert_same(model, loaded)
    np.testing.assert_array_equal(loaded.predict(table), model.predict(table))
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(table.rename(columns={"a": "b"}))


def test_parameters_come_back(tmp_path):
    own = {"class_weight": {0: 2.0, 1: 1, 2: 0.5}, "scoring": "f1_macro", "dropout": [0.0, 0.1],
           "n_iter_no_change": np.inf, "activation": ("relu", "silu")}  # fmt: skip
    model = MLPClassifier(**SMALL, **own).fit(X, Y)
    assert through_file(model, tmp_path).get_params() == model.get_params()


def test_outputs_of_a_regressor(tmp_path):
    model = MLPRegressor("poisson", **SMALL).fit(X, np.abs(X[:, :2]))
    loaded = through_file(model, tmp_path)
    assert_same(model, loaded)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    predictor = Predictor.load(tmp_path / "m.safetensors", n_threads=1)
    np.testing.assert_array_equal(predictor(X), model.predictor()(X))


class OwnMLP(MLPClassifier):
    pass


class Callback:
    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...
    def on_fit_task_end(self, estimator, context): ...


def with_attribute(model):
    model.note = "mine"
    return model


def with_nan(model):
    model.coefs_[0][0, 0] = np.nan
    return model


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m: m.set_params(learning_rate=lambda epoch: 0.1), r"learning_rate=<function"),
        (lambda m: m.set_params(scoring=len), r"scoring=<built-in function len>.*no functions"),
        (lambda m: m.set_callbacks(Callback()), "callbacks cannot be saved"),
        (lambda m: m.set_params(alpha=-1.0), "'alpha' parameter of MLPClassifier"),
        (lambda m: m.set_params(dropout=[0.1]), "dropout=.*2 hidden layers"),
        (lambda m: m.set_params(random_state=np.random.RandomState(np.random.PCG64(0))), "PCG64"),
        (with_attribute, "attribute note='mine' cannot be saved"),
        (with_nan, "NaN or infinite"),
        (lambda m: OwnMLP(**SMALL).fit(X, Y), "OwnMLP cannot be saved"),
    ],
)
def test_what_cannot_be_saved(make, message, tmp_path):
    path = tmp_path / "m.safetensors"
    model = MLPClassifier(**SMALL).fit(X, Y)
    model.save(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        make(model).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_labels_that_cannot_be_saved(tmp_path):
    dates = np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[D]")
    model = MLPClassifier(**SMALL).fit(X, Y > 0)
    model._labels.labels.__dict__["classes"] = dates
    with pytest.raises(ValueError, match=r"classes_ of dtype datetime64\[D\] cannot be saved"):
        model.save(tmp_path / "m")


def test_unfitted_and_unwritable(tmp_path):
    with pytest.raises(NotFittedError):
        MLPClassifier().save(tmp_path / "m")
    model = MLPClassifier(**SMALL).fit(X, Y)
    with pytest.raises(FileNotFoundError):
        model.save(tmp_path / "absent" / "m")
    with pytest.raises(FileNotFoundError):
        mlpcore.load(tmp_path / "absent")


def test_links_and_modes_stay(tmp_path):
    path, link = tmp_path / "m", tmp_path / "link"
    model = MLPClassifier(**SMALL).fit(X, Y)
    model.save(path)
    path.chmod(0o600)
    link.symlink_to(path)
    model.fit(X, Y).save(link)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o600
    assert_same(model, mlpcore.load(path))


def test_the_safetensors_library_reads_it(tmp_path):
    model = MLPClassifier(**SMALL, resume=True).fit(X, Y)
    model.save(tmp_path / "m")
    tensors = safetensors.numpy.load_file(tmp_path / "m")
    for i in range(3):
        np.testing.assert_array_equal(tensors[f"coefs_.{i}"], model.coefs_[i])
        np.testing.assert_array_equal(tensors[f"intercepts_.{i}"], model.intercepts_[i])
    with safetensors.safe_open(tmp_path / "m", "numpy") as file:
        assert set(file.metadata()) == {"format", "mlpcore", "digest"}
    # What another program writes is no model, and says so.
    safetensors.numpy.save_file({"W": np.ones(3)}, tmp_path / "other")
    with pytest.raises(mlpcore.ModelFormatError, match="no digest: mlpcore did not write"):
        mlpcore.load(tmp_path / "other")


def test_predictor_loads_without_scikit_learn(tmp_path):
    names = np.array(list("abc"))[Y]
    model = MLPClassifier(**SMALL).fit(X, names)
    model.save(tmp_path / "m")
    np.save(tmp_path / "X.npy", X)
    program = (
        "import sys, numpy as np, mlpcore\n"
        "print(''.join(mlpcore.Predictor.load('m').predict(np.load('X.npy'))))\n"
        "try: mlpcore.Predictor.load('X.npy')\n"
        "except mlpcore.ModelFormatError: pass\n"
        "assert not any(m.split('.')[0] == 'sklearn' for m in sys.modules), 'sklearn'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "".join(model.predict(X))
