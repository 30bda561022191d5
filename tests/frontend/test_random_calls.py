"""Calls that nobody would write: each returns or raises, and leaves the process alive.

`make fuzz-calls` makes a hundred thousand of them; MLPCORE_CALLS says how many here.
"""

import faulthandler
import os
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from mlpcore import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore")
N_CALLS = int(os.environ.get("MLPCORE_CALLS", "400"))
HANGING_SECONDS = 60
NAMES = sorted(MLPClassifier().get_params() | MLPRegressor().get_params())
NUMBERS = st.one_of(
    st.sampled_from([0, 1, 2, 7, -1, 0.0, 0.5, 0.9, 1.0, 1e-8, 1e300, -0.5, np.nan, np.inf, True]),
    st.integers(-3, 40),
    st.floats(0, 2),
)
WORDS = st.sampled_from(
    ["auto", "relu", "gelu", "tanh", "lbfgs", "sgd", "adam", "adamw", "adaptive", "cosine", "mse",
     "plateau", "one_cycle", "huber", "poisson", "log_loss", "bipolar", "softmax", "identity",
     "logistic", "normal", "layer", "float32", "float64", "bfloat16", "accuracy", "r2", "loss",
     "balanced", "", "sgdd", None, False, np.float32(0.5), np.int8(3), b"adam", [], (), {}]
)  # fmt: skip
VALUES = st.one_of(NUMBERS, WORDS, st.lists(NUMBERS, max_size=3), st.lists(WORDS, max_size=2))
# No training of these goes on for long, and no file is written where the tests run.
KEPT = {"max_iter", "max_fun", "checkpoint", "checkpoint_every", "n_threads", "verbose"}
LIKELY = {
    "hidden_layer_sizes": st.lists(st.integers(1, 40), max_size=3),
    "activation": st.sampled_from(["relu", "gelu", "tanh", "logistic", "silu", "leaky_relu"]),
    "solver": st.sampled_from(["lbfgs", "sgd", "adam", "adamw"]),
    "batch_size": st.integers(1, 50),
    "dtype": st.sampled_from(["float32", "float64", None]),
    "early_stopping": st.booleans(),
    "dropout": st.floats(0, 0.9),
    "compute_dtype": st.sampled_from(["bfloat16", None]),
    "skip_zeros": st.sampled_from([True, False, None]),
    "warm_start": st.booleans(),
    "resume": st.booleans(),
}
UNLIKELY = st.dictionaries(st.sampled_from([n for n in NAMES if n not in KEPT]), VALUES, max_size=3)
DTYPES = ["f8", "f4", "u1", "i8", "?", "f2", ">f8", "O", "c16", "U3", "longdouble"]
METHODS = ["fit", "partial_fit", "predict", "predict_proba", "decision_function", "score",
           "predictor"]  # fmt: skip


@st.composite
def arrays(draw, n_features, sane):
    """X of some type and form; if not sane, of any shape, and with values that are none."""
    shape, scale = draw(st.tuples(st.integers(2, 30), st.just(n_features))), 1
    if not sane:
        shapes = st.sampled_from(
            [(0, n_features), (1, n_features), (5, 0), (), (0,), (5,), (2, 2, 2)]
        )
        shape = draw(st.one_of(st.just(shape), shapes))
        scale = draw(st.sampled_from([1e-300, 1e30, 1e300]))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    X = rng.normal(scale=scale, size=shape)
    X = np.where(rng.random(shape) < draw(st.sampled_from([0, 0.5, 0.95])), 0, X)
    if X.size and not sane:
        X.flat[0] = draw(st.sampled_from([0, np.nan, np.inf, -np.inf]))
    with np.errstate(all="ignore"):
        X = X.astype(draw(st.sampled_from(DTYPES[: draw(st.sampled_from([3, 11]))])))
    forms = ["as it is", "F", "[::-1]", "csr", "csc", "list", *([] if sane else ["[::2]", "T"])]
    form = draw(st.sampled_from(forms))
    if form in ("csr", "csc") and X.ndim == 2 and X.dtype.kind in "fiub" and X.itemsize <= 8:
        return getattr(sp, f"{form}_array")(X.astype("f4" if X.itemsize < 8 else "f8"))
    return {"F": np.asfortranarray(X), "[::2]": X[::2] if X.ndim else X, "T": X.T,
            "[::-1]": X[::-1] if X.ndim else X, "list": X.tolist()}.get(form, X)  # fmt: skip


@st.composite
def targets(draw, n, sane):
    if not sane and draw(st.booleans()):
        return draw(st.one_of(VALUES, st.lists(VALUES, max_size=5)))
    n = n if sane else max(0, n + draw(st.integers(-1, 1)))
    values = np.arange(n) % draw(st.integers(2 if sane else 1, 4))
    kinds = [values, np.eye(4, dtype=int)[values], values.astype("U2"), values * 1e3 + 0.5]
    return kinds[draw(st.integers(0, 1 if sane else 3))]


@pytest.fixture(autouse=True)
def ends():
    """A call that hangs ends the process, with the stack that shows where."""
    seconds = HANGING_SECONDS + N_CALLS * 0.5
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


@given(st.data())
@settings(
    max_examples=N_CALLS, deadline=HANGING_SECONDS * 1000, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_random_calls(data):
    n_features = data.draw(st.sampled_from([1, 3, 40]))
    kind = data.draw(st.sampled_from([MLPClassifier, MLPRegressor]))
    sane = data.draw(st.integers(0, 3)) > 0
    drawn = data.draw(st.fixed_dictionaries({}, optional=LIKELY) if sane else UNLIKELY)
    parameters = {n: v for n, v in drawn.items() if n in kind().get_params()}
    model = kind(**parameters, max_iter=2, max_fun=5, n_threads=data.draw(st.integers(1, 3)))
    for method in ["fit", *data.draw(st.lists(st.sampled_from(METHODS), max_size=2))]:
        sane = data.draw(st.integers(0, 3)) > 0
        X = data.draw(arrays(n_features, sane))
        n = X.shape[0] if getattr(X, "ndim", 0) else len(X) if isinstance(X, list) else 0
        arguments = [X]
        if method in ("fit", "partial_fit", "score"):
            arguments += [data.draw(targets(n, sane))]
            if not sane:
                arguments += [data.draw(st.one_of(st.none(), st.just(np.arange(n)), VALUES))]
        call(model, method, arguments)


def call(model, method, arguments):
    """Call; what is refused is refused by an error that Python programs expect."""
    with np.errstate(all="ignore"):
        try:
            if method == "predictor":
                model.predictor()(*arguments)
            else:
                getattr(model, method)(*arguments)
        except (ValueError, TypeError, AttributeError) as error:
            outcome, said = type(error).__name__, str(error)
        else:
            outcome, said = "returned", "nothing"
    event(f"{method}: {outcome}")
    assert said
