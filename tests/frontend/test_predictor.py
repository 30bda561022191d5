"""The forward pass alone: what the model predicts, for every kind of input and many threads."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_multilabel_classification

import mlpcore
from mlpcore import MLPClassifier, MLPRegressor, Predictor

X, Y = load_iris(return_X_y=True)
OPTIONS = {"max_iter": 30, "random_state": 0, "n_iter_no_change": 100}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


MODELS = {
    "multiclass": ((20, 7), MLPClassifier, {}, lambda: (X, Y)),
    "words": ((20,), MLPClassifier, {}, lambda: (X, np.array(list("abc"))[Y])),
    "binary": ((20,), MLPClassifier, {}, lambda: (X, Y > 0)),
    "bipolar": ((20,), MLPClassifier, {"loss": "mse", "target_coding": "bipolar"},
                lambda: (X, Y > 0)),
    "multilabel": ((20,), MLPClassifier, {},
                   lambda: make_multilabel_classification(150, 4, random_state=0)),
    "regression": ((20,), MLPRegressor, {"activation": "gelu"}, lambda: (X, Y)),
    "outputs": ((3,), MLPRegressor, {}, lambda: (X, X[:, :2])),
    "layer_bias": ((20,), MLPClassifier, {"bias": "layer"}, lambda: (X, Y)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MODELS)
def test_predicts_what_the_model_predicts(name, dtype):
    hidden, kind, own, make = MODELS[name]
    data, y = make()
    model = kind(hidden_layer_sizes=hidden, dtype=dtype, **own, **OPTIONS).fit(data, y)
    predictor = model.predictor()
    for rows in (data[:1], data[:8], data[:9], data):
        found, expected = predictor.predict(rows), model.predict(rows)
        assert found.dtype == expected.dtype
        if kind is MLPRegressor:
            np.testing.assert_allclose(found, expected, rtol=1e-5)
        else:
            np.testing.assert_array_equal(found, expected)
    assert predictor.predict(data[:0]).shape == (0, *expected.shape[1:])


@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("units", [1, 7, 15, 16, 17, 40, 130, 300])
def test_few_rows_are_many_rows(units, dtype, kind):
    rng = np.random.default_rng(0)
    data = (rng.integers(0, 256, (30, 50)) * (rng.random((30, 50)) < 0.3)).astype(kind)
    model = MLPClassifier((units,), input_scale=1 / 255, dtype=dtype, **OPTIONS)
    predictor = model.fit(data, rng.integers(0, 3, 30)).predictor()
    few = np.concatenate([predictor(data[i : i + 3]) for i in range(0, 30, 3)])
    tolerance = 2e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(few, predictor(data), atol=tolerance)
    np.testing.assert_allclose(few, model.predict_proba(data), atol=tolerance)


def test_out_is_filled_and_returned():
    predictor = MLPClassifier((20,), **OPTIONS).fit(X, Y).predictor()
    for n in (1, 50):
        out = np.empty((n, 3))
        assert predictor(X[:n], out) is out
        np.testing.assert_array_equal(out, predictor(X[:n]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([[1.0, 2, 3, 4]], "X is of type list"),
        (X[0], r"X is an array of float64 with shape \(4,\)"),
        (X[:, :3], r"shape \(150, 3\).*needed.*\(n_rows, 4\)"),
        (X[:, ::-1], "not C-contiguous"),
        (X.astype(int), "array of int64"),
        (X.astype(">f8"), "array of >f8"),
    ],
)
def test_input_that_is_not_read_where_it_lies(data, message):
    predictor = MLPClassifier((20,), **OPTIONS).fit(X, Y).predictor()
    with pytest.raises(ValueError, match=message):
        predictor(data)


@pytest.mark.parametrize(
    "out",
    [np.empty((2, 3), "f4"), np.empty((1, 3)), np.empty((2, 4)), np.broadcast_to(0.0, (2, 3))],
)
def test_output_that_does_not_fit(out):
    predictor = MLPClassifier((20,), **OPTIONS).fit(X, Y).predictor()
    with pytest.raises(ValueError, match=r"needed is a writable, C-contiguous array of float64"):
        predictor(X[:2], out)


def test_later_fits_do_not_change_it():
    model = MLPClassifier((20,), warm_start=True, **OPTIONS).fit(X, Y)
    predictor = model.predictor()
    before = predictor(X)
    model.fit(X, Y)
    np.testing.assert_array_equal(predictor(X), before)
    assert not predictor.params.flags.writeable


def test_threads_share_it():
    predictor = MLPClassifier((200,), **OPTIONS).fit(X, Y).predictor()
    expected = [predictor(X[i : i + 1]) for i in range(150)]

    def all_rows(_):
        return [predictor(X[i : i + 1]) for i in range(150)]

    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(all_rows, range(40)):
            np.testing.assert_array_equal(found, expected)


def test_loads_without_scikit_learn(tmp_path):
    predictor = MLPClassifier((20,), **OPTIONS).fit(X, np.array(list("abc"))[Y]).predictor()
    (tmp_path / "p.pickle").write_bytes(pickle.dumps(predictor))
    np.save(tmp_path / "X.npy", X)
    program = (
        "import pickle, sys, numpy as np\n"
        "p = pickle.load(open('p.pickle', 'rb'))\n"
        "print(''.join(p.predict(np.load('X.npy'))))\n"
        "assert not any(m.split('.')[0] == 'sklearn' for m in sys.modules), 'sklearn'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "".join(predictor.predict(X))
    assert type(pickle.loads(pickle.dumps(predictor))) is Predictor


def test_public_names():
    assert set(mlpcore.__all__) <= set(dir(mlpcore))
    for name in mlpcore.__all__:
        assert getattr(mlpcore, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'MPL'"):
        _ = mlpcore.MPL


def test_plain_arrays_are_checked_for_nan():
    model = MLPClassifier((20,), **OPTIONS).fit(X, Y)
    for bad in (np.nan, np.inf):
        broken = X.copy()
        broken[3, 2] = bad
        with pytest.raises(ValueError, match="contains"):
            model.predict(broken)
