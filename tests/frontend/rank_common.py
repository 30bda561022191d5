"""What the cases of several ranks share; `rank_cases.py` runs them."""

import numpy as np

N = 203
SETTINGS = {
    "hidden_layer_sizes": (9, 7), "random_state": 3, "batch_size": 20, "max_iter": 20,
    "n_iter_no_change": np.inf, "n_threads": 1,
}  # fmt: skip
CASES = {}


def case(function):
    """Note a function as one of the cases, called on all ranks with a communicator."""
    CASES[function.__name__] = function
    return function


def data(kind="classes"):
    """Samples with labels, the same on every rank."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 6))
    y = rng.integers(0, 3, N) if kind == "classes" else X @ rng.normal(size=(6, 2))
    return X, y, rng.uniform(0.5, 2, N)


def every_kth(comm, *arrays):
    """This rank's rows: the order of all is then that of the arrays."""
    return [a[comm.rank :: comm.size] for a in arrays]


def assert_same_everywhere(comm, model):
    """Bit by bit."""
    own = [w.tobytes() for w in (*model.coefs_, *model.intercepts_)]
    own += [model.n_iter_, model.t_, model.loss_, getattr(model, "loss_curve_", None),
            getattr(model, "validation_scores_", None)]  # fmt: skip
    assert all(other == own for other in comm.allgather(own))


def assert_like(model, other, tolerance=1e-10):
    for own, given in zip(
        (*model.coefs_, *model.intercepts_), (*other.coefs_, *other.intercepts_), strict=True
    ):
        assert abs(own - given).max() <= tolerance * abs(given).max()


def error_of_all(comm, fit):
    """Return the error that all ranks raise, after a look that it is the same."""
    try:
        fit()
        own = None
    except BaseException as error:
        own = (type(error), str(error))
    errors = comm.allgather(own)
    assert errors == [own] * comm.size, errors
    assert own is not None
    return own
