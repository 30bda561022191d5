"""The real MNIST and the report's division of it."""

import numpy as np
from sklearn.model_selection import train_test_split

from mlpcore.datasets import load_report_split

# Table I; the figures of MNIST's own training set are the report's.
TRAINING = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
VALIDATION = [490, 568, 516, 505, 491, 446, 479, 514, 487, 504]


def test_real_mnist(mnist):
    for part, n_images in (("train", 60_000), ("test", 10_000)):
        images, labels = mnist[f"{part}_images"], mnist[f"{part}_labels"]
        assert images.shape == (n_images, 784)
        assert labels.shape == (n_images,)
        assert images.dtype == labels.dtype == np.uint8
        assert images.flags.c_contiguous
    assert np.bincount(mnist.train_labels).tolist() == TRAINING


def test_report_split(mnist, monkeypatch):
    monkeypatch.setattr("mlpcore.datasets._mnist.fetch_mnist", lambda data_home: mnist)
    split = load_report_split()
    assert np.bincount(split.y_train).tolist() == TRAINING
    assert np.bincount(split.y_val).tolist() == VALIDATION
    # Table I repeats the validation column here; the real one differs in 1 and 9.
    test = np.array(VALIDATION)
    test[[1, 9]] = 567, 505
    assert np.bincount(split.y_test).tolist() == test.tolist()
    assert split.X_train is mnist.train_images
    assert split.X_val.shape == split.X_test.shape == (5000, 784)
    assert split.X_val.dtype == split.X_test.dtype == np.uint8


def test_report_split_is_the_report_s_draw(mnist, monkeypatch):
    """The counts would be the same for any seed: these are the images of seed 42."""
    monkeypatch.setattr("mlpcore.datasets._mnist.fetch_mnist", lambda data_home: mnist)
    split = load_report_split()
    test, val = train_test_split(
        np.arange(10_000), test_size=5000, stratify=mnist.test_labels, random_state=42
    )
    for name, rows in (("test", test), ("val", val)):
        np.testing.assert_array_equal(split[f"X_{name}"], mnist.test_images[rows])
        np.testing.assert_array_equal(split[f"y_{name}"], mnist.test_labels[rows])
