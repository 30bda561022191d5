"""Trainings and estimators on workers that are processes: joblib's own, Dask's and Ray's."""

import json
import os
import sys
import threading
import time

import numpy as np
import pytest
from cluster import Cluster
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import mlpcore.experiments
from mlpcore import MLP, MLPRegressor
from mlpcore._threads import available_threads
from mlpcore.experiments import _data, _runner
from mlpcore.experiments.__main__ import main
from mlpcore.experiments._workers import Backend

distributed = pytest.importorskip("distributed", reason="needs the extra [dask]")
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of Dask's client
]

SEEDS = list(range(1, 9))
RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 5000))  # 4.8 MB, and as good as incompressible
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    """A client that joblib's "dask" finds."""
    with distributed.Client(cluster.address) as client:
        client.wait_for_workers(2, timeout=60)
        yield client


@pytest.fixture
def sent(monkeypatch):
    """How many bytes this process sends to the cluster, in a list of one."""
    to_frames, count = distributed.comm.tcp.to_frames, [0]

    async def counted(*args, **kwargs):
        frames = await to_frames(*args, **kwargs)
        count[0] += sum(memoryview(frame).nbytes for frame in frames)
        return frames

    monkeypatch.setattr(distributed.comm.tcp, "to_frames", counted)
    return count


def rows(directory):
    path = directory / "results.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def train(out, *arguments, data="digits", hidden=8, epochs=3):
    return main(["train", "--data", str(data), "--hidden", str(hidden), "--epochs", str(epochs),
                 "--seeds", "1-8", "--out", str(out), *arguments])  # fmt: skip


def same_results(found, expected):
    found, expected = (
        {r["settings"]["random_state"]: r for r in rows} for rows in (found, expected)
    )
    assert sorted(found) == sorted(expected) == SEEDS
    for seed, row in found.items():
        assert row["loss_curve"] == expected[seed]["loss_curve"]
        assert row["accuracy"] == expected[seed]["accuracy"]


def test_sweep(cluster, tmp_path, capsys):
    assert train(tmp_path / "there", "--backend", "dask", "--scheduler", cluster.address) == 0
    assert train(tmp_path / "here", "--jobs", "1") == 0
    found = rows(tmp_path / "there")
    assert len(found) == len(SEEDS)
    assert {row["n_threads"] for row in found} == {1}
    same_results(found, rows(tmp_path / "here"))


def test_report(mnist, cluster, tmp_path, capsys):
    arguments = ["--runs", "12", "--seeds", "42,43", "--epochs", "1", "--dtype", "float32"]
    options = ["--backend", "dask", "--scheduler", cluster.address, "--out", str(tmp_path)]
    assert main(["reproduce", "table3", *arguments, *options]) == 0
    assert sorted(row["settings"]["random_state"] for row in rows(tmp_path)) == [42, 43]


@pytest.mark.parametrize("own", [True, False], ids=["--backend", "parallel_config"])
def test_data_are_sent_once(cluster, client, sent, tmp_path, capsys, own):
    np.savez(tmp_path / "data.npz", X=X, y=Y)
    if own:
        options = ["--backend", "dask", "--scheduler", cluster.address]
        assert train(tmp_path, *options, data=tmp_path / "data.npz") == 0
    else:
        with parallel_config("dask"):
            assert train(tmp_path, data=tmp_path / "data.npz") == 0
    assert X.nbytes < sent[0] < 1.2 * X.nbytes
    assert len(rows(tmp_path)) == len(SEEDS)


def test_processes_share_the_data():
    split = _data.Split("normal", "numpy", 1.0, (X, Y), (X, Y), (X, Y))
    parallel, data = _processes().parallel(split)
    kinds = parallel(delayed(lambda split: type(split.train[0]))(data) for _ in range(2))
    assert list(kinds) == [np.memmap] * 2


def _processes():
    with Backend(jobs=2).connected() as workers:
        return workers


@pytest.mark.parametrize("estimator", [MLP, MLPRegressor])
def test_grid_search(client, sent, estimator):
    search = GridSearchCV(
        estimator(max_iter=3, random_state=0),
        {"alpha": [1e-4, 1.0], "hidden_layer_sizes": [(4,), (8,)]},
        cv=3,
    )
    here = clone(search).fit(X, Y)
    with parallel_config("dask"):
        search.fit(X, Y)
    assert sent[0] < 1.2 * X.nbytes
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], here.cv_results_["mean_test_score"]
    )
    assert search.best_params_ == here.best_params_


def test_threads_of_a_dask_task(client):
    """One for each of the tasks that a worker runs at a time; elsewhere nothing changes."""
    here = available_threads()
    assert client.submit(available_threads, pure=False).result(60) == 1
    with parallel_config("dask"):
        assert Parallel()(delayed(available_threads)() for _ in range(4)) == [1] * 4
    assert available_threads() == here


@pytest.mark.parametrize("n_threads", [1, 2])
def test_threads_of_a_process(n_threads):
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=n_threads):
        found = Parallel()(delayed(available_threads)() for _ in range(2))
    assert found == [min(n_threads, available_threads())] * 2


def test_killed_worker(cluster, client, tmp_path, capsys):
    """Trainings of a worker that is killed are done by the others; each has one row."""
    victim = cluster.add_worker()
    client.wait_for_workers(3, timeout=60)

    def kill():
        while not rows(tmp_path):
            time.sleep(0.01)
        victim.kill()

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    options = ["--backend", "dask", "--scheduler", cluster.address]
    assert train(tmp_path, *options, hidden=50, epochs=40) == 0
    killer.join(10)
    assert victim.wait(10) != 0
    assert sorted(row["settings"]["random_state"] for row in rows(tmp_path)) == SEEDS


def test_grid_search_with_killed_worker(cluster, client, tmp_path):
    cluster.add_worker()
    client.wait_for_workers(3, timeout=60)
    # Otherwise Dask takes back copies of X every two seconds, and the worker may have the last one.
    client.amm.stop()

    def score(model, X, y):
        """Of the first model that is scored the worker dies."""
        try:
            (tmp_path / "died").touch(exist_ok=False)
        except FileExistsError:
            return model.score(X, y)
        os._exit(1)

    search = GridSearchCV(MLP((4,), max_iter=3, random_state=0), {"alpha": [1e-4, 1.0]}, cv=3)
    with parallel_config("dask", scatter=[X, Y]):
        there = clone(search).set_params(scoring=score).fit(X, Y)
    assert (tmp_path / "died").exists()
    for found, expected in zip(
        *(s.cv_results_["mean_test_score"] for s in (there, search.fit(X, Y))), strict=True
    ):
        assert found == expected


def outcomes(workers, task, monkeypatch, tmp_path):
    """What comes of four trainings that are tasks of a test's own."""
    monkeypatch.setattr(_runner, "_train_one", task)
    return sorted(_runner._outcomes(range(4), "data", tmp_path / "none", workers))


def dies_at_first(path):
    def task(place, training, counter, data):
        if place == 1 and not path.exists():
            path.touch()
            os._exit(1)
        return place, data

    return task


def test_killed_process(monkeypatch, tmp_path):
    task = dies_at_first(tmp_path / "died")
    found = outcomes(_processes(), task, monkeypatch, tmp_path)
    assert found == [(place, "data") for place in range(4)]


def test_killed_dask_worker(cluster, client, monkeypatch, tmp_path):
    cluster.add_worker()
    client.wait_for_workers(3, timeout=60)
    task = dies_at_first(tmp_path / "died")
    with Backend("dask", scheduler=cluster.address).connected() as workers:
        found = outcomes(workers, task, monkeypatch, tmp_path)
    assert found == [(place, "data") for place in range(4)]


def test_training_that_kills(monkeypatch, tmp_path):
    """It fails in the end, and no other."""

    def task(place, training, counter, data):
        if place == 1:
            os._exit(1)
        time.sleep(0.1)
        return place, data

    found = outcomes(_processes(), task, monkeypatch, tmp_path)
    assert [outcome for place, outcome in found if place != 1] == ["data"] * 3
    assert found[1][1].startswith("its worker died, 3 times: ")


class Unknown:
    """What a worker cannot unpickle."""

    def __reduce__(self):
        return int, ("not a number",)


def test_task_that_dask_gives_up(cluster, monkeypatch, tmp_path):
    def task(place, training, counter, data):
        return place, data

    monkeypatch.setattr(
        _runner, "EpochCounter", lambda counts, place, pid: place == 1 and Unknown()
    )
    with Backend("dask", scheduler=cluster.address).connected() as workers:
        found = outcomes(workers, task, monkeypatch, tmp_path)
    assert [outcome for place, outcome in found if place != 1] == ["data"] * 3
    assert found[1][1].startswith("Error during deserialization")


def test_no_scheduler(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("mlpcore.experiments._on_dask.ANSWER", 0.2)
    assert train(tmp_path, "--backend", "dask", "--scheduler", "127.0.0.1:9") == 2
    assert "error: scheduler '127.0.0.1:9': no answer in 0.2 seconds" in capsys.readouterr().err


def test_no_worker(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("mlpcore.experiments._on_dask.APPEAR", 0.2)
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty:
        address = empty.scheduler_address
        assert train(tmp_path, "--backend", "dask", "--scheduler", address) == 2
    assert f"error: scheduler '{address}': no worker in 0.2 seconds" in capsys.readouterr().err


@pytest.mark.parametrize(("backend", "module"), [("dask", "distributed"), ("ray", "ray")])
def test_missing_extra(monkeypatch, tmp_path, capsys, backend, module):
    monkeypatch.delitem(sys.modules, f"mlpcore.experiments._on_{backend}", raising=False)
    monkeypatch.delattr(mlpcore.experiments, f"_on_{backend}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    assert train(tmp_path, "--backend", backend, "--scheduler", "127.0.0.1:9") == 2
    assert f'run pip install "mlpcore[{backend}]"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "message"),
    [("127.0.0.1:9", "no answer; is it running"), ("127.0.0.1:x", "no address: "), ("auto", "no ")],
)
def test_no_ray_cluster(tmp_path, capsys, address, message):
    pytest.importorskip("ray", reason="needs the extra [ray]")
    assert train(tmp_path, "--backend", "ray", "--scheduler", address) == 2
    assert f"error: scheduler {address!r}: {message}" in capsys.readouterr().err


def test_ray(monkeypatch, tmp_path, capsys):
    ray = pytest.importorskip("ray", reason="needs the extra [ray]")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    for cpus in (1, 2):
        task = ray.remote(num_cpus=cpus)(available_threads)
        assert ray.get(task.remote()) == min(cpus, available_threads())
    with Backend("ray").connected() as workers:
        task = dies_at_first(tmp_path / "died")
        with monkeypatch.context() as patch:
            found = outcomes(workers, task, patch, tmp_path)
        assert found == [(place, "data") for place in range(4)]
        pickled = []
        with monkeypatch.context() as patch:
            patch.setattr(_data.Split, "__getstate__", lambda s: pickled.append(s) or vars(s))
            assert train(tmp_path / "there", "--backend", "ray") == 0
        assert len(pickled) == 1
    assert train(tmp_path / "here", "--jobs", "1") == 0
    assert {row["n_threads"] for row in rows(tmp_path / "there")} == {1}
    same_results(rows(tmp_path / "there"), rows(tmp_path / "here"))
