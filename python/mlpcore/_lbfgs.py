"""The solver "lbfgs": scipy's L-BFGS-B on the loss of all samples."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize
from sklearn.utils.optimize import _check_optimize_result

from mlpcore._call import Call
from mlpcore._draws import sum_of_all
from mlpcore._problem import Problem
from mlpcore._reports import EpochReports
from mlpcore._training import loss_and_gradient


class LbfgsTraining:
    """One minimization.

    Parameters
    ----------
    estimator : estimator
        Its parameters are `max_iter`, `max_fun`, `tol` and `verbose`.
    call : Call
        The fit.
    problem : Problem
    params : ndarray
        Where to begin; replaced by what was reached.
    """

    # What the estimator must not keep of a training by another solver.
    forgets = ("loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_",
               "_no_improvement_count", "_optimizer", "_stopped", "history_")  # fmt: skip

    def __init__(self, estimator: Any, call: Call, problem: Problem, params: NDArray[Any]) -> None:
        self._estimator, self._problem, self.params = estimator, problem, params
        self._ranks = call.ranks
        self._reduction = sum_of_all(call, params)
        self._result: OptimizeResult | None = None
        self._n_iter, self._loss = 0, np.inf

    def train(self, reports: EpochReports) -> KeyboardInterrupt | None:
        """Minimize; returns what ended it early."""
        reports.begin()
        interruption = None
        try:
            with self._ranks.stepping(self._reduction):
                self._result = minimize(
                    self._loss_and_gradient,
                    self.params.astype(np.float64),
                    method="L-BFGS-B",
                    jac=True,
                    callback=self._end_iteration,
                    options={
                        "maxfun": self._estimator.max_fun,
                        "maxiter": self._estimator.max_iter,
                        "gtol": self._estimator.tol,
                    },
                )
            self._loss = self._result.fun
            self.params[...] = self._result.x
        except KeyboardInterrupt as caught:
            interruption = caught
        reports.end()
        return interruption

    def _loss_and_gradient(self, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        p, how = self._problem, self._problem.computation
        loss, gradient = loss_and_gradient(
            p.network, p.objective, p.rows, p.Y, x.astype(self.params.dtype, copy=False), p.alpha,
            sample_weight=p.sample_weight, sparse=how.sparse, n_threads=how.n_threads,
            reduction=self._reduction,
        )  # fmt: skip
        return loss, gradient.astype(np.float64, copy=False)

    def _end_iteration(self, intermediate_result: OptimizeResult) -> None:
        if self._reduction is not None:
            self._reduction.is_due = False
        self._n_iter += 1
        self._loss = intermediate_result.fun
        self.params[...] = intermediate_result.x
        if self._estimator.verbose:
            print(f"Iteration {self._n_iter}, loss = {self._loss:.8f}", flush=True)
        self._ranks.one_ends(False)

    def attributes(self) -> dict[str, Any]:
        """Return what the estimator keeps of the training."""
        n_iter = min(self._n_iter, self._estimator.max_iter)
        return {"_params": self.params, "loss_": self._loss, "n_iter_": n_iter, "t_": 0}

    def warn(self) -> None:
        """Say if the minimum was not reached."""
        if self._result is not None:
            _check_optimize_result("lbfgs", self._result, self._estimator.max_iter)
