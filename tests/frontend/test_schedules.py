"""Learning rates of our own: their values, for every stochastic solver."""

import numpy as np
import pytest

from mlpcore import MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
RATE, EPOCHS = 0.01, 10


def rates(**params):
    """The learning rate of each epoch."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    settings = {"learning_rate_init": RATE, "max_iter": EPOCHS, "random_state": 0,
                "hidden_layer_sizes": (4,), "n_iter_no_change": np.inf} | params  # fmt: skip
    return MLPRegressor(**settings).fit(X, y).history_["learning_rate"]


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw"])
def test_cosine(solver):
    expected = RATE * (1 + np.cos(np.pi * np.arange(EPOCHS) / EPOCHS)) / 2
    np.testing.assert_allclose(rates(solver=solver, learning_rate="cosine"), expected)


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw"])
def test_one_cycle(solver):
    found = rates(solver=solver, learning_rate="one_cycle", max_iter=100)
    assert found[0] == pytest.approx(RATE / 25)
    assert max(found) == found[30] == pytest.approx(RATE)
    assert found[-1] < RATE / 500
    assert (np.diff(found[:31]) > 0).all()
    assert (np.diff(found[30:]) < 0).all()


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw"])
def test_callable(solver):
    found = rates(solver=solver, learning_rate=lambda epoch: 0.1 / (epoch + 1))
    np.testing.assert_allclose(found, 0.1 / np.arange(1, EPOCHS + 1))


@pytest.mark.parametrize("rate", [-1.0, np.nan, np.inf])
def test_callable_that_gives_no_rate(rate):
    with pytest.raises(ValueError, match=r"learning_rate gives .* for epoch 3: needed is"):
        rates(learning_rate=lambda epoch: rate if epoch == 3 else 0.1)


def test_plateau():
    """Where nothing improves by tol, every other epoch halves it for a patience of 4."""
    found = rates(learning_rate="plateau", tol=100.0, n_iter_no_change=4, max_iter=50)
    first = [RATE, RATE, RATE, RATE / 2, RATE / 2, RATE / 4]
    np.testing.assert_allclose(found, first)


@pytest.mark.parametrize("learning_rate", ["constant", "cosine", "invscaling"])
def test_warm_up(learning_rate):
    params = {"solver": "sgd", "learning_rate": learning_rate}
    factor = np.minimum(1, np.arange(1, EPOCHS + 1) / 4)
    np.testing.assert_allclose(rates(**params, warmup_epochs=4), rates(**params) * factor)


def test_warm_up_of_adaptive():
    params = {"solver": "sgd", "learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1}
    plain, warm = rates(**params), rates(**params, warmup_epochs=3)
    np.testing.assert_allclose(warm, plain * np.minimum(1, np.arange(1, len(plain) + 1) / 3))


def test_partial_fit_goes_on_with_the_plan():
    X, y = np.random.default_rng(0).normal(size=(40, 3)), np.zeros(40)
    model = MLPRegressor(learning_rate=lambda epoch: 0.01 * (epoch + 1), random_state=0)
    for _ in range(4):
        model.partial_fit(X, y)
    np.testing.assert_allclose(model.history_["learning_rate"], [0.01, 0.02, 0.03, 0.04])
