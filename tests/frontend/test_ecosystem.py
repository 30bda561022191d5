"""In the company of scikit-learn's other tools, as any estimator of its own."""

import inspect
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import set_config
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.neural_network import MLPRegressor as SklearnRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpcore import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 15, "random_state": 0, "learning_rate_init": 0.02}


def test_regressor_has_scikit_learns_parameters_then_our_own():
    ours = inspect.signature(MLPRegressor).parameters
    theirs = inspect.signature(SklearnRegressor).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    for name, parameter in theirs.items():
        assert (ours[name].default, ours[name].kind) == (parameter.default, parameter.kind)
    assert all(p.kind == inspect.Parameter.KEYWORD_ONLY for p in list(ours.values())[3:])


def test_pipeline_of_data_frames(blobs):
    X, y = pd.DataFrame(blobs[0], columns=list("abcd")), pd.Series(blobs[1])
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**SMALL))
    pipeline.set_output(transform="pandas").fit(X, y)
    assert pipeline[-1].feature_names_in_.tolist() == list("abcd")
    assert pipeline.score(X, y) > 0.6
    with pytest.raises(ValueError, match="feature names should match"):
        pipeline[-1].predict(X[list("abdc")])


def test_grid_search(blobs):
    search = GridSearchCV(MLPClassifier(**SMALL), {"alpha": [0.0, 0.1]}, cv=3).fit(*blobs)
    assert search.best_score_ > 0.5
    assert search.best_estimator_.alpha in (0.0, 0.1)


def test_cross_validation_in_processes(blobs):
    X, y = blobs
    scores = cross_val_score(MLPRegressor(**SMALL), X, y.astype(float), cv=3, n_jobs=2)
    again = cross_val_score(MLPRegressor(**SMALL), X, y.astype(float), cv=3)
    np.testing.assert_allclose(scores, again, rtol=1e-12)


def test_calibration_and_voting(blobs):
    X, y = blobs
    calibrated = CalibratedClassifierCV(MLPClassifier(**SMALL), cv=3).fit(X, y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    members = [("mlp", MLPClassifier(**SMALL)), ("linear", LogisticRegression())]
    assert VotingClassifier(members, voting="soft").fit(X, y).score(X, y) > 0.6


def test_metadata_routing(blobs):
    X, y = blobs
    weights = np.random.default_rng(0).uniform(size=len(y))
    set_config(enable_metadata_routing=True)
    try:
        model = MLPClassifier(**SMALL).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=False)
        found = cross_validate(
            model, X, y, params={"sample_weight": weights}, return_estimator=True, cv=3
        )
        plain = cross_validate(MLPClassifier(**SMALL), X, y, return_estimator=True, cv=3)
    finally:
        set_config(enable_metadata_routing=False)
    assert (found["estimator"][0].coefs_[0] != plain["estimator"][0].coefs_[0]).any()


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_pickled_between_two_partial_fits(blobs, solver):
    """As if it had never stopped, bit by bit."""
    X, y = blobs[0], blobs[1].astype(float)
    models = [MLPRegressor(**SMALL | {"solver": solver}) for _ in range(2)]
    for k in range(4):
        models = [m.partial_fit(X[20 * k : 20 * k + 20], y[20 * k : 20 * k + 20]) for m in models]
        models[1] = pickle.loads(pickle.dumps(models[1]))
    for a, b in zip(models[0].coefs_, models[1].coefs_, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_partial_fit_in_chunks_is_one_pass(solver):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 5)), rng.normal(size=120)
    params = {"solver": solver, "shuffle": False, "batch_size": 20, "random_state": 0}
    whole, chunks = (MLPRegressor(**params) for _ in range(2))
    for _ in range(3):
        whole.partial_fit(X, y)
        for start in (0, 40, 60):
            stop = {0: 40, 40: 60, 60: 120}[start]
            chunks.partial_fit(X[start:stop], y[start:stop])
    for a, b in zip(whole.coefs_, chunks.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)


def test_nan_score_is_no_improvement():
    """With early stopping a training that diverges returns its best weights."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 3)), rng.normal(size=100)
    model = MLPRegressor(
        hidden_layer_sizes=(5,), solver="sgd", learning_rate_init=1e4, early_stopping=True,
        n_iter_no_change=3, max_iter=50, random_state=0,
    )  # fmt: skip
    with np.errstate(all="ignore"):
        model.fit(X, y)
    assert np.isnan(model.validation_scores_[-1])
    assert model.n_iter_ < 50
    assert np.isfinite(model.predict(X)).all()


def test_lbfgs_keeps_nothing_of_epochs(blobs):
    X, y = blobs
    model = MLPClassifier(**SMALL).fit(X, y)
    assert hasattr(model, "loss_curve_")
    model.set_params(solver="lbfgs", max_iter=500).fit(X, y)
    assert not hasattr(model, "loss_curve_")
    assert model.loss_ < 0.9


def test_lbfgs_says_when_it_has_not_converged(blobs, capsys):
    with pytest.warns(UserWarning, match=r"lbfgs failed to converge after 3 iteration\(s\)"):
        MLPClassifier(solver="lbfgs", max_iter=3, random_state=0, verbose=True).fit(*blobs)
    assert capsys.readouterr().out.count("Iteration") == 3


def test_lbfgs_interrupted(digits, interrupt_soon):
    X, _, y, _ = digits
    labels = np.random.default_rng(0).permutation(np.tile(y, 3))
    model = MLPClassifier((200,), solver="lbfgs", max_iter=10**6, tol=0, max_fun=10**6, n_threads=1)
    with pytest.warns(UserWarning, match="interrupted"), pytest.raises(KeyboardInterrupt):
        model.fit(np.tile(X, (3, 1)), labels)
    assert model.predict(X).shape == y.shape
    assert np.isfinite(model.loss_)
