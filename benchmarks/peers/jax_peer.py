"""JAX: an epoch is one compiled scan over shuffled mini-batches."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from workloads import Task, mean_loss

VERSION = f"jax {jax.__version__}"
VARIANTS = ("scan",)


class Peer:
    """Parameters and optimizer state stay in JAX from epoch to epoch."""

    def __init__(self, task: Task, variant: str) -> None:
        if not isinstance(task.X, np.ndarray):
            raise NotImplementedError("sparse matrices, which are experimental")
        self.task = task
        self.X, self.Y = jnp.asarray(task.X), jnp.asarray(task.one_hot())
        layers = zip(task.coefs, task.intercepts, strict=True)
        self.params = [(jnp.asarray(W), jnp.asarray(b)) for W, b in layers]
        zeros = [jax.tree.map(jnp.zeros_like, self.params) for _ in range(2)]
        self.state = (*zeros, jnp.float32(0))
        self.rng = np.random.default_rng(0)
        self.run_epoch = jax.jit(self.epoch, donate_argnums=(0, 1))
        self.run_forward = jax.jit(self.forward)

    def logits(self, params: Any, X: Any) -> Any:
        act = jnp.tanh if self.task.workload.activation == "tanh" else jax.nn.relu
        for W, b in params[:-1]:
            X = act(X @ W + b)
        return X @ params[-1][0] + params[-1][1]

    def forward(self, params: Any, X: Any) -> Any:
        z = self.logits(params, X)
        return jnp.tanh(z) if self.task.workload.loss == "mse" else jax.nn.softmax(z)

    def batch_loss(self, params: Any, X: Any, Y: Any) -> Any:
        z = self.logits(params, X)
        if self.task.workload.loss == "mse":
            return jnp.mean(jnp.sum((jnp.tanh(z) - Y) ** 2, axis=1))
        return -jnp.mean(jnp.sum(jax.nn.log_softmax(z) * Y, axis=1))

    def step(self, params: Any, state: Any, grads: Any) -> Any:
        rate, (m, v, t) = self.task.workload.learning_rate, state
        if self.task.workload.solver == "sgd":
            return jax.tree.map(lambda p, g: p - rate * g, params, grads), state
        t += 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
        rate = rate * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), params, m, v)
        return params, (m, v, t)

    def epoch(self, params: Any, state: Any, order: Any) -> Any:
        n = self.X.shape[0]
        batch = min(self.task.workload.batch_size, n)

        def one(carry: Any, index: Any) -> Any:
            X, Y = (self.X, self.Y) if batch == n else (self.X[index], self.Y[index])
            loss, grads = jax.value_and_grad(self.batch_loss)(carry[0], X, Y)
            return self.step(*carry, grads), loss

        index = order[: n // batch * batch].reshape(n // batch, batch)
        (params, state), losses = jax.lax.scan(one, (params, state), index)
        return params, state, losses

    def loss(self) -> float:
        """Return the mean loss of all rows."""
        return mean_loss(self.task, np.asarray(self.run_forward(self.params, self.X)))

    def train(self, epochs: int) -> None:
        """Train for some epochs."""
        for _ in range(epochs):
            order = jnp.asarray(self.rng.permutation(self.X.shape[0]))
            self.params, self.state, losses = self.run_epoch(self.params, self.state, order)
        losses.block_until_ready()

    def predict(self, times: int) -> None:
        """Compute the outputs of rows that lie in NumPy, some times."""
        for _ in range(times):
            np.asarray(self.run_forward(self.params, self.task.X))
