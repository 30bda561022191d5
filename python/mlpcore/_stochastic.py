"""The solvers "sgd" and "adam": epochs of mini-batches, and what is decided between them."""

import copy
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from mlpcore._optimizers import Optimizer, Solver
from mlpcore._parameters import batch_rows
from mlpcore._problem import Problem
from mlpcore._reports import EpochReports
from mlpcore._run import Outcome, Run
from mlpcore._schedules import new_schedule
from mlpcore._training import train
from mlpcore._validation import Validation

NON_FINITE_MESSAGE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)


def n_epochs(estimator: Any, incremental: bool) -> int:
    """Return the largest number of epochs of a fit; "lbfgs" has none."""
    if estimator.solver == "lbfgs":
        return 0
    return 1 if incremental else estimator.max_iter


def new_optimizer(estimator: Any) -> Optimizer:
    """Return an optimizer with an estimator's parameters."""
    return Optimizer(
        Solver[estimator.solver.upper()],
        estimator.learning_rate_init,
        momentum=estimator.momentum,
        nesterov=estimator.nesterovs_momentum,
        beta_1=estimator.beta_1,
        beta_2=estimator.beta_2,
        epsilon=estimator.epsilon,
    )


class StochasticTraining:
    """One training: all epochs of a fit, or the one of a partial fit.

    Parameters
    ----------
    estimator : estimator
        Its parameters are read; it is not changed.
    problem : Problem
    params : ndarray
        Where to begin; trained in place.
    stream : RandomState
        Of the permutations; nobody else may draw from it meanwhile.
    order : ndarray of intp
        The rows to train on.
    validation : Validation or None
        For early stopping.
    earlier : mapping
        Attributes of the training that this one goes on with; empty for a new one.
    incremental : bool
        One epoch only, with the optimizer of the earlier training.
    """

    forgets = ()

    def __init__(
        self, estimator: Any, problem: Problem, params: NDArray[Any],
        stream: np.random.RandomState, order: NDArray[np.intp], *,
        validation: Validation | None, earlier: Mapping[str, Any], incremental: bool,
    ) -> None:  # fmt: skip
        self._estimator, self._problem, self.params = estimator, problem, params
        self._stream, self._order, self._validation = stream, order, validation
        self._incremental = incremental
        self._n_epochs = n_epochs(estimator, incremental)
        optimizer = earlier.get("_optimizer") if incremental else None
        self._optimizer = copy.deepcopy(optimizer) or new_optimizer(estimator)
        self._schedule = new_schedule(estimator)
        self._losses_before: list[float] = earlier.get("loss_curve_", [])
        self._t_before: int = earlier.get("t_", 0)
        best_loss = earlier.get("best_loss_")
        self._decides = validation is not None or self._schedule.acts_every_epoch
        self.run = Run(
            estimator.tol,
            np.inf if self._decides else estimator.n_iter_no_change,
            best_loss=np.inf if best_loss is None else best_loss,
            no_improvement_count=earlier.get("_no_improvement_count", 0),
        )

    def train(self, reports: EpochReports) -> KeyboardInterrupt | None:
        """Run the epochs; returns what ended them early.

        Raises
        ------
        ValueError
            If weights became non-finite.
        """
        estimator, p = self._estimator, self._problem
        batch_size = batch_rows(estimator.batch_size, len(self._order))
        reports.losses = lambda: self.run.loss_curve
        reports.begin()
        interruption = None
        try:
            train(
                p.network, p.loss, self._optimizer, p.rows, p.Y, self.params, self.run,
                alpha=p.alpha, batch_size=batch_size, max_iter=self._n_epochs,
                sample_weight=p.sample_weight, order=self._order,
                bit_generator=self._stream._bit_generator if estimator.shuffle else None,
                report=lambda: self._end_epoch(reports),
                every_epoch=reports.every_epoch or self._decides,
                ends_when_non_finite=self._validation is None,
                sparse=p.sparse, n_threads=p.n_threads,
            )  # fmt: skip
        except KeyboardInterrupt as caught:
            interruption = caught
        reports.end()
        if self._validation is not None:
            self._restore_best(self._validation)
        elif self.run.outcome == Outcome.NON_FINITE:
            raise ValueError(divergence_message(self.run.n_iter, estimator.learning_rate_init))
        return interruption

    def _restore_best(self, validation: Validation) -> None:
        if validation.best_params is not None:
            self.params[...] = validation.best_params

    def _end_epoch(self, reports: EpochReports) -> bool:
        """Report, and decide; true if the training is to end."""
        reports.print_new_epochs()
        ends = self._decides and self._decide()
        return reports.end_epoch(ends or self.run.outcome != Outcome.RUNNING) or ends

    def _decide(self) -> bool:
        validation, schedule = self._validation, self._schedule
        if validation is not None:
            validation.judge(self.params)
            if self._estimator.verbose:
                print(f"Validation score: {validation.scores[-1]:f}", flush=True)
        schedule.end_epoch(self._optimizer, self._t)
        judge = self.run if validation is None else validation
        if judge.no_improvement_count <= self._estimator.n_iter_no_change:
            return False
        ends, action = schedule.on_stall(self._optimizer)
        if self._estimator.verbose:
            print(f"{self._stalled()} {action}", flush=True)
        if not ends:
            judge.no_improvement_count = 0
        return ends

    def _stalled(self) -> str:
        estimator = self._estimator
        what = "Training loss" if self._validation is None else "Validation score"
        return (
            f"{what} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change:.0f} consecutive epochs."
        )

    @property
    def _t(self) -> int:
        return self._t_before + self.run.n_iter * len(self._order)

    def attributes(self) -> dict[str, Any]:
        """Return what the estimator keeps of the training, as of now."""
        run = self.run
        loss_curve = self._losses_before + run.loss_curve
        kept = {
            "_params": self.params,
            "_optimizer": self._optimizer,
            "loss_curve_": loss_curve,
            "loss_": loss_curve[-1] if loss_curve else np.inf,
            "n_iter_": run.n_iter,
            "t_": self._t,
        }
        if self._validation is not None:
            return kept | self._validation.attributes()
        return kept | {
            "best_loss_": run.best_loss,
            "validation_scores_": None,
            "best_validation_score_": None,
            "_no_improvement_count": run.no_improvement_count,
        }

    def warn(self) -> None:
        """Say if the training ended for no other reason than max_iter."""
        if self.run.outcome == Outcome.CONVERGED and self._estimator.verbose:
            print(f"{self._stalled()} Stopping.")
        if self.run.outcome == Outcome.MAX_ITER and not self._incremental:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self._estimator.max_iter}) reached "
                "and the optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=5,
            )


def divergence_message(epoch: int, learning_rate_init: float) -> str:
    """Return scikit-learn's message, the epoch and advice."""
    return (
        f"{NON_FINITE_MESSAGE} It happened in epoch {epoch}: try a smaller learning_rate_init "
        f"than {learning_rate_init:g}, or scale X (StandardScaler, or input_scale)."
    )
