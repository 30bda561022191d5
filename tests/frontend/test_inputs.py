"""Every form in which X and y may come, and what becomes of them."""

import threading

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.neural_network import MLPClassifier as TheirClassifier

from mlpcore import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
OPTIONS = {"hidden_layer_sizes": (20,), "max_iter": 3, "random_state": 0}
RNG = np.random.default_rng(0)
# Whole numbers, which every type holds.
X = RNG.integers(0, 9, (90, 6)).astype(float)
Y = np.repeat([0, 1, 2], 30)


def misaligned(values):
    buffer = bytearray(values.nbytes + 1)
    array = np.frombuffer(buffer, values.dtype, values.size, offset=1).reshape(values.shape)
    array[...] = values
    assert not array.flags.aligned or values.itemsize == 1
    return array


def read_only(values):
    array = values.copy()
    array.flags.writeable = False
    return array


def memory_mapped(values, directory):
    np.save(directory / "X.npy", values)
    return np.load(directory / "X.npy", mmap_mode="r")


FORMS = {
    "read-only": read_only,
    "in Fortran order": np.asfortranarray,
    "every second row": lambda values: np.repeat(values, 2, axis=0)[::2],
    "every second column": lambda values: np.repeat(values, 2, axis=1)[:, ::2],
    "backwards": lambda values: values[::-1, ::-1].copy()[::-1, ::-1],
    "broadcast": lambda values: np.broadcast_to(values, (2, *values.shape))[1],
    "byte-swapped": lambda values: values.astype(values.dtype.newbyteorder()),
    "misaligned": misaligned,
    "lists": lambda values: values.tolist(),
    "objects": lambda values: values.astype(object),
    "pandas": pd.DataFrame,
    "polars": lambda values: pl.DataFrame(values, schema=[f"x{i}" for i in range(6)]),
    **{name: lambda values, name=name: values.astype(name) for name in
       ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", ">i4", ">f4", "longdouble")},
    "csc": sparse.csc_matrix,
    "coo": sparse.coo_array,
}  # fmt: skip


def same_weights(a, b):
    np.testing.assert_array_equal(a._params, b._params)


@pytest.mark.parametrize("form", FORMS)
def test_form_of_X(form):  # noqa: N802
    plain = MLPClassifier(**OPTIONS, dtype="float64").fit(X, Y)
    given = FORMS[form](X)
    model = MLPClassifier(**OPTIONS, dtype="float64").fit(given, Y)
    # Of sparse matrices the non-zeros are walked, in another order of sums.
    np.testing.assert_allclose(model._params, plain._params, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(model.predict(given), plain.predict(X))
    regressor = MLPRegressor(**OPTIONS, dtype="float64").fit(given, Y)
    np.testing.assert_allclose(
        regressor.predict(given), MLPRegressor(**OPTIONS).fit(X, Y).predict(X), atol=1e-12
    )


@pytest.mark.parametrize("dtype", ["f4", "f8", "u1"])
def test_forms_of_each_type_that_is_not_copied(tmp_path, dtype):
    values = X.astype(dtype)
    plain = MLPClassifier(**OPTIONS).fit(values, Y)
    for form in ("read-only", "in Fortran order", "backwards", "misaligned"):
        same_weights(MLPClassifier(**OPTIONS).fit(FORMS[form](values), Y), plain)
    mapped = memory_mapped(values, tmp_path)
    same_weights(MLPClassifier(**OPTIONS).fit(mapped, Y), plain)
    np.testing.assert_array_equal(plain.predict(mapped), plain.predict(values))


def test_booleans():
    given = X > 4
    plain = MLPClassifier(**OPTIONS).fit(given.astype(float), Y)
    for form in (given, pd.DataFrame(given), given.tolist()):
        same_weights(MLPClassifier(**OPTIONS).fit(form, Y), plain)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_names_of_columns(frame):
    columns = {f"x{i}": X[:, i] for i in range(6)}
    model = MLPClassifier(**OPTIONS).fit(frame(columns), Y)
    assert model.feature_names_in_.tolist() == list(columns)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame({name.upper(): values for name, values in columns.items()}))


WORDS = np.array(["ant", "bee", "übel"])
LABELS = {
    "strings": WORDS[Y],
    "objects": WORDS.astype(object)[Y],
    "list": WORDS[Y].tolist(),
    "booleans": Y > 0,
    **{name: Y.astype(name) for name in ("i1", "u1", "i4", "u8", "f2", "f4", "f8", ">i4")},
    "far apart": np.array([-(2**62), 0, 2**62])[Y],
    "beyond int64": np.array([0, 1, 2**63 + 1], np.uint64)[Y],
    "dates": np.array(["2020-01-01", "2021-01-01", "2022-01-01"], "M8[D]")[Y],
    "read-only": read_only(Y),
    "backwards": Y[::-1].copy()[::-1],
    "pandas": pd.Series(WORDS[Y]),
    "pandas categories": pd.Series(WORDS[Y], dtype="category"),
    "pandas integers": pd.Series(Y, dtype="Int64"),
    "polars": pl.Series(WORDS[Y]),
    "polars categories": pl.Series(WORDS[Y], dtype=pl.Categorical),
    "indicators": np.eye(3, dtype=int)[Y],
    "boolean indicators": np.eye(3, dtype=bool)[Y],
}


@pytest.mark.parametrize("name", LABELS)
def test_labels(name):
    own = MLPClassifier(**OPTIONS).fit(X, LABELS[name])
    theirs = TheirClassifier(**OPTIONS).fit(X, LABELS[name])
    np.testing.assert_array_equal(own.classes_, theirs.classes_)
    assert own.classes_.dtype == theirs.classes_.dtype
    np.testing.assert_array_equal(own.predict(X), theirs.predict(X))


def test_sparse_indicators():
    models = [MLPClassifier(**OPTIONS, warm_start=True) for _ in range(2)]
    for model, make in zip(models, [np.asarray, sparse.csr_matrix], strict=True):
        y = make(np.eye(3, dtype=int)[Y])
        model.fit(X, y).fit(X, y).partial_fit(X, y)
    same_weights(*models)


@pytest.mark.parametrize(
    "labels",
    [[None] * 90, Y + 0.5, np.where(Y, np.nan, Y), Y + 1j, [], Y[:-1],
     np.zeros(90), np.c_[Y, Y], [[1]] * 89 + [[1, 2]], Y.astype("V8"), 3, None],
    ids=range(12),
)  # fmt: skip
def test_what_is_no_label(labels):
    model = MLPClassifier(**OPTIONS)
    with pytest.raises((ValueError, TypeError)):
        model.fit(X, labels)
    assert not hasattr(model, "classes_")


@pytest.mark.parametrize("dtype", ["S1", object])
def test_bytes_are_no_labels(dtype):
    with pytest.raises(TypeError, match="labels represented as bytes is not supported"):
        MLPClassifier(**OPTIONS).fit(X, np.array([b"a", b"b", b"c"], dtype)[Y])


def test_targets_and_weights_of_each_form():
    targets, weights = X[:, :2] + 0.5, 1.0 + X[:, 0]
    plain = MLPRegressor(**OPTIONS).fit(X, targets, weights)
    for form in ("read-only", "in Fortran order", "backwards", "byte-swapped", "misaligned"):
        change = FORMS[form]
        model = MLPRegressor(**OPTIONS).fit(X, change(targets), change(weights[:, None])[:, 0])
        same_weights(model, plain)


def test_no_row_and_one_row():
    classifier = MLPClassifier(**OPTIONS).fit(X, Y)
    for model in (classifier, MLPRegressor(**OPTIONS)):
        with pytest.raises(ValueError, match="0 sample"):
            model.fit(X[:0], Y[:0])
    with pytest.raises(ValueError, match="0 sample"):
        classifier.predict(X[:0])
    with pytest.raises(ValueError, match="one class"):
        MLPClassifier(**OPTIONS).fit(X[:1], Y[:1])
    one = MLPRegressor(**OPTIONS).fit(X[:1], Y[:1])
    assert one.predict(X[:1]).shape == classifier.predict(X[:1]).shape == (1,)
    classifier.partial_fit(X[:1], Y[:1])
    assert classifier.predictor()(X[:0]).shape == (0, 3)


@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_more_than_two_to_the_31_values(dtype):
    # Pages that nobody has written to take no memory.
    many = np.zeros((2**15 + 1, 2**16), dtype)
    many[-1] = 1
    model = MLPRegressor(hidden_layer_sizes=(1,), max_iter=1, dtype="float32", random_state=0)
    model.fit(RNG.random((4, 2**16)) > 0.5, range(4))
    model.coefs_[1][...] = 1 / abs(model.coefs_[0].sum())
    model.intercepts_ = [np.full(1, abs(model.coefs_[0].sum())), np.zeros(1)]
    expected = np.append(np.ones(2**15), 2.0 if model.coefs_[0].sum() > 0 else 0.0)
    for predicts in (model.predict, model.predictor().predict):
        np.testing.assert_allclose(predicts(many), expected, atol=1e-3)


def csr(indptr=(0, 2, 4, 5), indices=(0, 5, 1, 2, 3)):
    """Three rows of six columns, whose arrays scipy has not seen together."""
    X = sparse.csr_matrix((np.ones(5), [0, 5, 1, 2, 3], [0, 2, 4, 5]), shape=(3, 6))
    X.indices[:], X.indptr[:] = indices, indptr
    return X


@pytest.mark.parametrize("units", [4, 64])
@pytest.mark.parametrize(
    "broken",
    [{"indices": (0, 6, 1, 2, 3)}, {"indices": (0, 2**31 - 1, 1, 2, 3)},
     {"indices": (0, -1, 1, 2, 3)}, {"indptr": (0, 2, 1, 5)}, {"indptr": (-1, 2, 4, 5)},
     {"indptr": (0, 2, 4, 2**30)}],
    ids=str,
)  # fmt: skip
def test_sparse_matrices_that_are_none(broken, units):
    model = MLPRegressor(hidden_layer_sizes=(units,), max_iter=2).fit(csr(), range(3))
    with pytest.raises(ValueError, match="X is no CSR matrix"):
        model.fit(csr(**broken), range(3))
    with pytest.raises(ValueError, match="X is no CSR matrix"):
        model.predict(csr(**broken))


@pytest.mark.parametrize("units", [4, 64])
@pytest.mark.parametrize("kind", ["dense", "mostly zero", "csr"])
def test_another_thread_writes_to_X(kind, units):  # noqa: N802
    data = RNG.normal(size=(2000, 100)) * (RNG.random((2000, 100)) < 0.1)
    written = [data]
    if kind == "dense":
        data[...] = RNG.normal(size=data.shape)
    if kind == "csr":
        data = sparse.csr_matrix(data)
        written = [data.data, data.indices, data.indptr]
    y, ended = RNG.integers(0, 3, 2000), threading.Event()

    def write():
        rng = np.random.default_rng(1)
        while not ended.is_set():
            for array in written:
                array[rng.integers(len(array), size=50)] = rng.integers(-(2**31), 2**31)

    model = MLPClassifier((units,), max_iter=60, tol=0, random_state=0, n_threads=2)
    writer = threading.Thread(target=write)
    begun = BeginThen(writer.start)
    try:
        model.set_callbacks(begun).fit(data, y)
    except ValueError as error:
        assert "non-finite" in str(error)  # noqa: PT017
    finally:
        ended.set()
        writer.join()
    assert begun.called


class BeginThen:
    """Callback that does something after the first epoch."""

    def __init__(self, action):
        self.action, self.called = action, False

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and not self.called:
            self.called = True
            self.action()
