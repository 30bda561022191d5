"""Side by side with scikit-learn: every solver, activation, loss, storage, dtype, weight."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.neural_network import MLPRegressor as SklearnRegressor

import mlpcore

N, N_FEATURES = 70, 12
SOLVERS = {
    "sgd": {"solver": "sgd", "learning_rate_init": 0.02},
    "adam": {"solver": "adam", "learning_rate_init": 0.005},
    "lbfgs": {"solver": "lbfgs", "max_iter": 8},
}
STORAGES = {"dense": np.asarray, "csr": sp.csr_matrix, "csc": sp.csc_array}


def inputs(dtype="float64"):
    """Samples of which four in five values are zero."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, N_FEATURES)) * (rng.random((N, N_FEATURES)) < 0.2)
    return X.astype(dtype)


def targets(kind):
    rng = np.random.default_rng(1)
    return {
        "binary": lambda: rng.integers(0, 2, N),
        "multiclass": lambda: np.array(["a", "b", "c"])[rng.integers(0, 3, N)],
        "multilabel": lambda: rng.integers(0, 2, (N, 3)),
        "regression": lambda: rng.normal(size=N),
        "multi-output": lambda: rng.normal(size=(N, 2)),
        "poisson": lambda: rng.poisson(2.0, N).astype(float),
    }[kind]()


def pair(kind, **params):
    """The two estimators."""
    if kind in ("binary", "multiclass", "multilabel"):
        return mlpcore.MLPClassifier(**params), SklearnClassifier(**params)
    loss = "poisson" if kind == "poisson" else "squared_error"
    return mlpcore.MLPRegressor(loss, **params), SklearnRegressor(loss, **params)


def fit(model, *data, method="fit", **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(model, method)(*data, **options)
    return [(w.category, str(w.message)) for w in caught]


def error(ours, theirs):
    """max|difference| / max|reference|."""
    scale = np.abs(theirs).max()
    return np.abs(np.asarray(ours, float) - theirs).max() / (scale if scale else 1.0)


def assert_same_model(ours, theirs, X, tolerance):
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_
    assert ours.out_activation_ == theirs.out_activation_
    assert error(ours.loss_, theirs.loss_) <= tolerance
    outputs = "predict_proba" if hasattr(theirs, "predict_proba") else "predict"
    assert error(getattr(ours, outputs)(X), getattr(theirs, outputs)(X)) <= tolerance


def assert_same_course(ours, theirs, tolerance):
    for a, b in zip([*ours.coefs_, *ours.intercepts_], [*theirs.coefs_, *theirs.intercepts_],
                    strict=True):  # fmt: skip
        assert a.dtype == b.dtype
        assert error(a, b) <= tolerance
    assert error(ours.loss_curve_, theirs.loss_curve_) <= tolerance
    for name in ("best_loss_", "best_validation_score_"):
        if getattr(theirs, name) is None:
            assert getattr(ours, name) is None
        else:
            assert error(getattr(ours, name), getattr(theirs, name)) <= tolerance
    assert (ours.validation_scores_ is None) == (theirs.validation_scores_ is None)
    if theirs.validation_scores_ is not None:
        assert error(ours.validation_scores_, theirs.validation_scores_) <= tolerance


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize(
    "kind", ["binary", "multiclass", "multilabel", "regression", "multi-output", "poisson"]
)
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_grid(solver, activation, kind, storage, dtype, weighted):
    X, y = STORAGES[storage](inputs(dtype)), targets(kind)
    weights = np.random.default_rng(2).uniform(0.2, 2, N) if weighted else None
    params = {"hidden_layer_sizes": (18, 5), "activation": activation, "batch_size": 32,
              "max_iter": 20, "random_state": 1, "alpha": 0.01} | SOLVERS[solver]  # fmt: skip
    models = pair(kind, **params)
    messages = [fit(model, X, y, sample_weight=weights) for model in models]
    if solver == "lbfgs":
        # scipy rounds the points where scikit-learn evaluates to float32; ours are in double.
        assert_same_model(*models, X, 1e-6 if dtype == "float64" else 1e-3)
        return
    assert messages[0] == messages[1]
    tolerance = 1e-9 if dtype == "float64" else 1e-3
    assert_same_model(*models, X, tolerance)
    assert_same_course(*models, tolerance)


SCHEDULES = {
    "invscaling": {"learning_rate": "invscaling", "power_t": 0.3},
    "adaptive": {"learning_rate": "adaptive", "tol": 0.02, "n_iter_no_change": 2},
    "adaptive to the end": {"learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1},
}


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("kind", ["multiclass", "regression"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules(schedule, kind, momentum, capsys):
    X, y = inputs(), targets(kind)
    params = {"solver": "sgd", "learning_rate_init": 0.05, "momentum": momentum, "max_iter": 60,
              "hidden_layer_sizes": (9,), "random_state": 0, "verbose": True}  # fmt: skip
    models, printed = pair(kind, **params | SCHEDULES[schedule]), []
    for model in models:
        fit(model, X, y)
        printed.append(capsys.readouterr().out)
    assert_same_model(*models, X, 1e-9)
    assert_same_course(*models, 1e-9)
    assert printed[0] == printed[1]


EARLY = {"early_stopping": True, "max_iter": 40, "hidden_layer_sizes": (9,), "random_state": 3}


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression", "poisson"])
def test_early_stopping(kind, storage, weighted, solver, capsys):
    X, y = STORAGES[storage](inputs()), targets(kind)
    weights = np.random.default_rng(2).uniform(0.2, 2, N) if weighted else None
    params = EARLY | {"n_iter_no_change": 4, "validation_fraction": 0.2, "batch_size": 16,
                      "learning_rate_init": 0.01, "verbose": True}  # fmt: skip
    models, messages, printed = pair(kind, solver=solver, **params), [], []
    for model in models:
        messages.append(fit(model, X, y, sample_weight=weights))
        printed.append(capsys.readouterr().out)
    assert messages[0] == messages[1]
    assert printed[0] == printed[1]
    assert_same_model(*models, X, 1e-9)
    assert_same_course(*models, 1e-9)


def test_validation_set_too_small():
    for model in pair("regression", **EARLY | {"validation_fraction": 0.01}):
        with pytest.raises(ValueError, match="The validation set is too small"):
            model.fit(inputs(), targets("regression"))


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_warm_start(kind, solver, early):
    X, y = inputs(), targets(kind)
    models = pair(kind, solver=solver, warm_start=True, max_iter=6, random_state=0,
                  hidden_layer_sizes=(9,), early_stopping=early, n_iter_no_change=3)  # fmt: skip
    for _ in range(3):
        messages = [fit(model, X, y) for model in models]
        assert_same_model(*models, X, 1e-6 if solver == "lbfgs" else 1e-9)
        if solver != "lbfgs":
            assert messages[0] == messages[1]
            assert_same_course(*models, 1e-9)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression"])
def test_partial_fit(kind, solver, storage, weighted, shuffle):
    X, y = STORAGES[storage](inputs()), targets(kind)
    weights = np.random.default_rng(2).uniform(0.2, 2, N) if weighted else None
    models = pair(kind, solver=solver, random_state=0, batch_size=10, shuffle=shuffle,
                  hidden_layer_sizes=(9,), learning_rate="invscaling")  # fmt: skip
    for k in range(6):
        part = slice(20 * (k % 3), 20 * (k % 3) + 20)
        options = {"sample_weight": None if weights is None else weights[part]}
        if kind != "regression":
            options["classes"] = range(3) if kind == "multilabel" else np.unique(y)
        for model in models:
            assert fit(model, X[part], y[part], method="partial_fit", **options) == []
        assert_same_model(*models, X, 1e-9)
        assert_same_course(*models, 1e-9)


def test_partial_fit_errors():
    X, y = inputs(), targets("multiclass")
    for model in pair("multiclass", random_state=0):
        with pytest.raises(ValueError, match="classes must be passed on the first call"):
            model.partial_fit(X, y)
        fit(model, X, y, method="partial_fit", classes=["a", "b", "c"])
        with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
            model.partial_fit(X[:2], ["a", "z"])
    for model in pair("multiclass", early_stopping=True):
        with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
            model.partial_fit(X, y, classes=["a", "b", "c"])
    for model in pair("multiclass", solver="lbfgs"):
        with pytest.raises(AttributeError, match="no attribute 'partial_fit'"):
            model.partial_fit(X, y)


def test_warm_start_with_other_classes():
    X, y = inputs(), targets("multiclass")
    for model in pair("multiclass", warm_start=True, max_iter=2):
        fit(model, X, y)
        with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same"):
            model.fit(X[:3], ["a", "b", "z"])


def test_warm_start_with_other_layers():
    model = mlpcore.MLPRegressor(hidden_layer_sizes=(4,), warm_start=True, max_iter=2)
    fit(model, inputs(), targets("regression"))
    before = [W.copy() for W in model.coefs_]
    model.set_params(hidden_layer_sizes=(5,))
    with pytest.raises(ValueError, match="needs the same layers"):
        model.fit(inputs(), targets("regression"))
    np.testing.assert_equal(model.coefs_, before)


def test_poisson_needs_counts():
    model = mlpcore.MLPRegressor("poisson")
    with pytest.raises(ValueError, match="loss='poisson' needs y of 0 or more"):
        model.fit([[0.0], [1.0]], [1.0, -1.0])


def test_batch_without_weight_makes_no_step():
    X, y = inputs(), targets("regression")
    weights = np.r_[np.ones(40), np.zeros(30)]
    params = {"shuffle": False, "random_state": 0, "max_iter": 5, "batch_size": 10}
    all_rows, some = (mlpcore.MLPRegressor(**params) for _ in range(2))
    fit(all_rows, X, y, sample_weight=weights)
    fit(some, X[:40], y[:40])
    np.testing.assert_array_equal(all_rows.predict(X), some.predict(X))


def test_assigned_weights():
    X, y = inputs(), targets("regression")
    model = mlpcore.MLPRegressor(max_iter=2)
    fit(model, X, y)
    model.coefs_ = [np.zeros_like(W) for W in model.coefs_]
    model.intercepts_ = [np.full(len(b), 2.0) for b in model.intercepts_]
    np.testing.assert_array_equal(model.predict(X), np.full(N, 2.0))
    with pytest.raises(ValueError, match=r"coefs_ has shapes .*: the network needs \[\(12, 100\)"):
        model.coefs_ = [np.zeros((2, 2))]
