"""Any bytes as a model file: a target for atheris (make fuzz), and for hypothesis in the tests."""

import contextlib
import copy
import sys
import warnings

import numpy as np
from hostile import FILES, X, Y, load, parts, sealed, with_header, with_model

from mlpcore import MLPClassifier, ModelFormatError

VALUES = [
    None, True, -1, 0, 1, 2**31, 2**63, 10**400, 0.5, 1e308, "", "a", "softmax", "x" * 999, [], {},
    [0], [[]], {"a": 1}, {"$float": "nan"}, {"$float": "inf"}, {"$float": 1}, {"$tuple": [1, 2]},
    {"$tuple": 1}, {"$items": [[1, 2]]}, {"$items": [[[], 1]]}, {"$items": [1]}, {"$tensor": "x"},
    {"$tensor": "coefs_.0"}, {"$tensor": "stopped.order"}, {"$random_state": {}}, [0, 8], [1, 1],
    "F32", "U32", "str9999999", "int8", "bool", ...,
]  # fmt: skip


def places(tree):
    """Yield each container of a JSON value with each of its keys."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from places(tree[key])


def edited(tree, edits):
    """Put values at places, both by number."""
    for place, value in edits:
        found = list(places(tree))
        if found:
            container, key = found[place % len(found)]
            value = VALUES[value % len(VALUES)]
            if value is ...:
                del container[key]
            else:
                container[key] = copy.deepcopy(value)


def spliced(file, edits):
    """Return the file with single bytes replaced."""
    file = bytearray(file)
    for place, value in edits:
        file[place % len(file)] = value % 256
    return bytes(file)


def check(data):
    """Make a file from any bytes, and load it: a model that can be used, or ModelFormatError."""
    mode, numbers = data[:1], np.frombuffer(data[1 : 1 + (len(data) - 1) // 3 * 3], np.uint8)
    edits = [(int(a) + 256 * int(b), int(c)) for a, b, c in numbers.reshape(-1, 3)]
    which = mode[0] if mode else 0
    file = FILES[which % 2]
    kinds = [
        lambda: data,
        lambda: spliced(file, edits),
        lambda: with_header(lambda header: edited(header, edits), file),
        lambda: with_model(lambda model: edited(model, edits), file),
        lambda: resealed(spliced(file, edits)),
    ]
    try:
        model = load(kinds[which // 2 % len(kinds)]())
    except ModelFormatError:
        return
    with np.errstate(all="ignore"):
        model.set_params(n_threads=1).predict(np.zeros((2, model.n_features_in_)))
        if (model.hidden_layer_sizes, model.max_iter, model.solver) == ((3,), 3, "adam"):
            # It may refuse for many a reason; what the kernels get is what is tried.
            with contextlib.suppress(Exception):
                model.fit(X, Y if isinstance(model, MLPClassifier) else X[:, 0])


def resealed(file):
    """Return the file with a right digest, if it has a header at all."""
    try:
        header, _, data = parts(file)
        return sealed(header, data)
    except (ValueError, LookupError, TypeError, AttributeError):
        return file


def main():
    import atheris

    warnings.simplefilter("ignore")
    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
