import inspect
import pickle
import tracemalloc

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
    "compute_dtype": None,
    "input_scale": 1.0,
    "skip_zeros": None,
    "n_threads": None,
    "weight_decay": 0.01,
    "max_grad_norm": None,
    "record_grad_norm": False,
    "warmup_epochs": 0,
    "dropout": 0.0,
    "scoring": None,
    "restore_best": True,
    "resume": False,
    "checkpoint": None,
    "checkpoint_every": "60s",
    "class_weight": None,
}


def test_public_surface():
    assert MLP is MLPClassifier
    assert mlpcore.__all__ == [
        "MLP", "MLPClassifier", "MLPRegressor", "ModelFormatError", "Predictor", "__version__",
        "datasets", "load", "show_config", "stream",
    ]  # fmt: skip


def test_parameters_are_scikit_learns_then_our_own():
    ours = inspect.signature(MLPClassifier).parameters
    theirs = inspect.signature(SklearnMLP).parameters
    assert list(ours) == [*theirs, *OWN]
    for name, parameter in theirs.items():
        assert (ours[name].default, ours[name].kind) == (parameter.default, parameter.kind)
    for name, default in OWN.items():
        assert (ours[name].default, ours[name].kind) == (default, inspect.Parameter.KEYWORD_ONLY)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_defaults_learn_digits(digits):
    X_train, X_test, y_train, y_test = digits
    model = MLP().fit(16 * X_train, y_train)
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


def test_fitted_network_keeps_its_own_settings(blobs, quick):
    X, y = blobs
    model = MLP(**quick, loss="mse").fit(X, y)
    raw, labels = model.decision_function(X), model.predict(X)
    model.set_params(input_scale=9.0, activation="tanh", dtype="float32", bias="layer")
    model.set_params(target_coding="bipolar", out_activation="identity")
    assert (model.decision_function(X) == raw).all()
    assert (model.predict(X) == labels).all()


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


@pytest.mark.parametrize(
    ("params", "out_activation", "threshold"),
    [
        ({}, "logistic", 0.5),
        ({"loss": "mse"}, "logistic", 0.5),
        ({"loss": "mse", "out_activation": "identity"}, "identity", 0.5),
        ({"loss": "mse", "target_coding": "bipolar"}, "tanh", 0),
    ],
    ids=str,
)
def test_several_labels(blobs, quick, params, out_activation, threshold):
    X, y = blobs[0], np.stack([blobs[1] > 0, blobs[1] > 1], axis=1).astype(int)
    model = MLP(**quick, **params).fit(X, y)
    assert model.out_activation_ == out_activation
    raw = model.decision_function(X) if "loss" in params else model.predict_proba(X)
    assert raw.shape == model.predict(X).shape == (90, 2)
    assert ((raw > threshold) == model.predict(X)).all()


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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scaled_bytes_are_scaled_floats(blobs, quick, dtype):
    X = np.abs(50 * blobs[0]).astype("uint8")
    rounded_once = (X * (1 / 255)).astype(dtype)
    scaled = MLP(**quick, input_scale=1 / 255, dtype=dtype).fit(X, blobs[1])
    plain = MLP(**quick, dtype=dtype).fit(rounded_once, blobs[1])
    assert all((a == b).all() for a, b in zip(scaled.coefs_, plain.coefs_, strict=True))
    assert (scaled.predict_proba(X) == plain.predict_proba(rounded_once)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_data_are_not_copied(quick, dtype):
    X = np.arange(1, 4_000_001).reshape(4000, 1000).astype(dtype)
    y, before = np.arange(4000) % 2, X.copy()
    tracemalloc.start()
    try:
        model = MLP(**quick | {"batch_size": 50}, dtype="float32", input_scale=1e-7).fit(X, y)
        fit_peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        model.predict(X[:100])
        predict_peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert fit_peak < X.nbytes / 2
    assert predict_peak < X.nbytes / 2
    assert (before == X).all()


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


LAYOUTS = {
    "columns": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "read-only": read_only,
    "big-endian": lambda X: X.astype(">f8"),
    "lists": lambda X: X.tolist(),
    "objects": lambda X: X.astype(object),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_of_the_data_does_not_matter(blobs, quick, layout):
    X, y = blobs
    plain, other = MLP(**quick).fit(X, y), MLP(**quick).fit(LAYOUTS[layout](X), y)
    assert all((a == b).all() for a, b in zip(plain.coefs_, other.coefs_, strict=True))
    assert (plain.predict_proba(X) == other.predict_proba(LAYOUTS[layout](X))).all()


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


@pytest.mark.parametrize("n_threads", [1, 2])
def test_same_seed_same_bits_of_sparse_data(mostly_zero, quick, n_threads):
    params = quick | {"hidden_layer_sizes": (130,), "n_threads": n_threads}
    first, again = (MLP(**params).fit(*mostly_zero) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first.coefs_, again.coefs_, strict=True))


@pytest.mark.parametrize(
    ("loss", "method"),
    [
        ("log_loss", "predict"),
        ("log_loss", "predict_proba"),
        ("log_loss", "predict_log_proba"),
        ("mse", "decision_function"),
    ],
)
def test_before_fit(blobs, loss, method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(MLP(loss=loss), method)(blobs[0])


def test_no_learned_attributes_before_fit():
    assert not [name for name in dir(MLP()) if name.endswith("_") and hasattr(MLP(), name)
                and not name.startswith("_")]  # fmt: skip


def test_no_rows_to_predict(blobs, quick):
    model = MLP(**quick).fit(*blobs)
    with pytest.raises(ValueError, match="0 sample"):
        model.predict(np.empty((0, 4)))


def test_random_state_none_draws_anew(blobs, quick):
    first, again = (MLP(**quick | {"random_state": None}).fit(*blobs) for _ in range(2))
    assert (first.coefs_[0] != again.coefs_[0]).any()
