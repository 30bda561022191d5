"""scikit-learn's callback protocol: an epoch is a task."""

import numpy as np
import pytest
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpcore import MLP


class Recorder:
    """Keeps what it hears; ends the fit after some epochs if told to."""

    def __init__(self, stop_after=None, error_after=None):
        self.heard, self.losses, self.models = [], [], []
        self.stop_after, self.error_after = stop_after, error_after

    def setup(self, estimator, context):
        self.heard.append("setup")

    def teardown(self, estimator, context):
        self.heard.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X, y):
        self.heard.append(("begin", context.task_name, context.task_id, X.shape, y.shape))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.heard.append(("end", context.task_name, context.task_id))
        if context.task_name != "epoch":
            return False
        self.losses.append(fitted_estimator.loss_)
        self.models.append(fitted_estimator)
        if len(self.losses) == self.error_after:
            raise ZeroDivisionError
        return len(self.losses) == self.stop_after


def test_every_epoch_is_heard_in_order(blobs, quick):
    recorder = Recorder()
    model = MLP(**quick).set_callbacks(recorder).fit(*blobs)
    epochs = [
        event
        for i in range(3)
        for event in [("begin", "epoch", i, (90, 4), (90,)), ("end", "epoch", i)]
    ]
    fit = [("begin", "fit", 0, (90, 4), (90,)), *epochs, ("end", "fit", 0)]
    assert recorder.heard == ["setup", *fit, "teardown"]
    assert recorder.losses == model.loss_curve_


def test_fitted_estimator_is_of_its_epoch(blobs, quick):
    recorder = Recorder()
    model = MLP(**quick).set_callbacks(recorder).fit(*blobs)
    predictions = [m.predict_proba(blobs[0]) for m in recorder.models]
    assert (predictions[-1] == model.predict_proba(blobs[0])).all()
    assert (predictions[0] != predictions[-1]).any()
    assert [m.n_iter_ for m in recorder.models] == [1, 2, 3]


def test_stop(blobs, quick):
    recorder = Recorder(stop_after=2)
    model = MLP(**quick | {"n_iter_no_change": np.inf}).set_callbacks(recorder).fit(*blobs)
    assert model.n_iter_ == 2
    assert recorder.heard[-2:] == [("end", "fit", 0), "teardown"]


def test_error_leaves_the_estimator_unchanged(blobs, quick):
    model = MLP(**quick).fit(*blobs)
    before = {k: id(v) for k, v in vars(model).items()}
    recorder = Recorder(error_after=2)
    model.set_callbacks(recorder)
    with pytest.raises(ZeroDivisionError):
        model.fit(blobs[0][:50], blobs[1][:50])
    assert recorder.heard[-1] == "teardown"
    del model._skl_callbacks
    assert {k: id(v) for k, v in vars(model).items()} == before


def test_scikit_learns_own(blobs, quick):
    monitor = ScoringMonitor(scoring="accuracy")
    model = MLP(**quick).set_callbacks(ProgressBar(), monitor)
    model.fit(*blobs)
    assert model.n_iter_ == 3


def test_in_a_pipeline(blobs, quick, capsys):
    pipeline = make_pipeline(StandardScaler(), MLP(**quick))
    pipeline.set_callbacks(ProgressBar()).fit(*blobs)
    assert "MLPClassifier" in capsys.readouterr().out
