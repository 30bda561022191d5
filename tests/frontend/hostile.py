"""Files as an attacker would write them: anything inside, and yet with a right digest."""

import copy
import hashlib
import json
import tempfile
import threading
import warnings
from pathlib import Path

import numpy as np

import mlpcore
from mlpcore import MLPClassifier, MLPRegressor, ModelFormatError, Predictor

DIRECTORY = tempfile.TemporaryDirectory()
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4))
Y = np.array(["a", "bb", "c"])[np.arange(40) % 3]


def saved(model):
    """Return the bytes of a model's file."""
    path = Path(DIRECTORY.name) / f"m{threading.get_ident()}"
    model.save(path)
    return path.read_bytes()


def fitted(kind, y, **own):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind((3,), max_iter=3, random_state=np.random.RandomState(0), **own).fit(X, y)


MODEL = fitted(MLPClassifier, Y, resume=True, early_stopping=True, dropout=0.1)
FILE = saved(MODEL)
FILES = [FILE, saved(fitted(lambda *a, **k: MLPRegressor("huber", *a, **k), X[:, 0], resume=True))]


def parts(file):
    """Return header, model and tensors of a file."""
    n = int.from_bytes(file[:8], "little")
    header = json.loads(file[8 : 8 + n])
    return header, json.loads(header["__metadata__"]["mlpcore"]), file[8 + n :]


def sealed(header, data):
    """Return a file with a right digest, whatever is in it."""
    header = copy.deepcopy(header)
    if isinstance(header.get("__metadata__"), dict):
        header["__metadata__"]["digest"] = "0" * 64
    text = json.dumps(header, separators=(",", ":")).encode()
    text = len(text).to_bytes(8, "little") + text
    digest = hashlib.sha256(text + data).hexdigest().encode()
    return text.replace(b'"digest":"' + b"0" * 64, b'"digest":"' + digest) + data


def with_model(change, file=FILE):
    """Return a file, with a right digest, whose model was changed."""
    header, model, data = parts(file)
    change(model)
    header["__metadata__"]["mlpcore"] = json.dumps(model)
    return sealed(header, data)


def with_header(change, file=FILE):
    header, _, data = parts(file)
    change(header)
    return sealed(header, data)


def with_values(name, values, file=FILE):
    """Return a file, with a right digest, in which a tensor begins with other values."""
    header, _, data = parts(file)
    place = header[name]["data_offsets"][0]
    raw = np.asarray(values).tobytes()
    return sealed(header, data[:place] + raw + data[place + len(raw) :])


def load(file):
    """Load from bytes, by both ways; either both refuse or the estimator's alone does."""
    path = Path(DIRECTORY.name) / f"m{threading.get_ident()}"
    path.write_bytes(file)
    try:
        return mlpcore.load(path)
    finally:
        use_predictor(path)


def use_predictor(path):
    try:
        predictor = Predictor.load(path, n_threads=1)
    except ModelFormatError:
        return
    predictor.predict(np.zeros((2, predictor.network.coefs(predictor.params)[0].shape[0])))
