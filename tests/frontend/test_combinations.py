"""Any combination of parameters: a network of finite weights, or a clear error."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcore import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore")
N = 24
ACTIVATIONS = ["identity", "logistic", "tanh", "relu", "leaky_relu", "gelu", "silu"]
RATES = ["constant", "invscaling", "adaptive", "cosine", "one_cycle", "plateau"]


def any_of(*values):
    return st.sampled_from(values)


COMMON = {
    "hidden_layer_sizes": any_of((), (1,), (17,), (3, 18)),
    "activation": st.sampled_from(ACTIVATIONS),
    "solver": any_of("lbfgs", "sgd", "adam", "adamw"),
    "alpha": any_of(0.0, 1e-4, 1.0),
    "batch_size": any_of("auto", 1, 7, 24),
    "learning_rate": st.sampled_from(RATES),
    "learning_rate_init": any_of(1e-5, 1e-3, 1.0, 1e3),
    "momentum": any_of(0.0, 0.9),
    "early_stopping": st.booleans(),
    "shuffle": st.booleans(),
    "bias": any_of("unit", "layer"),
    "weight_init": any_of("glorot_uniform", "normal"),
    "dtype": any_of(None, "float32", "float64"),
    "dropout": any_of(0.0, 0.5),
    "max_grad_norm": any_of(None, 1.0),
    "warmup_epochs": any_of(0, 2),
    "scoring": any_of(None, "loss"),
    "restore_best": st.booleans(),
    "resume": st.booleans(),
    "warm_start": st.booleans(),
    "n_threads": any_of(None, 1),
}
CLASSIFIER = COMMON | {
    "loss": any_of("log_loss", "mse"),
    "out_activation": any_of("auto", "identity", "logistic", "tanh", "softmax"),
    "target_coding": any_of("one_hot", "bipolar"),
    "class_weight": any_of(None, "balanced"),
}
REGRESSOR = COMMON | {"loss": any_of("squared_error", "poisson", "mse", "absolute_error", "huber")}


def data(storage, weighted):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 5)) * (rng.random((N, 5)) < 0.3)
    X = {"dense": X, "float32": X.astype("float32"), "csr": sp.csr_array(X)}[storage]
    return X, rng.uniform(size=N) if weighted else None


def assert_finite_or_refused(model, X, y, weights, outputs):
    """Finite weights may still be so large that outputs overflow, after a rate of 1000."""
    with np.errstate(all="ignore"):
        try:
            for _ in range(2):
                model.fit(X, y, weights)
        except ValueError as error:
            said = str(error)
        else:
            said = None
        if said is not None:
            assert len(said) > 20
            return
        assert all(np.isfinite(W).all() for W in model.coefs_ + model.intercepts_)
        found = getattr(model, outputs)(X)
        assert found.shape[0] == N
        assert np.isfinite(found).all() or model.learning_rate_init > 1


@given(st.fixed_dictionaries(CLASSIFIER), any_of("dense", "float32", "csr"), st.booleans())
@settings(deadline=None, max_examples=150)
def test_classifier(params, storage, weighted):
    X, weights = data(storage, weighted)
    model = MLPClassifier(**params, max_iter=4, random_state=0)
    outputs = "predict_proba" if params["loss"] == "log_loss" else "decision_function"
    assert_finite_or_refused(model, X, np.arange(N) % 3, weights, outputs)


@given(st.fixed_dictionaries(REGRESSOR), any_of("dense", "float32", "csr"), st.booleans())
@settings(deadline=None, max_examples=150)
def test_regressor(params, storage, weighted):
    X, weights = data(storage, weighted)
    model = MLPRegressor(**params, max_iter=4, random_state=0)
    assert_finite_or_refused(model, X, np.arange(N) % 5, weights, "predict")
