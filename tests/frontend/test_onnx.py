"""What ONNX Runtime computes from an exported model, beside the model itself."""

import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import NotFittedError

from mlpcore import MLPClassifier, MLPRegressor
from mlpcore._parameters import ACTIVATIONS

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)
OPTIONS = {"max_iter": 30, "random_state": 0, "hidden_layer_sizes": (20, 7)}
MULTILABEL = make_multilabel_classification(150, 4, n_classes=3, random_state=0)


def run(model, path, rows):
    """Export, check and run a model; returns its outputs by name."""
    model.to_onnx(path)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    values = session.run(names, {"X": rows.astype(model.coefs_[0].dtype)})
    return dict(zip(names, values, strict=True))


def assert_close(found, expected):
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def assert_labels(found, expected):
    np.testing.assert_array_equal(found, expected)
    kinds = {"U": "O", "u": "iu"}.get(expected.dtype.kind, expected.dtype.kind)
    assert np.asarray(found).dtype.kind in kinds


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", [*ACTIVATIONS, ("gelu", "tanh")])
def test_every_activation(tmp_path, activation, dtype):
    model = MLPClassifier(activation=activation, dtype=dtype, **OPTIONS).fit(X, Y)
    found = run(model, tmp_path / "m.onnx", X)
    assert list(found) == ["label", "probabilities"]
    assert_labels(found["label"], model.predict(X))
    assert_close(found["probabilities"], model.predict_proba(X.astype(dtype)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("loss", ["squared_error", "poisson", "mse", "absolute_error", "huber"])
def test_every_regression_loss(tmp_path, loss, n_outputs, dtype):
    y = X[:, 0] if n_outputs == 1 else X[:, :2]
    model = MLPRegressor(loss, dtype=dtype, **OPTIONS).fit(X, y)
    found = run(model, tmp_path / "m.onnx", X)
    assert list(found) == ["variable"]
    assert_close(found["variable"], model.predict(X.astype(dtype)).reshape(150, n_outputs))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("targets", ["binary", "multiclass", "multilabel"])
def test_every_kind_of_classes(tmp_path, targets, dtype):
    data, y = {"binary": (X, Y > 0), "multiclass": (X, Y), "multilabel": MULTILABEL}[targets]
    model = MLPClassifier(dtype=dtype, **OPTIONS).fit(data, y)
    found = run(model, tmp_path / "m.onnx", data)
    assert len(np.unique(model.predict(data))) > 1
    assert_labels(found["label"], model.predict(data))
    assert_close(found["probabilities"], model.predict_proba(data.astype(dtype)))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    ("coding", "out_activation"),
    [("one_hot", "logistic"), ("one_hot", "identity"), ("one_hot", "tanh"),
     ("bipolar", "tanh"), ("bipolar", "identity")],
)  # fmt: skip
def test_squared_error_of_classes(tmp_path, coding, out_activation, n_classes):
    own = {"loss": "mse", "target_coding": coding, "out_activation": out_activation}
    model = MLPClassifier(**own, **OPTIONS).fit(X, np.minimum(Y, n_classes - 1))
    found = run(model, tmp_path / "m.onnx", X)
    assert list(found) == ["label", "scores"]
    assert_labels(found["label"], model.predict(X))
    assert_close(found["scores"].reshape(model.decision_function(X).shape),
                 model.decision_function(X))  # fmt: skip


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "labels",
    [np.array(["setosa", "versicolor", "ünïcode"]), np.array(["a", "b", "c"], object),
     np.array([-5, 3, 2**40]), np.array([0, 1, 2**63 + 1], np.uint64),
     np.array([1, 2, 200], np.uint8), np.array([0.0, 1.0, 7.0])],
    ids=lambda labels: str(labels.dtype),
)  # fmt: skip
def test_every_kind_of_label(tmp_path, labels, n_classes):
    model = MLPClassifier(**OPTIONS).fit(X, labels[np.minimum(Y, n_classes - 1)])
    found = run(model, tmp_path / "m.onnx", X)
    assert_labels(found["label"], model.predict(X))


@pytest.mark.parametrize(
    "own",
    [{"bias": "layer"}, {"input_scale": 1 / 255}, {"hidden_layer_sizes": ()}, {"dropout": 0.5},
     {"hidden_layer_sizes": (1,)}],
    ids=str,
)  # fmt: skip
def test_every_form_of_network(tmp_path, own):
    bytes_ = np.random.default_rng(0).integers(0, 256, (150, 20), dtype=np.uint8)
    model = MLPClassifier(**{**OPTIONS, **own}).fit(bytes_, Y)
    for rows in (bytes_, bytes_[:1], bytes_[:0]):
        found = run(model, tmp_path / "m.onnx", rows)
        expected = model.predict_proba(rows) if len(rows) else np.empty((0, 3))
        assert_close(found["probabilities"], expected)


def test_weights_are_the_models_own(tmp_path):
    model = MLPClassifier(**OPTIONS).fit(X, Y)
    model.to_onnx(tmp_path / "m.onnx")
    graph = onnx.load(tmp_path / "m.onnx").graph
    weights = onnx.numpy_helper.to_array(graph.initializer[0])
    np.testing.assert_array_equal(weights, model.coefs_[0])


def test_a_failure_leaves_the_older_file(tmp_path, monkeypatch):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"older")
    with pytest.raises(NotFittedError):
        MLPClassifier().to_onnx(path)
    model = MLPClassifier(**OPTIONS).fit(X, Y)

    def fails(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fails)
    with pytest.raises(OSError, match="disk full"):
        model.to_onnx(path)
    assert path.read_bytes() == b"older"
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]
    with pytest.raises(OSError, match="absent"):
        model.to_onnx(tmp_path / "absent" / "m.onnx")


def test_weights_beyond_an_onnx_file(tmp_path, monkeypatch):
    model = MLPClassifier(**OPTIONS).fit(X, Y)
    monkeypatch.setattr("mlpcore._onnx._MOST_BYTES", model._params.nbytes - 1)
    with pytest.raises(ValueError, match=r"the weights take \d+ bytes: an ONNX file has room for"):
        model.to_onnx(tmp_path / "m.onnx")


def test_without_onnx(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'mlpcore\[onnx\]'"):
        MLPClassifier(**OPTIONS).fit(X, Y).to_onnx(tmp_path / "m.onnx")
