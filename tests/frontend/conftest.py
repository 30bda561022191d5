"""Data and settings that the tests of the front end share."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


@pytest.fixture(scope="session")
def digits():
    """X_train, X_test, y_train, y_test of scikit-learn's digits, X in [0, 1]."""
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16, y, test_size=0.25, random_state=0)


@pytest.fixture
def blobs():
    """Ninety samples of three classes."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 30)
    return rng.normal(size=(90, 4)) + y[:, None], y


@pytest.fixture
def mostly_zero():
    """Samples so sparse that a wide first layer is trained on their non-zeros only."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 80)) * (rng.random((120, 80)) < 0.1)
    return X, rng.integers(0, 3, 120)


# A fit that ends by itself, without a ConvergenceWarning, in a few epochs.
QUICK = {"hidden_layer_sizes": (5,), "tol": 1e6, "n_iter_no_change": 1, "random_state": 0}


@pytest.fixture
def quick():
    return dict(QUICK)
