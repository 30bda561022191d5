"""Files that are damaged, of another make or hostile: an error that says what is wrong."""

import json
import tracemalloc

import numpy as np
import pytest
from fuzz_files import check
from hostile import FILE, FILES, RNG, load, parts, sealed, with_header, with_model, with_values
from hypothesis import given, settings
from hypothesis import strategies as st

import mlpcore
from mlpcore import MLPClassifier, ModelFormatError


def refused(file, message="."):
    with pytest.raises(ModelFormatError, match=message) as caught:
        load(file)
    assert len(str(caught.value)) < 600


def put(*path_and_value):
    *path, last, value = path_and_value

    def change(tree):
        for name in path:
            tree = tree[name]
        if value is ...:
            del tree[last]
        else:
            tree[last] = value

    return change


def test_a_file_that_is_whole_loads():
    for file in FILES:
        header, _, data = parts(file)
        load(file)
        load(sealed(header, data))


@pytest.mark.parametrize("file", FILES, ids=["classifier", "regressor"])
def test_truncated(file):
    for n in [*range(30), *RNG.integers(30, len(file), 100), len(file) - 1]:
        refused(file[:n], r"bytes|JSON|ends")
    refused(file + b"\0", "the tensors take")


@pytest.mark.parametrize("file", FILES, ids=["classifier", "regressor"])
def test_flipped_bits(file):
    for bit in RNG.choice(8 * len(file), 300, replace=False):
        damaged = bytearray(file)
        damaged[bit // 8] ^= 1 << bit % 8
        refused(bytes(damaged))


CONTAINERS = {
    "huge header": (b"\xff" * 8 + FILE[8:], r"said to have \d+ bytes.*no model"),
    "empty": (b"", "has 0 bytes"),
    "pickle": (b"\x80\x04\x95" + b"." * 100, "probably no model file"),
    "list": ((2).to_bytes(8, "little") + b"[]", r"needed is a JSON object"),
    "deep": ((200_000).to_bytes(8, "little") + b"[" * 200_000, "nested too deeply"),
    "twice": ((15).to_bytes(8, "little") + b'{"a":1, "a": 2}', "a name twice"),
    "long number": ((9000).to_bytes(8, "little") + b"1" * 9000, "not JSON"),
    "NaN": ((3).to_bytes(8, "little") + b"NaN", "NaN is not JSON"),
    "latin": ((4).to_bytes(8, "little") + b'"\xe4" ', "not JSON"),
    "metadata": (with_header(put("__metadata__", 3)), "__metadata__ is 3"),
    "numbers": (with_header(put("__metadata__", "x", 3)), "needed is an object of strings"),
    "no model": (with_header(put("__metadata__", "mlpcore", ...)), "no model of mlpcore"),
    "dtype": (with_header(put("coefs_.0", "dtype", "O")), "'coefs_.0' has dtype 'O': allowed"),
    "dtypes": (with_header(put("coefs_.0", "dtype", ["F32"])), "has dtype"),
    "offsets": (with_header(put("coefs_.0", "data_offsets", [0, 10**9])), r"shape \[4, 3\] of F64"),
    "overlap": (with_header(put("coefs_.1", "data_offsets", [0, 72])), "the one before ends at"),
    "negative": (with_header(put("coefs_.0", "shape", [-4, -3])), r"shape \[-4, -3\]"),
    "shape": (with_header(put("coefs_.0", "shape", [3, 4])), r"shape \(3, 4\).*needed.*\(4, 3\)"),
    "vast": (with_header(put("coefs_.0", "shape", [0, 10**30])), "shape"),
    "deep shape": (with_header(put("coefs_.0", "shape", [1, 4, 3])), "shape"),
    "unnamed": (with_header(put("coefs_.0", "x", 1)), "needed are dtype, shape and data_offsets"),
    "gone": (with_header(put("coefs_.0", ...)), r"the one before ends at"),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers(name):
    refused(*CONTAINERS[name])


MODELS = {
    "future": (put("version", 2), "version is 2.*A later mlpcore"),
    "version": (put("version", True), "version is True"),
    "kind": (put("kind", "os.system"), "kind is 'os.system': allowed are MLPClassifier"),
    "other kind": (put("kind", "MLPRegressor"), "labels is .*needed is a NoneType"),
    "unknown": (put("later", 1), "does not know: 'later'"),
    "missing": (put("params", ...), "params is missing"),
    "parameter": (put("params", "allpha", 1), "MLPClassifier has no parameters 'allpha'"),
    "value": (put("params", "alpha", -1), "'alpha' parameter of MLPClassifier must be"),
    "type": (put("params", "alpha", "x"), "'alpha' parameter"),
    "code": (put("params", "learning_rate", {"$call": "os.system"}), "stands for nothing"),
    "layers": (put("params", "hidden_layer_sizes", [0]), "hidden_layer_sizes must be > 0"),
    "list": (put("params", []), "needed is an object"),
    "directory": (put("params", "checkpoint", "/"), "no parameters 'checkpoint'"),
    "items": (put("params", "class_weight", {"$items": [[[], 1]]}), "pairs of a key and a value"),
    "sizes": (put("network", "sizes", [4, 10**6, 3]), r"coefs_.0 is of float64 and shape"),
    "vast sizes": (put("network", "sizes", [2**30, 2**30, 3]), "too many weights"),
    "one size": (put("network", "sizes", [4]), "two or more"),
    "no outputs": (put("network", "sizes", [4, 3, 0]), "two or more"),
    "hidden": (put("network", "hidden", ["softmax"]), "activations of identity"),
    "output": (put("network", "output", "relu"), "network.output is 'relu': allowed"),
    "scale": (put("input_scale", 0.0), "input_scale is 0.0"),
    "classes": (put("labels", "classes", ["a", "bb"]), "there are 3 outputs"),
    "unsorted": (put("labels", "classes", ["c", "a", "b"]), "not sorted and distinct"),
    "mixed": (put("labels", "classes", ["a", "b", 3]), "needed are those of str2"),
    "too wide": (put("labels", "classes", ["a", "b", "ccc"]), "needed are those of str2"),
    "wide": (put("labels", "dtype", "str99999999"), "would take more than"),
    "objects": (put("labels", "dtype", "object"), "labels.dtype is 'object'"),
    "names": (put("feature_names", ["a"]), "1 feature_names for 4 features"),
    "numbers": (put("feature_names", [1, 2, 3, 4]), "needed are strings"),
    "epochs": (put("training", "n_iter_", -1), "n_iter_ is -1: needed is 0 to"),
    "samples": (put("training", "t_", 10**30), "t_ is 1000"),
    "curve": (put("training", "loss_curve_", [1.0]), "loss_curve_ is .*needed is a ndarray"),
    "unused": (put("training", "loss_curve_", None), "tensors without a use: 'training.loss"),
    "shared": (put("optimizer", "state", {"$tensor": "coefs_.0"}), "stands for nothing"),
    "solver": (put("optimizer", "solver", "lbfgs"), "optimizer.solver is 'lbfgs'"),
    "rate": (put("optimizer", "learning_rate", {"$float": "nan"}), "negative or NaN"),
    "position": (put("stopped", "stream", "$random_state", "state", "pos", 625), "0 to 624"),
    "generator": (put("stopped", "stream", "$random_state", "bit_generator", "SFC64"), "MT19937"),
    "increment": (put("stopped", "dropout", "state", "inc", 2**128), "inc is"),
    "deep": (put("params", "dropout", json.loads("[" * 900 + "]" * 900)), "nested|dropout"),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_models(name):
    change, message = MODELS[name]
    refused(with_model(change), message)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["coefs_.1", "intercepts_.0"])
def test_weights_that_are_not_finite(name, value):
    refused(with_values(name, [value]), "a weight is NaN or infinite")


@pytest.mark.parametrize("rows", [[0, 0], [2**62], [-1], [40]])
def test_rows_that_are_not_there(rows):
    refused(with_values("stopped.order", rows), "not all rows, each once")


def test_float_classes_that_are_no_classes():
    def change(model):
        model["labels"] |= {"dtype": "float64", "classes": [0.5, 1.5, 2.5]}

    refused(with_model(change), "Unknown label type")


def test_the_file_is_named(tmp_path):
    (tmp_path / "broken").write_bytes(FILE[:100])
    with pytest.raises(ModelFormatError, match=r"broken: the header should have"):
        mlpcore.load(tmp_path / "broken")
    assert issubclass(ModelFormatError, ValueError)


@pytest.mark.parametrize("item", ["{},", "[],", '"aa",', "1.5,", '{"a":{}},'])
def test_memory_is_as_the_file_is_long(item):
    n = 300_000 // len(item)
    text = ('{"a":[' + item * n + "1]}").encode()
    file = len(text).to_bytes(8, "little") + text
    tracemalloc.start()
    refused(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20 + 60 * len(file)


def test_an_honest_model_takes_less_than_twice_its_file(tmp_path):
    model = MLPClassifier((200,)).partial_fit(
        RNG.normal(size=(6, 3000)), np.arange(6) % 3, classes=[0, 1, 2]
    )
    model.save(tmp_path / "m")
    tracemalloc.start()
    mlpcore.load(tmp_path / "m")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * (tmp_path / "m").stat().st_size


def test_large_lengths_allocate_nothing():
    vast = [
        CONTAINERS[name][0] for name in ("huge header", "offsets", "vast")
    ] + [with_model(MODELS[name][0]) for name in ("sizes", "vast sizes", "wide")]  # fmt: skip
    for file in vast:
        tracemalloc.start()
        refused(file)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**21


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=600, deadline=None)
@given(st.integers(0, 255), st.binary(max_size=24))
def test_any_file_loads_or_is_refused(mode, data):
    check(bytes([mode]) + data)
