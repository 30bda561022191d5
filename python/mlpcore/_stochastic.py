"""The solvers with epochs of mini-batches, and what is decided between two epochs."""

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from mlpcore import _history
from mlpcore._call import Call, Stopped
from mlpcore._checkpoint import Checkpoint
from mlpcore._draws import Draws
from mlpcore._dropout import Dropout
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
    limit = estimator.max_grad_norm
    return Optimizer(
        Solver[estimator.solver.upper()],
        estimator.learning_rate_init,
        momentum=estimator.momentum,
        nesterov=estimator.nesterovs_momentum,
        beta_1=estimator.beta_1,
        beta_2=estimator.beta_2,
        epsilon=estimator.epsilon,
        weight_decay=estimator.weight_decay,
        max_grad_norm=np.inf if limit is None else limit,
        measures_norm=estimator.record_grad_norm,
    )


class StochasticTraining:
    """One training: all epochs of a fit, or the one of a partial fit.

    Parameters
    ----------
    estimator : estimator
        Its parameters are read; it is not changed.
    call : Call
        The fit.
    problem : Problem
    params : ndarray
        Where to begin; trained in place.
    draws : Draws
    validation : Validation or None
    checkpoint : Checkpoint or None
    """

    forgets = ()

    def __init__(
        self, estimator: Any, call: Call, problem: Problem, params: NDArray[Any], draws: Draws, *,
        validation: Validation | None, checkpoint: Checkpoint | None,
    ) -> None:  # fmt: skip
        self._checkpoint = checkpoint
        self._estimator, self._call, self._problem = estimator, call, problem
        # The last parameters, and those to be returned: the best, in the end.
        self.last_params = self.params = params
        self.draws, self.validation = draws, validation
        earlier, stopped = call.earlier, call.stopped
        resumes = stopped is not None or (estimator.resume and not call.incremental)
        optimizer = earlier.get("_optimizer") if call.incremental or resumes else None
        self._optimizer = copy.deepcopy(optimizer) or new_optimizer(estimator)
        self._schedule = new_schedule(estimator)
        # What is planned epoch by epoch counts those of the trainings that this one continues.
        self._epochs_before: int = len(earlier.get("loss_curve_", ())) if optimizer else 0
        if stopped is not None:
            self._epochs_before = stopped.epoch
            self._optimizer.learning_rate = stopped.learning_rate
        self._n_iter_before: int = earlier.get("n_iter_", 0) if resumes else 0
        self._stops_by_score = validation is not None and validation.stops
        self._decides = validation is not None or self._schedule.acts_every_epoch
        best_loss = earlier.get("best_loss_")
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
        estimator, p, draws = self._estimator, self._problem, self.draws
        ranks = self._call.ranks
        how = p.computation
        batch_size = batch_rows(estimator.batch_size, draws.n_rows)
        dropout = None
        if any(rate > 0 for rate in draws.dropout_rates):
            dropout = Dropout(draws.dropout_rates, draws.dropout)
        begins = not self._call.incremental or self._epochs_before == 0
        if begins or self._schedule.acts_every_epoch:
            self._schedule.begin(self._optimizer, self._epochs_before)
        reports.losses = lambda: self.run.loss_curve
        reports.begin()
        interruption = None
        draws.begin_epoch(self._epochs_before)
        reduction = draws.reduction(self.params, batch_size)
        try:
            with ranks.stepping(reduction), self._order() as order:
                train(
                    p.network, p.objective, self._optimizer, p.rows, p.Y, self.params, self.run,
                    alpha=p.alpha, batch_size=batch_size,
                    max_iter=self._call.n_epochs, sample_weight=p.sample_weight, dropout=dropout,
                    report=lambda: self._end_epoch(reports),
                    every_epoch=(reports.every_epoch or self._decides or self._keeps_every_epoch
                                 or ranks.are_given),
                    ends_when_non_finite=not self._stops_by_score,
                    sparse=how.sparse, bfloat16=how.bfloat16, n_threads=how.n_threads,
                    reduction=reduction, **order,
                )  # fmt: skip
        except KeyboardInterrupt as caught:
            interruption = caught
        reports.end()
        if self._checkpoint is not None and interruption is None:
            self._checkpoint.remove()
        if self.validation is not None and self.validation.restores_best:
            self._restore_best(self.validation)
        elif self.run.outcome == Outcome.NON_FINITE:
            raise ValueError(divergence_message(self.run.n_iter, estimator.learning_rate_init))
        return interruption

    @contextmanager
    def _order(self) -> Iterator[dict[str, Any]]:
        """Return which rows the core trains on, as its parameters."""
        draws, feed, shuffles = self.draws, self._problem.feed, self._estimator.shuffle
        if feed is None:
            bits = draws.shuffler if shuffles else None
            yield {"order": draws.order, "bit_generator": bits}
            return
        generator = draws.stream if shuffles else None
        with feed.begin(generator, draws.order, draws.kept, self._call.n_epochs):
            yield {"refill": feed.refill}

    def _restore_best(self, validation: Validation) -> None:
        if validation.best_params is not None:
            self.params = validation.best_params.copy()

    def _end_epoch(self, reports: EpochReports) -> bool:
        """Report, and decide; true if the training is to end."""
        reports.print_new_epochs()
        ends = self._decides and self._decide()
        ends = reports.end_epoch(ends or self.run.outcome != Outcome.RUNNING) or ends
        if not ends and self.run.outcome == Outcome.RUNNING:
            self._keep()
        self.draws.begin_epoch(self._epochs_before + self.run.n_iter)
        return self._call.ranks.one_ends(ends)

    @property
    def _keeps_every_epoch(self) -> bool:
        return self._checkpoint is not None and self._checkpoint.every_epoch

    def _keep(self) -> None:
        """Write a checkpoint if it is time; none of weights that no file may hold."""
        n_iter, checkpoint = self.run.n_iter, self._checkpoint
        if checkpoint is None or not checkpoint.is_due(n_iter):
            return
        if np.isfinite(self.params).all():
            of_network = {"_network": self._problem.network, "_stopped": self._stopped(),
                          "_input_scale": self._estimator.input_scale}  # fmt: skip
            checkpoint.write(n_iter, self.attributes() | of_network)

    def _decide(self) -> bool:
        validation, schedule = self.validation, self._schedule
        if validation is not None:
            validation.judge(self.params)
            if self._estimator.verbose:
                print(f"Validation score: {validation.scores[-1]:f}", flush=True)
        judge = validation if validation is not None and validation.stops else self.run
        epoch = self._epochs_before + self.run.n_iter
        schedule.end_epoch(self._optimizer, epoch, self._t, judge.no_improvement_count)
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
        what = "Validation score" if self._stops_by_score else "Training loss"
        return (
            f"{what} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change:.0f} consecutive epochs."
        )

    @property
    def _t(self) -> int:
        return self._call.earlier.get("t_", 0) + self.run.n_iter * self.draws.n_rows

    def attributes(self) -> dict[str, Any]:
        """Return what the estimator keeps of the training, as of now."""
        run, validation, earlier = self.run, self.validation, self._call.earlier
        loss_curve = earlier.get("loss_curve_", []) + run.loss_curve
        kept = {
            "_params": self.params,
            "_optimizer": self._optimizer,
            "loss_curve_": loss_curve,
            "loss_": loss_curve[-1] if loss_curve else np.inf,
            "n_iter_": self._n_iter_before + run.n_iter,
            "t_": self._t,
            "best_loss_": run.best_loss,
            "validation_scores_": None,
            "best_validation_score_": None,
            "_no_improvement_count": run.no_improvement_count,
            "history_": _history.extended(
                earlier.get("history_", {}), run, validation,
                norms=self._optimizer.measures_norm,
            ),
        }  # fmt: skip
        if validation is not None:
            kept |= validation.attributes()
        if self._estimator.resume:
            kept["_stopped"] = self._stopped()
        if validation is not None and validation.stops:
            kept["best_loss_"] = None
            kept["_no_improvement_count"] = validation.no_improvement_count
        return kept

    def _stopped(self) -> Stopped:
        """Return where the training stands, for another to go on bit by bit."""
        best = None if self.validation is None else self.validation.best_params
        return Stopped(
            self.last_params, best, epoch=self._epochs_before + self.run.n_iter,
            learning_rate=self._schedule.rate(self._optimizer),
            of_blocks=self._problem.feed is not None, **self.draws.to_go_on(),
        )  # fmt: skip

    def warn(self) -> None:
        """Say if the training ended for no other reason than max_iter."""
        if self.run.outcome == Outcome.CONVERGED and self._estimator.verbose:
            print(f"{self._stalled()} Stopping.")
        if self.run.outcome == Outcome.MAX_ITER and not self._call.incremental:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self._estimator.max_iter}) reached "
                "and the optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=6,
            )


def divergence_message(epoch: int, learning_rate_init: float) -> str:
    """Return scikit-learn's message, the epoch and advice."""
    return (
        f"{NON_FINITE_MESSAGE} It happened in epoch {epoch}: try a smaller learning_rate_init "
        f"than {learning_rate_init:g}, or scale X (StandardScaler, or input_scale)."
    )
