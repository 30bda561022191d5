"""Side by side with scikit-learn: equal parameters and seed, equal numbers."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.neural_network import MLPClassifier as SklearnMLP
from sklearn.utils import check_random_state

from mlpcore import MLPClassifier
from mlpcore._first_layer import prefers_sparse
from mlpcore._rows import Rows

SOLVERS = {
    "sgd": {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.05},
    "nesterov": {"solver": "sgd", "learning_rate_init": 0.05},
    "adam": {"solver": "adam", "learning_rate_init": 0.01},
}


def data(kind, dtype="float64"):
    if kind == "multilabel":
        X, y = make_multilabel_classification(150, 8, n_classes=3, random_state=0)
        return (X / 10).astype(dtype), y
    n_classes = 2 if kind == "binary" else 4
    X, y = make_classification(
        150, 8, n_informative=5, n_classes=n_classes, random_state=0, shift=0.3
    )
    return X.astype(dtype), y


def fit_both(X, y, **params):
    """The two estimators, fitted, and the warnings that each gave."""
    models, messages = [], []
    for estimator in (MLPClassifier, SklearnMLP):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            models.append(estimator(**params).fit(X, y))
        messages.append([(w.category, str(w.message)) for w in caught])
    assert messages[0] == messages[1]
    return models


def assert_same(ours, theirs, X, tolerance):
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            assert a.dtype == b.dtype
            assert np.abs(a - b).max() <= tolerance * np.abs(b).max()
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=tolerance)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=tolerance)
    assert ours.best_loss_ == pytest.approx(theirs.best_loss_, rel=tolerance)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=tolerance)
    assert (ours.predict(X) == theirs.predict(X)).all()
    assert ours.score(X, theirs.predict(X)) == 1


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_grid(solver, activation, kind, dtype):
    X, y = data(kind, dtype)
    params = {"hidden_layer_sizes": (8, 4), "activation": activation, "batch_size": 40}
    both = fit_both(X, y, **params, **SOLVERS[solver], max_iter=20, random_state=1, alpha=0.01)
    assert_same(*both, X, 1e-9 if dtype == "float64" else 1e-3)


@pytest.mark.parametrize(
    "params",
    [
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": 7},
        {"hidden_layer_sizes": [5]},
        {"hidden_layer_sizes": np.array([6, 3])},
        {"shuffle": False},
        {"batch_size": 1},
        {"batch_size": 1000},
        {"alpha": 0.0},
        {"random_state": 12, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-4},
        {"tol": 0.05, "n_iter_no_change": 3, "max_iter": 200},
        {"n_iter_no_change": np.inf},
    ],
    ids=str,
)
def test_other_parameters(params):
    X, y = data("multiclass")
    assert_same(*fit_both(X, y, **{"max_iter": 10, "random_state": 0} | params), X, 1e-9)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_mostly_zero_data(mostly_zero, solver, dtype, n_threads):
    """The way of the non-zeros through the first layer is another, the numbers are not."""
    X, y = mostly_zero[0].astype(dtype), mostly_zero[1]
    params = {"hidden_layer_sizes": (130,), "max_iter": 5, "batch_size": 50, "random_state": 0}
    ours = MLPClassifier(**params, **SOLVERS[solver], n_threads=n_threads)
    theirs = SklearnMLP(**params, **SOLVERS[solver])
    for model in (ours, theirs):
        with pytest.warns(UserWarning, match="Maximum iterations"):
            model.fit(X, y)
    assert prefers_sparse(ours._network, Rows(X))
    assert_same(ours, theirs, X, 1e-9 if dtype == "float64" else 1e-3)


def test_warnings_point_at_the_call():
    X, y = data("binary")
    with pytest.warns() as caught:
        MLPClassifier(max_iter=2, batch_size=1000).fit(X, y)
    assert {w.filename for w in caught} == {__file__}
    assert len(caught) == 2


def test_list_like_column_y():
    X, y = data("binary")
    assert_same(*fit_both(X.tolist(), y[:, None], max_iter=3, random_state=0), X, 1e-9)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("shared", [None, np.random.RandomState(3)], ids=["global", "own"])
def test_random_state_is_left_as_scikit_learn_leaves_it(shared, shuffle):
    X, y = data("binary")
    stream, left = check_random_state(shared), []
    before = stream.get_state()
    for estimator in (MLPClassifier, SklearnMLP):
        stream.set_state(before)
        with pytest.warns(UserWarning, match="Maximum iterations"):
            estimator(max_iter=3, random_state=shared, shuffle=shuffle).fit(X, y)
        left.append(stream.get_state(legacy=False))
    np.testing.assert_equal(*left)
    assert (left[0]["state"]["key"] != before[1]).any()


def test_verbose_prints_the_same(capsys):
    X, y = data("multiclass")
    printed = []
    for estimator in (MLPClassifier, SklearnMLP):
        estimator(verbose=True, tol=1e6, n_iter_no_change=2, random_state=0).fit(X, y)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert printed[0].count("Iteration") == 4
