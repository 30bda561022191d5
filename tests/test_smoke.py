"""The shortest way through everything: if this fails, look at nothing else."""

import numpy as np

import mlpcore


def test_fit_and_predict():
    X = np.array([[0.0], [0.1], [0.9], [1.0]])
    model = mlpcore.MLP((4,), solver="sgd", learning_rate_init=0.5, max_iter=500, random_state=0)
    assert model.fit(X, [0, 0, 1, 1]).predict(X).tolist() == [0, 0, 1, 1]
