"""Cases of several ranks: the model is that of one process."""

import numpy as np
import scipy.sparse as sp
from mpi4py import MPI
from rank_common import (
    SETTINGS,
    N,
    assert_like,
    assert_same_everywhere,
    case,
    data,
    every_kth,
)
from sklearn.metrics import balanced_accuracy_score, make_scorer

from mlpcore import MLPClassifier, MLPRegressor
from mlpcore._draws import own_cuts, positions


@case
def equal_to_one_process(comm):
    for make, kind, more in [
        (MLPClassifier, "classes", {"solver": "adam"}),
        (MLPClassifier, "classes", {"solver": "sgd", "max_grad_norm": 0.5}),
        (MLPClassifier, "classes", {"solver": "adam", "class_weight": {0: 2.0}}),
        (MLPRegressor, "values", {"solver": "adamw", "learning_rate": "cosine"}),
    ]:
        model = make(**SETTINGS, shuffle=False, **more)
        arrays = data(kind)
        X, y, weights = every_kth(comm, *arrays)
        one = make(**SETTINGS, shuffle=False, **more).fit(*arrays)
        model.fit(X, y, weights, comm=comm)
        assert_same_everywhere(comm, model)
        assert_like(model, one)
        assert np.allclose(model.loss_curve_, one.loss_curve_, rtol=1e-12)
        assert (model.n_iter_, model.t_) == (one.n_iter_, one.t_)


@case
def uneven_and_empty_shards(comm):
    X, y, _ = data()
    sizes = {2: [203, 0], 4: [120, 0, 80, 3]}[comm.size]
    cuts = np.cumsum([0, *sizes])
    place = np.concatenate([positions(sizes, rank) for rank in range(comm.size)])
    assert sorted(place) == list(range(N))
    order = np.argsort(place)
    own = slice(cuts[comm.rank], cuts[comm.rank + 1])
    model = MLPClassifier(**SETTINGS, shuffle=False).fit(X[own], y[own], comm=comm)
    assert_same_everywhere(comm, model)
    assert_like(model, MLPClassifier(**SETTINGS, shuffle=False).fit(X[order], y[order]))
    assert model.n_features_in_ == 6
    values = MLPRegressor(**SETTINGS).fit(X[own], X[own, :1], comm=comm)
    assert_same_everywhere(comm, values)


@case
def each_batch_has_each_ranks_part(comm):
    for sizes in ([7, 7, 7], [100, 1, 0, 33], [5], [50, 50, 49, 49]):
        parts = np.array([np.diff(own_cuts(sizes, rank, 10)) for rank in range(len(sizes))])
        total = sum(sizes)
        assert parts.sum(axis=0).tolist() == [10] * (total // 10) + [total % 10] * (total % 10 > 0)
        due = np.outer(sizes, [10 / total])
        assert (abs(parts[:, : total // 10] - due) < 2).all()


@case
def shuffled(comm):
    X, y = every_kth(comm, *data()[:2])
    more = {"dropout": 0.2, "record_grad_norm": True}
    model = MLPClassifier(**SETTINGS, **more).fit(X, y, comm=comm)
    again = MLPClassifier(**SETTINGS, **more).fit(X, y, comm=comm)
    assert_same_everywhere(comm, model)
    assert_like(model, again, 0)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    unseeded = MLPClassifier(**SETTINGS | {"random_state": None}).fit(X, y, comm=comm)
    assert_same_everywhere(comm, unseeded)
    steps = MLPClassifier(**SETTINGS | {"shuffle": False}).fit(X, y, comm=comm)
    assert abs(steps.coefs_[0] - model.coefs_[0]).max() > 1e-6


@case
def other_inputs(comm):
    X, y, _ = data()
    X = np.round(abs(X) * 20).astype(np.uint8)
    for form in (np.asarray, np.float32, lambda X: sp.csr_matrix(X, dtype=np.float32)):
        own, labels = every_kth(comm, form(X), y)
        settings = SETTINGS | {"hidden_layer_sizes": (20,), "dtype": "float32"}
        model = MLPClassifier(**settings, alpha=0, input_scale=1 / 50, shuffle=False)
        one = MLPClassifier(**model.get_params()).fit(form(X), y)
        model.fit(own, labels, comm=comm)
        assert_same_everywhere(comm, model)
        assert_like(model, one, 1e-3)


@case
def classes_of_all(comm):
    X, _, _ = data()
    names = np.array(["c", "bb", "a", "dddd"])[: comm.size]
    y = names[np.arange(N) % comm.size]  # every rank sees one class only
    settings = SETTINGS | {"class_weight": "balanced", "shuffle": False}
    own, labels = every_kth(comm, X, y)
    model = MLPClassifier(**settings).fit(own, labels, comm=comm)
    assert model.classes_.tolist() == sorted(names)
    assert_same_everywhere(comm, model)
    assert_like(model, MLPClassifier(**settings).fit(X, y))
    labels = (X[:, :2] > 0).astype(int)
    settings["class_weight"] = None
    several = MLPClassifier(**settings).fit(*every_kth(comm, X, labels), comm=comm)
    assert_like(several, MLPClassifier(**settings).fit(X, labels))


@case
def early_stopping(comm):
    X, y, weights = data()
    y[:150] = X[:150, 0] > 0
    for more in ({}, {"scoring": "loss"}, {"scoring": make_scorer(balanced_accuracy_score)}):
        # The rows that are kept aside are those of one process; with batches of all others
        # their order is of no account.
        settings = SETTINGS | {
            "batch_size": 182, "early_stopping": True, "max_iter": 60, "n_iter_no_change": 5,
            "learning_rate_init": 0.01, **more,
        }  # fmt: skip
        one = MLPClassifier(**settings).fit(X, y, weights)
        model = MLPClassifier(**settings).fit(*every_kth(comm, X, y, weights), comm=comm)
        assert_same_everywhere(comm, model)
        assert np.allclose(model.validation_scores_, one.validation_scores_, rtol=1e-9)
        assert model.n_iter_ == one.n_iter_
        assert model.t_ == one.t_
        assert_like(model, one, 1e-8)
    binary = MLPClassifier(**settings).fit(*every_kth(comm, X, X[:, 0] > 0), comm=comm)
    assert_same_everywhere(comm, binary)
    settings["batch_size"] = N
    X_val, y_val = (X[:40], y[:40]) if comm.rank == 1 else (X[:0], y[:0])
    model = MLPClassifier(**settings).fit(
        *every_kth(comm, X, y), X_val=X_val, y_val=y_val, comm=comm
    )
    one = MLPClassifier(**settings).fit(X, y, X_val=X[:40], y_val=y[:40])
    assert np.allclose(model.validation_scores_, one.validation_scores_, rtol=1e-9)
    values = data("values")[:2]
    settings |= {"scoring": None, "batch_size": 182}
    model = MLPRegressor(**settings).fit(*every_kth(comm, *values), comm=comm)
    one = MLPRegressor(**settings).fit(*values)
    assert np.allclose(model.validation_scores_, one.validation_scores_, rtol=1e-9)


@case
def lbfgs(comm):
    X, y, weights = data()
    settings = {"solver": "lbfgs", "max_iter": 15, "random_state": 0, "hidden_layer_sizes": (9,)}
    one = MLPClassifier(**settings).fit(X, y, weights)
    model = MLPClassifier(**settings).fit(*every_kth(comm, X, y, weights), comm=comm)
    assert_same_everywhere(comm, model)
    assert_like(model, one, 1e-6)


@case
def going_on(comm):
    X, y = every_kth(comm, *data()[:2])
    whole = MLPClassifier(**SETTINGS, resume=True, dropout=0.1).fit(X, y, comm=comm)
    halves = MLPClassifier(**SETTINGS | {"max_iter": 10}, resume=True, dropout=0.1)
    halves.fit(X, y, comm=comm).fit(X, y, comm=comm)
    assert_like(halves, whole, 0)
    assert halves.n_iter_ == 20
    warm = MLPClassifier(**SETTINGS, warm_start=True).fit(X, y, comm=comm).fit(X, y, comm=comm)
    assert_same_everywhere(comm, warm)
    model = MLPClassifier(**SETTINGS)
    for _ in range(3):
        model.partial_fit(X, y, classes=[0, 1, 2], comm=comm)
    assert_same_everywhere(comm, model)
    assert model.t_ == 3 * N


@case
def one_rank(comm):
    X, y, _ = data()
    alone = MLPClassifier(**SETTINGS | {"shuffle": False}).fit(X, y, comm=MPI.COMM_SELF)
    assert_like(alone, MLPClassifier(**SETTINGS | {"shuffle": False}).fit(X, y), 1e-12)
