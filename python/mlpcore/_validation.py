"""Samples kept aside: their score and loss after each epoch, and the best parameters."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

# Returns score and loss of a parameter vector on the samples kept aside.
Judge = Callable[[NDArray[Any]], tuple[float, float]]


def split(
    n_samples: int, fraction: float, stratify: NDArray[Any] | None, stream: np.random.RandomState
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows to train on and those kept aside, as scikit-learn draws them.

    Raises
    ------
    ValueError
        If less than two would be kept aside.
    """
    train, kept = train_test_split(
        np.arange(n_samples), random_state=stream, test_size=fraction, stratify=stratify
    )
    if len(kept) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of "
            "your dataset."
        )
    return train, kept


class Validation:
    """Scores and losses after each epoch, and the parameters of the best score.

    Parameters
    ----------
    judge : callable
        A score of NaN is no improvement.
    tol : float
        What an improvement is.
    stops : bool
        Whether the training ends when the score stalls; otherwise it is only recorded.
    restores_best : bool
        Whether the training returns the parameters with the best score.
    params : ndarray
        The best of a new training, as long as there is no score.
    earlier : mapping
        Attributes of an earlier training that this one goes on with, or none.
    """

    def __init__(
        self, judge: Judge, tol: float, *, stops: bool, restores_best: bool,
        params: NDArray[Any], earlier: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self._judge, self._tol, self.stops = judge, tol, stops
        self.restores_best = stops and restores_best
        self.scores: list[float] = list(earlier.get("validation_scores_") or ())
        self.losses: list[float] = []
        best = earlier.get("best_validation_score_")
        self.best_score: float = -np.inf if best is None else best
        # scikit-learn's oddity: a warm start that never improves on the best score of the
        # fits before keeps its last weights.
        self.best_params = None if earlier else params.copy()
        self.no_improvement_count: int = earlier.get("_no_improvement_count", 0)

    def judge(self, params: NDArray[Any]) -> None:
        """Score the parameters, and keep a copy if they are the best."""
        score, loss = self._judge(params)
        self.scores.append(score)
        self.losses.append(loss)
        # In this form a NaN is no improvement.
        improves = score >= self.best_score + self._tol
        self.no_improvement_count = 0 if improves else self.no_improvement_count + 1
        if score > self.best_score:
            self.best_score = score
            if self.restores_best:
                self.best_params = params.copy()

    def attributes(self) -> dict[str, Any]:
        """Return what an estimator keeps of this."""
        return {
            "validation_scores_": self.scores,
            "best_validation_score_": self.best_score,
        }
