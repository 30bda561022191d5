"""PyTorch: eager, with bfloat16 autocast, and compiled; the optimizer is fused."""

import os

import numpy as np
import torch
from workloads import Task, mean_loss

from mlpcore._levels import has_bfloat16

VERSION = f"torch {torch.__version__}"
SMALL = 10**6  # multiplications
VARIANTS = ("eager", "bf16", "compiled")


def module(task: Task) -> torch.nn.Sequential:
    """Return the network with the task's weights."""
    act = torch.nn.Tanh if task.workload.activation == "tanh" else torch.nn.ReLU
    layers: list[torch.nn.Module] = []
    for W, b in zip(task.coefs, task.intercepts, strict=True):
        linear = torch.nn.Linear(*W.shape)
        linear.weight.data, linear.bias.data = torch.tensor(W.T.copy()), torch.tensor(b)
        layers += [linear, act()]
    if task.workload.loss != "mse":
        layers.pop()
    return torch.nn.Sequential(*layers)


class SparseFirst(torch.nn.Module):
    """A CSR batch times a dense matrix, then the other layers."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.W = torch.nn.Parameter(torch.tensor(task.coefs[0]))
        self.b = torch.nn.Parameter(torch.tensor(task.intercepts[0]))
        self.rest = module(task)[1:]

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.rest(torch.sparse.mm(X, self.W) + self.b)


class Peer:
    """A module and its optimizer."""

    def __init__(self, task: Task, variant: str) -> None:
        workload, self.task = task.workload, task
        # More threads than one only hinder where a step is small.
        rows = workload.rows or workload.batch_size
        work = rows * sum(W.size for W in task.coefs)
        torch.set_num_threads(1 if work < SMALL else len(os.sched_getaffinity(0)))
        self.is_sparse = not isinstance(task.X, np.ndarray)
        if self.is_sparse and variant != "eager":
            raise NotImplementedError(f"CSR matrices with {variant}")
        if workload.rows and variant == "bf16":
            raise NotImplementedError("predictions of other precision")
        if variant == "bf16" and not has_bfloat16():
            # It would be emulated: minutes an epoch.
            raise NotImplementedError("bf16 on this processor")
        self.net = SparseFirst(task) if self.is_sparse else module(task)
        kind = torch.optim.SGD if workload.solver == "sgd" else torch.optim.Adam
        self.optimizer = kind(self.net.parameters(), lr=workload.learning_rate, fused=True)
        self.call = torch.compile(self.net) if variant == "compiled" else self.net
        self.is_bf16 = variant == "bf16"
        self.y = torch.tensor(task.y)
        self.X = None if self.is_sparse else torch.tensor(task.X)
        self.Y = torch.tensor(task.one_hot())
        self.rng = np.random.default_rng(0)

    def rows(self, index: np.ndarray) -> torch.Tensor:
        if not self.is_sparse:
            return self.X if len(index) == len(self.y) else self.X[torch.from_numpy(index)]
        X = self.task.X[index]
        parts = (torch.from_numpy(a) for a in (X.indptr, X.indices, X.data))
        return torch.sparse_csr_tensor(*parts, X.shape, check_invariants=False)

    def batch_loss(self, index: np.ndarray) -> torch.Tensor:
        at = torch.from_numpy(index)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.is_bf16):
            z = self.call(self.rows(index))
            if self.task.workload.loss == "mse":
                return ((z - self.Y[at]) ** 2).sum(dim=1).mean()
            return torch.nn.functional.cross_entropy(z, self.y[at])

    def loss(self) -> float:
        """Return the mean loss of all rows."""
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=self.is_bf16):
            z = self.net(self.rows(np.arange(len(self.y)))).float()
        outputs = z if self.task.workload.loss == "mse" else torch.softmax(z, dim=1)
        return mean_loss(self.task, outputs.numpy())

    def train(self, epochs: int) -> None:
        """Train for some epochs."""
        n, batch = len(self.y), self.task.workload.batch_size
        for _ in range(epochs):
            order = self.rng.permutation(n)
            for start in range(0, n, batch):
                self.optimizer.zero_grad(set_to_none=True)
                self.batch_loss(order[start : start + batch]).backward()
                self.optimizer.step()

    def predict(self, times: int) -> None:
        """Compute the outputs of rows that lie in NumPy, some times."""
        with torch.inference_mode():
            for _ in range(times):
                self.call(torch.from_numpy(self.task.X)).numpy()
