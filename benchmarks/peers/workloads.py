"""What is measured: data, network, solver. Every peer gets the same arrays."""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from mlpcore.datasets import fetch_mnist

SEED = 0
DRAWS_A_ROW = 80


@dataclass(frozen=True)
class Workload:
    """One training, timed by the epoch, or one prediction.

    Parameters
    ----------
    data : str
        A key of DATA.
    hidden : tuple of int
    activation : str
        "relu" or "tanh"; with "mse" also of the output layer.
    loss : str
        "log_loss" or "mse".
    solver : str
        "sgd" or "adam".
    batch_size : int
    repeats : int
        Epochs, or predictions, in one measurement.
    rows : int
        Of a prediction; 0 trains.
    """

    data: str
    hidden: tuple[int, ...]
    activation: str = "relu"
    loss: str = "log_loss"
    solver: str = "adam"
    batch_size: int = 200
    repeats: int = 1
    rows: int = 0

    @property
    def learning_rate(self) -> float:
        """Small enough for every workload to be trained on and on."""
        return 0.01 if self.solver == "sgd" else 1e-4


REPORT = {"activation": "tanh", "loss": "mse", "solver": "sgd"}
WORKLOADS = {
    "report_mb": Workload("mnist", (500,), batch_size=100, repeats=2, **REPORT),
    "report_full": Workload("mnist", (500,), batch_size=60_000, repeats=2, **REPORT),
    "mnist_adam": Workload("mnist", (100,), repeats=5),
    "tabular": Workload("tabular", (64, 64), batch_size=32, repeats=5),
    "tiny": Workload("tiny", (16,), batch_size=16, repeats=100),
    "wide": Workload("wide", (1024, 1024), batch_size=512, repeats=2),
    "sparse_text": Workload("text", (100,), repeats=2),
    "sparse_text_sgd": Workload("text", (100,), solver="sgd", repeats=5),
    "predict_1": Workload("mnist", (500,), rows=1, repeats=2000, **REPORT),
    "predict_10000": Workload("mnist", (500,), rows=10_000, repeats=20, **REPORT),
}


@dataclass(frozen=True)
class Task:
    """A workload with its arrays: X, labels, and the weights to begin with."""

    workload: Workload
    X: Any
    y: NDArray[np.int64]
    coefs: list[NDArray[np.float32]]
    intercepts: list[NDArray[np.float32]]

    def one_hot(self) -> NDArray[np.float32]:
        """Return the labels as the outputs should be."""
        return np.eye(self.coefs[-1].shape[1], dtype=np.float32)[self.y]


def mnist() -> tuple[Any, NDArray[np.int64], int]:
    """Return the 60,000 training images in [0, 1], float32."""
    data = fetch_mnist()
    return np.float32(data.train_images) / np.float32(255), data.train_labels.astype(np.int64), 10


def dense(n_samples: int, n_features: int, classes: int) -> tuple[Any, NDArray[np.int64], int]:
    """Return normal deviates and labels that a linear map of them gives."""
    rng = np.random.default_rng(SEED)
    X = rng.normal(size=(n_samples, n_features)).astype(np.float32)
    y = (X @ rng.normal(size=(n_features, classes)).astype(np.float32)).argmax(axis=1)
    return X, y, classes


def text() -> tuple[Any, NDArray[np.int64], int]:
    """Return word counts: 20,000 x 50,000 CSR, 80 draws a row from Zipf's law."""
    rng = np.random.default_rng(SEED)
    n_samples, n_features = 20_000, 50_000
    share = 1 / np.arange(1, n_features + 1)
    words = rng.choice(n_features, n_samples * DRAWS_A_ROW, p=share / share.sum())
    start = np.arange(0, n_samples * DRAWS_A_ROW + 1, DRAWS_A_ROW)
    X = sp.csr_matrix((np.ones(len(words), np.float32), words, start), (n_samples, n_features))
    X.sum_duplicates()
    return X, rng.integers(0, 2, n_samples), 2


DATA = {
    "mnist": mnist,
    "tabular": lambda: dense(20_000, 32, 2),
    "tiny": lambda: dense(2_000, 4, 3),
    "wide": lambda: dense(16_384, 512, 10),
    "text": text,
}


@cache
def arrays(data: str) -> tuple[Any, NDArray[np.int64], int]:
    """Return X, labels and the number of classes, made once for all workloads on them."""
    return DATA[data]()


def make_task(name: str) -> Task:
    """Return a workload with its arrays, the same in every process."""
    workload = WORKLOADS[name]
    X, y, classes = arrays(workload.data)
    if workload.rows:
        X, y = X[: workload.rows], y[: workload.rows]
    rng = np.random.default_rng(SEED)
    sizes = [X.shape[1], *workload.hidden, classes]
    coefs = [
        (rng.uniform(-1, 1, shape) * np.sqrt(6 / sum(shape))).astype(np.float32)
        for shape in pairwise(sizes)
    ]
    return Task(workload, X, y, coefs, [np.zeros(n, np.float32) for n in sizes[1:]])


def mean_loss(task: Task, outputs: NDArray[Any]) -> float:
    """Return the mean loss of activations of the output layer."""
    outputs = outputs.astype(float)
    if task.workload.loss == "mse":
        return float(((outputs - task.one_hot()) ** 2).sum(axis=1).mean())
    return float(-np.log(outputs[np.arange(len(task.y)), task.y]).mean())
