import inspect
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier as SklearnMLP

import mlpcore
from mlpcore import MLP, MLPClassifier

OWN = {
    "loss": "log_loss",
    "out_activation": "auto",
    "target_coding": "one_hot",
    "weight_init": "glorot_uniform",
    "init_scale": 0.01,
    "bias": "unit",
    "dtype": None,
    "input_scale": 1.0,
    "n_threads": None,
}


def test_public_surface():
    assert MLP is MLPClassifier
    assert mlpcore.__all__ == ["MLP", "MLPClassifier", "__version__", "datasets"]


def test_parameters_are_scikit_learns_then_our_own():
    ours = inspect.signature(MLPClassifier).parameters
    theirs = inspect.signature(SklearnMLP).parameters
    assert list(ours) == [*theirs, *OWN]
    for name, parameter in theirs.items():
        assert (ours[name].default, ours[name].kind) == (parameter.default, parameter.kind)
    for name, default in OWN.items():
        assert (ours[name].default, ours[name].kind) == (default, inspect.Parameter.KEYWORD_ONLY)


def test_defaults_learn_digits(digits):
    X_train, X_test, y_train, y_test = digits
    model = MLP(max_iter=400).fit(16 * X_train, y_train)
    assert model.score(16 * X_test, y_test) > 0.95


def test_fitted_attributes(blobs, quick):
    X, y = blobs
    model = MLP(**quick).fit(X, y)
    assert [W.shape for W in model.coefs_] == [(4, 5), (5, 3)]
    assert [b.shape for b in model.intercepts_] == [(5,), (3,)]
    assert model.classes_.tolist() == [0, 1, 2]
    assert (model.n_features_in_, model.n_layers_, model.n_outputs_) == (4, 3, 3)
    assert model.out_activation_ == "softmax"
    assert model.n_iter_ == len(model.loss_curve_) == 3
    assert model.t_ == 270
    assert model.loss_ == model.loss_curve_[-1]
    assert model.best_loss_ == min(model.loss_curve_)


def test_clone_pickle_and_params(blobs, quick):
    X, y = blobs
    model = MLP(**quick, bias="layer").fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict_proba(X) == model.predict_proba(X)).all()
    assert all((a == b).all() for a, b in zip(again.coefs_, model.coefs_, strict=True))
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(alpha=0.5).alpha == 0.5


def test_coefs_are_what_predict_uses(blobs, quick):
    X, y = blobs
    model = MLP(**quick).fit(X, y)
    model.coefs_[0][...] = 0
    model.coefs_[1][...] = 0
    model.intercepts_[1][:] = [0, 9, 0]
    assert set(model.predict(X)) == {1}


def test_shared_bias(blobs, quick):
    X, y = blobs
    b = MLP(**quick, bias="layer").fit(X, y).intercepts_[0]
    assert b.shape == (5,)
    assert len(set(b)) == 1
    with pytest.raises(ValueError, match="read-only"):
        b[0] = 1


@pytest.mark.parametrize(
    "labels",
    [["no", "yes"], ["a", "b", "c"], [False, True], [1.0, 2.0, 9.0], [-3, 7]],
    ids=str,
)
@pytest.mark.parametrize(
    "loss", [{"loss": "log_loss"}, {"loss": "mse"}, {"loss": "mse", "target_coding": "bipolar"}]
)
def test_labels_of_any_type(labels, loss):
    y = np.repeat(labels, 30)
    X = np.repeat(np.eye(len(labels)), 30, axis=0)
    model = MLP((8,), solver="sgd", learning_rate_init=0.1, batch_size=10, max_iter=60,
                tol=0, n_iter_no_change=60, random_state=0, **loss)  # fmt: skip
    with pytest.warns(UserWarning, match="Maximum iterations"):
        model.fit(X, y)
    assert (model.predict(X) == y).all()
    assert model.predict(X).dtype == y.dtype


def test_outputs_by_loss(blobs, quick):
    X, y = blobs
    proba = MLP(**quick).fit(X, y)
    assert proba.predict_proba(X) == pytest.approx(np.exp(proba.predict_log_proba(X)))
    assert proba.predict_proba(X).sum(axis=1) == pytest.approx(1)
    assert not hasattr(proba, "decision_function")
    raw = MLP(**quick, loss="mse").fit(X, y)
    assert raw.decision_function(X).shape == (90, 3)
    assert (raw.decision_function(X).argmax(axis=1) == raw.predict(X)).all()
    assert not hasattr(raw, "predict_proba")
    assert not hasattr(raw, "predict_log_proba")


def test_outputs_for_two_classes(blobs, quick):
    X, y = blobs[0], blobs[1] > 0
    proba = MLP(**quick).fit(X, y)
    assert proba.predict_proba(X).shape == (90, 2)
    assert ((proba.predict_proba(X)[:, 1] > 0.5) == proba.predict(X)).all()
    raw = MLP(**quick, loss="mse", target_coding="bipolar").fit(X, y)
    assert raw.decision_function(X).shape == (90,)
    assert ((raw.decision_function(X) > 0) == raw.predict(X)).all()


def test_several_labels(blobs, quick):
    X, y = blobs[0], np.stack([blobs[1] > 0, blobs[1] > 1], axis=1).astype(int)
    model = MLP(**quick).fit(X, y)
    assert model.out_activation_ == "logistic"
    assert ((model.predict_proba(X) > 0.5) == model.predict(X)).all()


@pytest.mark.parametrize(
    ("given", "dtype", "expected"),
    [
        ("float32", None, "float32"),
        ("float64", None, "float64"),
        ("int32", None, "float64"),
        ("uint8", None, "float64"),
        ("float64", "float32", "float32"),
        ("float32", "float64", "float64"),
        ("uint8", "float32", "float32"),
    ],
)
def test_precision(blobs, quick, given, dtype, expected):
    X = np.abs(10 * blobs[0]).astype(given)
    model = MLP(**quick, dtype=dtype).fit(X, blobs[1])
    assert {a.dtype for a in model.coefs_ + model.intercepts_} == {np.dtype(expected)}
    assert model.predict_proba(X).dtype == expected


def test_scaled_bytes_are_scaled_floats(blobs, quick):
    X = np.abs(50 * blobs[0]).astype("uint8")
    scaled = MLP(**quick, input_scale=1 / 255).fit(X, blobs[1])
    plain = MLP(**quick).fit(X * (1 / 255), blobs[1])
    assert all((a == b).all() for a, b in zip(scaled.coefs_, plain.coefs_, strict=True))
    assert (scaled.predict_proba(X) == plain.predict_proba(X * (1 / 255))).all()


def test_column_names(blobs, quick):
    frame = pd.DataFrame(blobs[0], columns=list("abcd"))
    model = MLP(**quick).fit(frame, blobs[1])
    assert model.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("dcba")])


def test_same_seed_same_bits(digits, quick):
    X, _, y, _ = digits
    for options in ({}, {"dtype": "float32"}, {"solver": "sgd", "batch_size": 600}):
        first, again = (MLP(**quick | options).fit(X, y) for _ in range(2))
        assert all((a == b).all() for a, b in zip(first.coefs_, again.coefs_, strict=True))


def test_predict_before_fit(blobs):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        MLP().predict(blobs[0])
    assert not hasattr(MLP(), "coefs_")


def test_no_rows_to_predict(blobs, quick):
    model = MLP(**quick).fit(*blobs)
    with pytest.raises(ValueError, match="0 sample"):
        model.predict(np.empty((0, 4)))


def test_random_state_none_draws_anew(blobs, quick):
    first, again = (MLP(**quick | {"random_state": None}).fit(*blobs) for _ in range(2))
    assert (first.coefs_[0] != again.coefs_[0]).any()
