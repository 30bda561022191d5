"""Bad input: the error names parameter, value and what is allowed, and nothing changes."""

import time
import warnings
from typing import ClassVar

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.utils import check_array
from sklearn.utils._param_validation import StrOptions

from mlpcore import MLP

NAN, INF = [[1.0, np.nan]] * 4, [[1.0, np.inf]] * 4
GOOD, LABELS = [[0.0, 1.0], [1.0, 0.0]] * 2, [0, 1, 0, 1]


def state(model):
    return {name: id(value) for name, value in vars(model).items()}


def assert_refused(model, X, y, error, match):
    before = state(model)
    with pytest.raises(error, match=match):
        model.fit(X, y)
    assert state(model) == before


DATA = {
    "nan": (NAN, LABELS, ValueError, "Input X contains NaN"),
    "inf": (INF, LABELS, ValueError, "infinity"),
    "one dimension": ([1.0, 2.0], [0, 1], ValueError, "Expected 2D array"),
    "three dimensions": (np.ones((2, 2, 2)), [0, 1], ValueError, "dim 3"),
    "lengths": (GOOD, [0, 1, 0], ValueError, "inconsistent numbers of samples"),
    "no rows": (np.empty((0, 2)), [], ValueError, r"0 sample\(s\)"),
    "no columns": (np.empty((4, 0)), LABELS, ValueError, r"0 feature\(s\)"),
    "words": ([["a", "b"]] * 4, LABELS, ValueError, "could not convert string"),
    "objects": (np.array([[object()]] * 4), LABELS, TypeError, "float"),
    "sparse nan": (sp.csr_matrix(NAN), LABELS, ValueError, "contains NaN"),
    "complex": (np.ones((4, 2), complex), LABELS, ValueError, "[Cc]omplex"),
    "one class": (GOOD, [7] * 4, ValueError, "one class.*7.*two or more"),
    "nan label": (GOOD, [0, 1, np.nan, 1], ValueError, "y contains NaN"),
    "continuous y": (GOOD, [0.1, 0.2, 0.3, 0.4], ValueError, "Unknown label type"),
    "no y": (GOOD, None, ValueError, "y"),
}


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("fitted", [False, True], ids=["new", "fitted"])
def test_data(name, fitted, quick):
    model = MLP(**quick)
    if fitted:
        model.fit(np.eye(3), ["x", "y", "z"])
    assert_refused(model, *DATA[name])


# Of a fit that goes on, arrays of numbers are looked at here and not by scikit-learn.
GOING_ON = {
    "nan": (lambda X, y: (np.where(X > 0, np.nan, X), y), "Input X contains NaN"),
    "inf": (lambda X, y: (X + np.inf, y), "Input X contains infinity"),
    "columns": (lambda X, y: (X[:, :2].copy(), y), "X has 2 features, but .* expecting 4"),
    "one dimension": (lambda X, y: (X[:, 0].copy(), y), "Expected 2D array"),
    "lengths": (lambda X, y: (X[:-1], y), "inconsistent numbers of samples"),
    "no rows": (lambda X, y: (X[:0], y[:0]), r"0 sample\(s\)"),
    "nan label": (lambda X, y: (X, np.where(y, np.nan, y)), "Input y contains NaN"),
    "other label": (lambda X, y: (X, y + 1), r"(has|have) \[1 2 3\]|'y' has \[1 2 3\]"),
    "string label": (lambda X, y: (X, y.astype(str)), r"\['0' '1' '2'\]"),
    "continuous y": (lambda X, y: (X, y + 0.5), "Unknown label type"),
}


@pytest.mark.parametrize("name", GOING_ON)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_data_of_a_fit_that_goes_on(name, method, blobs, quick):
    model = MLP(**quick, warm_start=method == "fit").fit(*blobs)
    change, match = GOING_ON[name]
    before = state(model)
    with pytest.raises(ValueError, match=match):
        getattr(model, method)(*change(*blobs))
    assert state(model) == before


@pytest.mark.parametrize("value", [np.nan, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64", "longdouble"])
@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "score"])
def test_many_values_are_searched_as_scikit_learn_does(method, dtype, value, quick):
    X = np.ones((1000, 1100), dtype)
    y = np.arange(1000) % 2
    model = MLP(**quick, warm_start=True).fit(X, y)
    X[777, 1001] = value
    with pytest.raises(ValueError, match="Input X contains") as theirs:
        check_array(X, dtype=[np.float64, np.float32], estimator="MLPClassifier", input_name="X")
    before = state(model)
    with pytest.raises(ValueError, match="Input X contains") as ours:
        getattr(model, method)(X) if method == "predict" else getattr(model, method)(X, y)
    assert str(ours.value) == str(theirs.value)
    assert state(model) == before


def test_whoever_assumes_finite_values_is_not_asked_for_them(quick):
    model, X = MLP(**quick).fit(GOOD, LABELS), np.array(NAN)
    with sklearn.config_context(assume_finite=True):
        assert np.isnan(model.predict_proba(X)).any()
        with pytest.raises(ValueError, match="non-finite"):
            MLP(**quick).fit(X, LABELS)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.predict_proba(X)


PARAMETERS = [
    ({"activation": "sine"}, "'activation' parameter.*'relu'.*Got 'sine'"),
    ({"solver": "sdg"}, "'solver' parameter.*Got 'sdg'"),
    ({"alpha": -1}, r"'alpha' parameter.*\[0.0, inf\).*Got -1"),
    ({"batch_size": 0}, "'batch_size' parameter.*Got 0"),
    ({"learning_rate_init": 0}, "'learning_rate_init' parameter.*Got 0"),
    ({"max_iter": 0}, "'max_iter' parameter.*Got 0"),
    ({"max_iter": 2.5}, "'max_iter' parameter.*Got 2.5"),
    ({"momentum": 1.1}, "'momentum' parameter.*Got 1.1"),
    ({"beta_1": 1.0}, "'beta_1' parameter.*Got 1.0"),
    ({"tol": -1}, "'tol' parameter.*Got -1"),
    ({"n_iter_no_change": 0}, "'n_iter_no_change' parameter.*Got 0"),
    ({"random_state": "x"}, "'random_state' parameter.*Got 'x'"),
    ({"shuffle": 2}, "'shuffle' parameter.*Got 2"),
    ({"loss": "hinge"}, "'loss' parameter.*Got 'hinge'"),
    ({"out_activation": "relu"}, "'out_activation' parameter.*Got 'relu'"),
    ({"target_coding": "binary"}, "'target_coding' parameter.*Got 'binary'"),
    ({"weight_init": "he"}, "'weight_init' parameter.*Got 'he'"),
    ({"init_scale": -0.1}, "'init_scale' parameter.*Got -0.1"),
    ({"bias": "none"}, "'bias' parameter.*Got 'none'"),
    ({"dtype": "float16"}, "'dtype' parameter.*Got 'float16'"),
    ({"input_scale": 0}, "'input_scale' parameter.*Got 0"),
    ({"input_scale": np.inf}, "'input_scale' parameter.*Got inf"),
    ({"n_threads": 0}, "'n_threads' parameter.*Got 0"),
    ({"hidden_layer_sizes": -1}, "'hidden_layer_sizes' parameter.*Got -1"),
    ({"hidden_layer_sizes": (3, 0)}, r"hidden_layer_sizes must be > 0, got \[3, 0\]"),
    ({"hidden_layer_sizes": (2.5,)}, r"hidden_layer_sizes must be integers, got \[2.5\]"),
    ({"loss": "mse", "out_activation": "softmax"}, "softmax.*allowed.*'logistic'"),
    ({"out_activation": "tanh"}, "'tanh' does not go with loss='log_loss'.*'logistic'"),
    ({"target_coding": "bipolar"}, "'bipolar' needs loss='mse'"),
    (
        {"loss": "mse", "target_coding": "bipolar", "out_activation": "logistic"},
        "'logistic' does not go with.*'bipolar'.*'tanh' or 'identity'",
    ),
]


@pytest.mark.parametrize(("params", "match"), PARAMETERS, ids=lambda p: str(p)[:50])
def test_parameters(params, match):
    assert_refused(MLP(**params), GOOD, LABELS, ValueError, match)


def test_predict_with_other_columns(blobs, quick):
    model = MLP(**quick).fit(*blobs)
    with pytest.raises(ValueError, match=r"X has 3 features.*expecting 4"):
        model.predict(blobs[0][:, :3])


@pytest.mark.parametrize("fitted", [False, True])
def test_divergence(blobs, quick, fitted):
    X, y = blobs
    model = MLP(**quick)
    if fitted:
        model.fit(X, y)
    model.set_params(
        solver="sgd", learning_rate_init=1e6, loss="mse", out_activation="identity",
        n_iter_no_change=np.inf,
    )  # fmt: skip
    assert_refused(
        model, X, y, ValueError,
        r"^Solver produced non-finite parameter weights\. The input data may contain large values "
        r"and need to be preprocessed\. It happened in epoch \d+: try a smaller "
        r"learning_rate_init than 1e\+06, or scale X",
    )  # fmt: skip


def test_interrupt(digits, interrupt_soon):
    X, _, y, _ = digits
    model = MLP(max_iter=10**6, n_iter_no_change=np.inf, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y)
    assert time.monotonic() - interrupt_soon[0] < 1
    assert [str(w.message) for w in caught] == ["Training interrupted by user."]
    assert model.n_iter_ == len(model.loss_curve_) > 1
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert model.predict(X).shape == y.shape


@pytest.mark.filterwarnings("ignore:Training interrupted")
def test_interrupt_within_a_batch_of_seconds(interrupt_soon):
    X = np.full((100_000, 784), 255, np.uint8)
    y = np.arange(len(X)) % 10
    model = MLP((2000,), solver="sgd", batch_size=len(X), random_state=0, input_scale=1 / 255)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert time.monotonic() - interrupt_soon[0] < 1
    assert model.n_iter_ == 0


class Narrower(MLP):
    """Has a parameter of its own, which may be all, and one that may be less."""

    _parameter_constraints: ClassVar = MLP._parameter_constraints | {
        "max_fun": "no_validation", "tol": [StrOptions({"tight"})]
    }  # fmt: skip

    def __init__(self, own=None, tol="tight", max_fun="all"):
        super().__init__(max_fun=max_fun, tol=tol)
        self.own = own


def test_parameters_of_a_subclass():
    Narrower(own=object())._validate_params()
    with pytest.raises(ValueError, match=r"'tol' parameter of Narrower must be a str .*'tight'"):
        Narrower(tol=1e-4)._validate_params()
    MLP(tol=1e-4)._validate_params()
