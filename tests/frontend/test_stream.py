"""Fits and predictions on X that stays in its file."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from stream_forms import BUFFER, FORMS, OPTIONS, N, X, Y, mapped, names, opened, parquet, table

import mlpcore
from mlpcore import MLPClassifier, MLPRegressor, stream
from mlpcore._feed import Feed

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def same_weights(a, b):
    np.testing.assert_array_equal(a._params, b._params)


@pytest.fixture
def trained_rows(monkeypatch):
    """The rows that fits on streams were fed with, one array an epoch."""
    epochs, refill = [[]], Feed.refill

    def spy(feed):
        index = refill(feed)
        epochs[-1].extend(np.rint(feed._X[index, 0] * N).astype(int))
        if len(index) == 0:
            epochs.append([])
        return index

    monkeypatch.setattr(Feed, "refill", spy)
    return epochs


@pytest.mark.parametrize("form", FORMS)
def test_in_the_order_of_the_file(form, tmp_path):
    given = opened(form, tmp_path)
    assert not given.fits
    assert given.shape == X.shape
    model = MLPClassifier(**OPTIONS, shuffle=False).fit(given, Y)
    plain = MLPClassifier(**OPTIONS, shuffle=False).fit(X, Y)
    same_weights(model, plain)
    assert model.loss_curve_ == plain.loss_curve_
    assert model.t_ == plain.t_
    assert model.score(given, Y) == plain.score(X, Y)
    np.testing.assert_array_equal(model.predict(given), plain.predict(X))
    np.testing.assert_allclose(model.predict_proba(given), plain.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_every_row_once_an_epoch(form, tmp_path, trained_rows):
    """An epoch is one in memory on the same order."""
    model = MLPClassifier(**OPTIONS | {"max_iter": 1}).fit(opened(form, tmp_path), Y)
    order = np.array(trained_rows[0])
    np.testing.assert_array_equal(np.sort(order), np.arange(N))
    assert (np.diff(order) == 1).mean() < 0.1
    plain = MLPClassifier(**OPTIONS | {"max_iter": 1, "shuffle": False}).fit(X[order], Y[order])
    same_weights(model, plain)


def test_epochs_are_shuffled_anew_and_seeded(tmp_path, trained_rows):
    given = opened("parquet", tmp_path)
    first = MLPClassifier(**OPTIONS, n_threads=1).fit(given, Y)
    again = MLPClassifier(**OPTIONS, n_threads=2).fit(given, Y)
    same_weights(first, again)
    orders = [tuple(order) for order in trained_rows if order]
    assert len(orders) == 8
    assert orders[:4] == orders[4:]
    assert len(set(orders)) == 4
    # Blocks are permuted too: an epoch does not begin with rows of the first ones.
    assert len({min(order[:30]) // 90 for order in orders}) > 1
    other = MLPClassifier(**OPTIONS | {"random_state": 1}).fit(given, Y)
    assert (other._params != first._params).any()


@pytest.mark.parametrize("dtype", ["u1", "f4", "f8", "i2", "?", ">f4"])
def test_types(dtype, tmp_path):
    values = np.round(X * 9).astype(dtype)
    kept = {"u1": "u1", "f4": "f4", ">f4": "f4"}.get(dtype, "f8")
    plain = MLPRegressor(**OPTIONS, shuffle=False).fit(values.astype(kept), X[:, 1])
    columns = table(values.astype(values.dtype.newbyteorder("=")))
    for given in (
        stream(mapped(tmp_path, values), buffer=BUFFER // 2),
        stream(columns, target="label", buffer=BUFFER // 2),
    ):
        assert given.dtype == kept
        assert not given.fits
        same_weights(MLPRegressor(**OPTIONS, shuffle=False).fit(given, X[:, 1]), plain)


def test_data_that_fits_is_shuffled_as_in_memory(tmp_path):
    given = stream(mapped(tmp_path))
    assert given.fits
    options = OPTIONS | {"early_stopping": True}
    same_weights(MLPClassifier(**options).fit(given, Y), MLPClassifier(**options).fit(X, Y))
    MLPRegressor(solver="lbfgs", max_iter=3).fit(given, X[:, 1])


def test_targets_and_names(tmp_path):
    given = stream(parquet(tmp_path), target="label", buffer=BUFFER)
    np.testing.assert_array_equal(given.target(), Y)
    model = MLPClassifier(**OPTIONS).fit(given, given.target())
    assert model.feature_names_in_.tolist() == given.names == names
    both = stream(tmp_path / "X.parquet", columns=names[3:1:-1], target=names[:2])
    np.testing.assert_array_equal(both.target(), X[:, :2])
    np.testing.assert_array_equal(both.whole(), X[:, 3:1:-1])
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(stream(tmp_path / "X.parquet", columns=names[::-1]))
    with pytest.raises(ValueError, match="features"):
        MLPClassifier(**OPTIONS).fit(X, Y).predict(stream(X[:, :2]))


def test_weights(tmp_path):
    given, weights = opened("parquet", tmp_path), 1.0 + X[:, 2]
    options = OPTIONS | {"shuffle": False, "class_weight": "balanced"}
    model = MLPClassifier(**options).fit(given, Y, weights)
    same_weights(model, MLPClassifier(**options).fit(X, Y, weights))


def test_early_stopping(tmp_path, trained_rows):
    given = opened("mapped", tmp_path)
    options = OPTIONS | {"early_stopping": True, "max_iter": 3, "resume": True}
    model = MLPClassifier(**options).fit(given, Y)
    plain = MLPClassifier(**options).fit(X, Y)
    kept = plain._stopped.kept
    np.testing.assert_array_equal(model._stopped.kept, np.sort(kept))
    assert set(kept).isdisjoint(trained_rows[0])
    assert len(trained_rows[0]) == N - len(kept)
    assert len(model.validation_scores_) == 3
    assert model.validation_scores_[-1] == model.score(X[kept], Y[kept])
    weighted = MLPClassifier(**options, scoring="f1_macro").fit(given, Y, X[:, 2] + 1)
    assert len(weighted.validation_scores_) == 3
    with pytest.raises(ValueError, match="keeps 770 rows of 24 bytes"):
        MLPClassifier(**options, validation_fraction=0.7).fit(given, Y)
    own = MLPClassifier(**options).fit(given, Y, X_val=opened("array", tmp_path), y_val=Y)
    assert own.validation_scores_[-1] == own.score(X, Y)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_goes_on_where_it_stopped(tmp_path, early_stopping):
    given = opened("mapped", tmp_path)
    options = OPTIONS | {"early_stopping": early_stopping, "resume": True, "dropout": 0.1}
    once = MLPClassifier(**options | {"max_iter": 6}).fit(given, Y)
    twice = MLPClassifier(**options | {"max_iter": 3}).fit(given, Y)
    twice.save(tmp_path / "model")
    twice = mlpcore.load(tmp_path / "model").fit(given, Y)
    same_weights(once, twice)
    assert once.loss_curve_ == twice.loss_curve_
    for other in (X, stream(X[:200], buffer=4096)):
        with pytest.raises(ValueError, match="is not the stream of the fit"):
            twice.fit(other, Y[: len(other) if other is X else 200])


class Crash:
    """Callback that raises after some epochs."""

    def __init__(self, n_epochs):
        self.left = n_epochs

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        self.left -= context.task_name == "epoch"
        if self.left == 0:
            raise RuntimeError("a crash")


def test_checkpoint(tmp_path):
    given = opened("files", tmp_path)
    options = OPTIONS | {"checkpoint": str(tmp_path / "state"), "checkpoint_every": 1}
    whole = MLPClassifier(**options).fit(given, Y)
    with pytest.raises(RuntimeError):
        MLPClassifier(**options).set_callbacks(Crash(3)).fit(given, Y)
    with pytest.raises(ValueError, match="other X"):
        MLPClassifier(**options).fit(
            stream(given._files[0][0], columns=names, buffer=4000), Y[:400]
        )
    same_weights(MLPClassifier(**options).fit(given, Y), whole)


def test_partial_fit(tmp_path):
    given = opened("mapped", tmp_path)
    model, plain = (MLPClassifier(**OPTIONS, shuffle=False) for _ in range(2))
    for _ in range(3):
        same_weights(
            model.partial_fit(given, Y, classes=np.unique(Y)),
            plain.partial_fit(X, Y, classes=np.unique(Y)),
        )


def test_interrupted(tmp_path, interrupt_soon):
    model = MLPClassifier(**OPTIONS | {"max_iter": 10**6, "tol": 0, "n_iter_no_change": np.inf})
    with pytest.warns(UserWarning, match="interrupted"), pytest.raises(KeyboardInterrupt):
        model.fit(opened("mapped", tmp_path), Y)
    assert model.n_iter_ > 0


def test_convergence_is_warned_of_as_always(tmp_path):
    with pytest.warns(ConvergenceWarning):
        MLPClassifier(**OPTIONS | {"max_iter": 1}).fit(opened("mapped", tmp_path), Y)
