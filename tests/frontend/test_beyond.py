"""What scikit-learn's users asked for in vain: class weights, validation sets, resume, ..."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import f1_score, log_loss, mean_squared_error
from sklearn.neural_network import MLPClassifier as SklearnClassifier

from mlpcore import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer", "ignore:lbfgs failed")
SMALL = {"hidden_layer_sizes": (8, 6), "random_state": 0, "batch_size": 16,
         "learning_rate_init": 0.01, "n_iter_no_change": np.inf}  # fmt: skip


@pytest.fixture
def line():
    """Samples and targets of a regression, with a few wild ones."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4))
    y = X @ [1.0, -2.0, 0.5, 0.0] + 0.1 * rng.normal(size=120)
    y[::20] += 30
    return X, y


# --- weights of classes


def test_class_weight_is_a_sample_weight(blobs):
    X, y = blobs[0][:70], blobs[1][:70]
    weights = {0: 1.0, 1: 2.0, 2: 5.0}
    ours = MLPClassifier(**SMALL, max_iter=5, class_weight=weights).fit(X, y)
    theirs = SklearnClassifier(**SMALL, max_iter=5).fit(X, y, [weights[k] for k in y])
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-10)


def test_balanced_helps_the_rare_class():
    rng = np.random.default_rng(0)
    y = (rng.random(600) < 0.05).astype(int)
    X = rng.normal(size=(600, 3)) + 1.2 * y[:, None]
    params = SMALL | {"max_iter": 40}
    plain = MLPClassifier(**params).fit(X, y)
    balanced = MLPClassifier(**params, class_weight="balanced").fit(X, y)
    assert balanced.predict(X).sum() > plain.predict(X).sum()
    times = MLPClassifier(**params, class_weight="balanced").fit(X, y, np.full(600, 2.0))
    np.testing.assert_allclose(times.predict_proba(X).sum(axis=1), 1)


def test_balanced_is_not_for_partial_fit(blobs):
    model = MLPClassifier(**SMALL, class_weight="balanced")
    with pytest.raises(ValueError, match="class_weight='balanced' is not for partial_fit"):
        model.partial_fit(*blobs, classes=[0, 1, 2])


# --- validation


def test_own_validation_set_is_recorded_without_stopping(blobs):
    X, y = blobs
    X_val, y_val = X[1::2], y[1::2]
    model = MLPClassifier(**SMALL, max_iter=8).fit(X[::2], y[::2], X_val=X_val, y_val=y_val)
    plain = MLPClassifier(**SMALL, max_iter=8).fit(X[::2], y[::2])
    assert model.loss_curve_ == plain.loss_curve_
    assert len(model.validation_scores_) == 8
    assert model.validation_scores_[-1] == model.score(X_val, y_val)
    expected = log_loss(y_val, model.predict_proba(X_val), labels=[0, 1, 2])
    assert model.history_["validation_loss"][-1] == pytest.approx(expected)
    assert model.history_["score"] == model.validation_scores_


def test_own_validation_set_replaces_the_split(line):
    X, y = line
    params = SMALL | {"n_iter_no_change": 5}
    model = MLPRegressor(**params, early_stopping=True, max_iter=300, scoring="loss")
    model.fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    assert model.t_ == 80 * model.n_iter_
    losses = model.history_["validation_loss"]
    assert model.n_iter_ < 300
    np.testing.assert_allclose(model.validation_scores_, -np.array(losses))
    best = 0.5 * mean_squared_error(y[80:], model.predict(X[80:]))
    assert best == pytest.approx(min(losses))


def test_last_weights_instead_of_the_best(line):
    X, y = line
    params = SMALL | {"early_stopping": True, "max_iter": 60, "n_iter_no_change": 4}
    data = {"X_val": X[80:], "y_val": y[80:]}
    last = MLPRegressor(**params, restore_best=False).fit(X[:80], y[:80], **data)
    assert last.validation_scores_[-1] == pytest.approx(last.score(X[80:], y[80:]))
    best = MLPRegressor(**params).fit(X[:80], y[:80], **data)
    assert best.score(X[80:], y[80:]) == pytest.approx(max(best.validation_scores_))
    assert best.best_validation_score_ == max(best.validation_scores_)


def macro_f1(estimator, X, y):
    return f1_score(y, estimator.predict(X), average="macro")


@pytest.mark.parametrize("scoring", ["f1_macro", macro_f1], ids=["name", "function"])
def test_scorer(blobs, scoring):
    X, y = blobs
    model = MLPClassifier(**SMALL, max_iter=6, scoring=scoring)
    model.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert model.validation_scores_[-1] == pytest.approx(macro_f1(model, X[1::2], y[1::2]))


@pytest.mark.parametrize("missing", ["X_val", "y_val"])
def test_half_a_validation_set(blobs, missing):
    X, y = blobs
    data = {"X_val": X, "y_val": y} | {missing: None}
    with pytest.raises(ValueError, match=f"{missing}=None: X_val and y_val need each other"):
        MLPClassifier().fit(X, y, **data)


def test_validation_set_with_other_classes_or_columns(blobs):
    X, y = blobs
    with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
        MLPClassifier().fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    with pytest.raises(ValueError, match="X has 3 features"):
        MLPClassifier().fit(X, y, X_val=X[:, :3], y_val=y)


# --- losses, activations, solvers


@pytest.mark.parametrize("loss", ["absolute_error", "huber"])
def test_robust_losses_pass_over_wild_targets(line, loss):
    X, y = line
    tame = np.arange(len(y)) % 20 != 0
    params = SMALL | {"max_iter": 150}
    robust = MLPRegressor(loss, **params).fit(X, y)
    squares = MLPRegressor(**params).fit(X, y)
    error = [np.abs(m.predict(X) - y)[tame].mean() for m in (robust, squares)]
    assert error[0] < error[1] / 2


def test_huber_with_a_large_delta_is_the_squared_error(line):
    params = SMALL | {"max_iter": 5}
    huber = MLPRegressor("huber", **params, huber_delta=1e6).fit(*line)
    squares = MLPRegressor("squared_error", **params).fit(*line)
    np.testing.assert_allclose(huber.loss_curve_, squares.loss_curve_, rtol=1e-12)


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", "lbfgs"])
@pytest.mark.parametrize("activation", ["gelu", "silu", "leaky_relu", ["relu", "tanh"]], ids=str)
def test_activations_learn(blobs, activation, solver):
    params = SMALL | {"max_iter": 200, "solver": solver, "n_iter_no_change": 10, "alpha": 0.1}
    model = MLPClassifier(**params, activation=activation).fit(*blobs)
    assert model.score(*blobs) > 0.75


def test_same_activation_for_each_layer_is_one_for_all(blobs):
    models = [
        MLPClassifier(**SMALL, max_iter=4, activation=activation).fit(*blobs)
        for activation in ("logistic", ["logistic", "logistic"])
    ]
    assert models[0].loss_curve_ == models[1].loss_curve_


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"activation": ["relu"]}, r"activation=\['relu'\] is for 1 hidden layers: there are 2"),
        ({"activation": ["relu", "sine"]}, "activation='sine': allowed are identity, logistic"),
        ({"dropout": [0.1]}, r"dropout=\[0.1\] is of shape \(1,\): there are 2 hidden layers"),
        ({"dropout": [0.1, 1.0]}, r"dropout=\[0.1, 1.0\]: needs rates in \[0, 1\)"),
        ({"dropout": 1.0}, "'dropout' parameter"),
        ({"max_grad_norm": 0}, "'max_grad_norm' parameter"),
        ({"weight_decay": -1}, "'weight_decay' parameter"),
        ({"warmup_epochs": -1}, "'warmup_epochs' parameter"),
        ({"learning_rate": "linear"}, "'learning_rate' parameter"),
        ({"scoring": "beauty"}, "'scoring' parameter"),
        ({"class_weight": "equal"}, "'class_weight' parameter"),
    ],
    ids=str,
)
def test_refused(blobs, params, match):
    with pytest.raises(ValueError, match=match):
        MLPClassifier(**SMALL | params).fit(*blobs)


def test_huber_delta_is_checked(line):
    with pytest.raises(ValueError, match="'huber_delta' parameter"):
        MLPRegressor("huber", huber_delta=0).fit(*line)


# --- dropout


def test_dropout_has_a_stream_of_its_own(blobs):
    """It changes no initial weight and no permutation, and follows the seed."""
    params = SMALL | {"max_iter": 5}
    first, again = (MLPClassifier(**params, dropout=0.3).fit(*blobs) for _ in range(2))
    assert first.loss_curve_ == again.loss_curve_
    none = MLPClassifier(**params, dropout=[0.0, 0.0]).fit(*blobs)
    assert none.loss_curve_ == MLPClassifier(**params).fit(*blobs).loss_curve_
    assert first.loss_curve_ != none.loss_curve_
    other = MLPClassifier(**params | {"random_state": 1}, dropout=0.3).fit(*blobs)
    assert other.loss_curve_ != first.loss_curve_


@pytest.mark.parametrize("goes_on", ["warm_start", "resume"])
@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_dropout_of_a_fit_that_goes_on_follows_the_seed(blobs, goes_on, rate):
    models = []
    for seed in (0, 1):
        model = MLPClassifier(
            (8,), solver="sgd", momentum=0.0, max_iter=1, shuffle=False, random_state=seed,
            **{goes_on: True},
        ).fit(*blobs)  # fmt: skip
        models.append(model)
        model.coefs_, model.intercepts_ = models[0].coefs_, models[0].intercepts_
    start = np.copy(models[0].coefs_[0])
    models[0].set_params(dropout=rate).fit(*blobs)
    models[1].set_params(dropout=rate).fit(*blobs)
    assert not np.array_equal(models[0].coefs_[0], start)
    assert np.array_equal(models[0].coefs_[0], models[1].coefs_[0]) == (rate == 0)


def test_dropout_leaves_prediction_alone(blobs):
    model = MLPClassifier(**SMALL, max_iter=5, dropout=0.5).fit(*blobs)
    np.testing.assert_array_equal(model.predict_proba(blobs[0]), model.predict_proba(blobs[0]))


# --- resume


RESUMED = {
    "adam": {},
    "momentum": {"solver": "sgd"},
    "plain sgd": {"solver": "sgd", "momentum": 0.0, "shuffle": False},
    "dropout": {"dropout": 0.2},
    "early stopping": {"early_stopping": True},
    "callable rate": {"learning_rate": lambda epoch: 0.01 / (epoch + 1)},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 2, "tol": 0.1},
    "norms": {"solver": "adamw", "max_grad_norm": 0.5},
    "warm-up": {"warmup_epochs": 9},
    "warm-up to plateau": {"warmup_epochs": 9, "learning_rate": "plateau", "n_iter_no_change": 2},
}


@pytest.mark.parametrize("pickled", [False, True])
@pytest.mark.parametrize("name", RESUMED)
def test_resumed_is_as_if_it_had_never_stopped(line, name, pickled):
    params = SMALL | {"resume": True} | RESUMED[name]
    twice = MLPRegressor(**params, max_iter=6).fit(*line)
    if pickled and name != "callable rate":
        twice = pickle.loads(pickle.dumps(twice))
    twice.fit(*line)
    once = MLPRegressor(**params, max_iter=12).fit(*line)
    for a, b in zip(twice.coefs_ + twice.intercepts_, once.coefs_ + once.intercepts_, strict=True):
        np.testing.assert_array_equal(a, b)
    for attribute in ("loss_curve_", "n_iter_", "t_", "best_loss_", "validation_scores_"):
        assert getattr(twice, attribute) == getattr(once, attribute)
    assert twice.history_["learning_rate"] == once.history_["learning_rate"]


def test_resume_needs_as_many_samples(line):
    X, y = line
    model = MLPRegressor(**SMALL, resume=True, max_iter=2).fit(X, y)
    with pytest.raises(ValueError, match="X has 119 samples, that of the fit to be resumed 120"):
        model.fit(X[1:], y[1:])


# --- history


def test_history(blobs):
    model = MLPClassifier(**SMALL, max_iter=5, record_grad_norm=True).fit(*blobs)
    assert set(model.history_) == {"loss", "learning_rate", "seconds", "gradient_norm"}
    assert model.history_["loss"] == model.loss_curve_
    assert all(len(values) == 5 for values in model.history_.values())
    assert min(model.history_["gradient_norm"]) > 0
    assert 0 < sum(model.history_["seconds"]) < 10
    plain = MLPClassifier(**SMALL, max_iter=5).fit(*blobs)
    np.testing.assert_allclose(plain.loss_curve_, model.loss_curve_, rtol=1e-12)
    assert "gradient_norm" not in plain.history_


def test_limited_gradient_is_recorded_before_the_limit(blobs):
    model = MLPClassifier(**SMALL, max_iter=3, max_grad_norm=1e-3).fit(*blobs)
    assert min(model.history_["gradient_norm"]) > 1e-3


def test_plot_history(blobs, tmp_path):
    X, y = blobs
    model = MLPClassifier(**SMALL, max_iter=5).fit(X, y)
    assert len(model.plot_history().axes) == 1
    figure = model.fit(X, y, X_val=X, y_val=y).plot_history()
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "score"]
    assert len(figure.axes[0].lines) == 2
    figure.savefig(tmp_path / "history.png")
    assert (tmp_path / "history.png").stat().st_size > 1000


def test_parameters_survive_cloning(blobs):
    model = MLPClassifier(activation=["relu", "tanh"], dropout=[0.1, 0.2], class_weight={0: 2.0},
                          learning_rate="cosine", scoring="loss")  # fmt: skip
    assert clone(model).get_params() == model.get_params()
