"""pickle, joblib and skops: models come back as they were, and go on to learn."""

import copy
import pickle

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.base import clone

from mlpcore import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = np.arange(60) % 3
SMALL = {"hidden_layer_sizes": (6, 3), "max_iter": 5, "batch_size": 8}
# What skops does not know by itself.
OURS = ["mlpcore._classifier.MLPClassifier", "mlpcore._regressor.MLPRegressor"]


def by_joblib(model, path):
    joblib.dump(model, path)
    return joblib.load(path)


def by_skops(model, path):
    skops.io.dump(model, path)
    assert set(skops.io.get_untrusted_types(file=path)) <= set(OURS)
    return skops.io.load(path, trusted=OURS)


WAYS = {
    "pickle": lambda model, path: pickle.loads(pickle.dumps(model)),
    "deepcopy": lambda model, path: copy.deepcopy(model),
    "joblib": by_joblib,
    "skops": by_skops,
}
TRAININGS = {
    "adam": {},
    "momentum": {"solver": "sgd", "dropout": 0.1},
    "early stopping": {"early_stopping": True, "tol": 0.0},
    "stream": {"random_state": np.random.RandomState(7), "dtype": "float32"},
    "lbfgs": {"solver": "lbfgs"},
}


def assert_same(model, other):
    for a, b in zip(
        model.coefs_ + model.intercepts_, other.coefs_ + other.intercepts_, strict=True
    ):
        np.testing.assert_array_equal(a, b, strict=True)
    for name in ("loss_curve_", "n_iter_", "t_", "best_loss_", "validation_scores_"):
        assert getattr(model, name, None) == getattr(other, name, None)
    np.testing.assert_array_equal(model.predict(X), other.predict(X), strict=True)


@pytest.mark.parametrize("goes_on", ["resume", "warm_start"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("name", TRAININGS)
@pytest.mark.parametrize("way", WAYS)
def test_goes_on_as_if_it_had_never_been_away(way, name, kind, goes_on, tmp_path):
    own = {"random_state": 0} | TRAININGS[name] | {goes_on: True}
    model = clone(kind(**SMALL, **own)).fit(X, Y)
    other = WAYS[way](model, tmp_path / "m")
    assert_same(model, other)
    for _ in range(2):
        model.fit(X, Y)
        other.fit(X, Y)
    assert_same(model, other)


@pytest.mark.parametrize("way", WAYS)
def test_partial_fit_goes_on(way, tmp_path):
    labels = np.array(["a", "bb", "c"])[Y]
    model = MLPClassifier(**SMALL, random_state=0).partial_fit(
        X, labels, classes=["a", "bb", "c", "d"]
    )
    other = WAYS[way](model, tmp_path / "m")
    assert_same(model.partial_fit(X, labels), other.partial_fit(X, labels))


@pytest.mark.parametrize("way", WAYS)
def test_before_fit(way, tmp_path):
    model = MLPClassifier((3,), alpha=0.5)
    assert WAYS[way](model, tmp_path / "m").get_params() == model.get_params()
