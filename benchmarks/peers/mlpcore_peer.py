"""mlpcore: fit as anybody would call it; predictions through a Predictor."""

import numpy as np
from workloads import Task, mean_loss

import mlpcore
from mlpcore._levels import has_bfloat16, may_use_tiles, simd_level

VERSION = f"mlpcore {mlpcore.__version__}"
VARIANTS = ("fit", "bf16")
KERNELS = simd_level()


class Peer:
    """An estimator that goes on where it stopped."""

    def __init__(self, task: Task, variant: str) -> None:
        workload, self.task = task.workload, task
        if variant == "bf16" and not has_bfloat16():
            raise NotImplementedError("bf16 on this processor")
        passes_zeros = workload.data == "text" or (workload.data == "mnist" and not may_use_tiles())
        if variant == "bf16" and (workload.rows or passes_zeros):
            raise NotImplementedError("predictions, and first layers that pass over zeros, in bf16")
        own = {"loss": "mse", "out_activation": "tanh"} if workload.loss == "mse" else {}
        self.model = mlpcore.MLPClassifier(
            workload.hidden, activation=workload.activation, solver=workload.solver,
            batch_size=min(workload.batch_size, task.X.shape[0]), momentum=0.0, alpha=0.0, tol=0.0,
            learning_rate_init=workload.learning_rate, n_iter_no_change=10**9,
            max_iter=workload.repeats, random_state=0,
            compute_dtype="bfloat16" if variant == "bf16" else None, **own,
        )  # fmt: skip
        classes = np.arange(task.coefs[-1].shape[1])
        first = np.arange(min(len(task.y), 100))
        self.model.partial_fit(task.X[first], task.y[first], classes=classes)
        self.model.set_params(warm_start=True)
        for own, given in zip(self.model.coefs_, task.coefs, strict=True):
            own[...] = given if own.shape == given.shape else given[:, 1:] - given[:, :1]
        for own, given in zip(self.model.intercepts_, task.intercepts, strict=True):
            own[...] = given if own.shape == given.shape else given[1:] - given[:1]

    def loss(self) -> float:
        """Return the mean loss of all rows."""
        is_mse = self.task.workload.loss == "mse"
        outputs = self.model.decision_function if is_mse else self.model.predict_proba
        return mean_loss(self.task, outputs(self.task.X))

    def outputs(self) -> np.ndarray:
        return np.empty((len(self.task.y), self.model.n_outputs_), np.float32)

    def train(self, epochs: int) -> None:
        """Train for some epochs."""
        self.model.max_iter = epochs
        self.model.fit(self.task.X, self.task.y)

    def predict(self, times: int) -> None:
        """Compute the outputs of rows that lie in NumPy, some times."""
        predictor, out = self.model.predictor(), self.outputs()
        for _ in range(times):
            predictor(self.task.X, out)
