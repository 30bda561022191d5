"""MLPRegressor: the multi-layer perceptron as a scikit-learn regressor."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if

from mlpcore._base import BaseMLP, is_stochastic
from mlpcore._losses import Loss, Objective
from mlpcore._ranks import Ranks, on_ranks
from mlpcore._regressor_parameters import RegressorParameters

_LOSSES = {
    "squared_error": (Loss.SQUARED_ERROR, "identity"),
    "poisson": (Loss.POISSON, "exp"),
    "mse": (Loss.MSE, "identity"),
    "absolute_error": (Loss.ABSOLUTE_ERROR, "identity"),
    "huber": (Loss.HUBER, "identity"),
}


class MLPRegressor(RegressorParameters, RegressorMixin, BaseMLP):
    """Multi-layer perceptron regressor.

    Parameters, their order, defaults and fitted attributes are those of scikit-learn's
    class of the same name; the parameters from `weight_init` on are this package's own.

    Parameters
    ----------
    loss : {"squared_error", "poisson", "mse", "absolute_error", "huber"}, \
            default="squared_error"
        "squared_error" is half the squared error, averaged over samples and outputs; its
        gradient is that of the sum over the outputs. "poisson" is half the Poisson
        deviance, summed over the outputs; the outputs are exponentials and y is not
        negative. "mse" is the squared error, "absolute_error" the absolute one and "huber"
        half the squared error up to `huber_delta` and linear beyond, summed over the outputs.
    hidden_layer_sizes : int or array-like of int, default=(100,)
        This and what follows is as for `MLPClassifier`.
    activation : str or sequence of str, default="relu"
    solver : {"lbfgs", "sgd", "adam", "adamw"}, default="adam"
    alpha : float, default=0.0001
    batch_size : int or "auto", default="auto"
    learning_rate : str or callable, default="constant"
    learning_rate_init : float, default=0.001
    power_t : float, default=0.5
    max_iter : int, default=200
    shuffle : bool, default=True
    random_state : int, RandomState or None, default=None
    tol : float, default=1e-4
    verbose : bool, default=False
    warm_start : bool, default=False
    momentum : float in [0, 1], default=0.9
    nesterovs_momentum : bool, default=True
    early_stopping : bool, default=False
        The score is the coefficient of determination.
    validation_fraction : float in [0, 1), default=0.1
    beta_1, beta_2 : float in [0, 1), default=0.9 and 0.999
    epsilon : float, default=1e-8
    n_iter_no_change : int or numpy.inf, default=10
    max_fun : int, default=15000
    weight_init : {"glorot_uniform", "normal"}, default="glorot_uniform"
    init_scale : float, default=0.01
    bias : {"unit", "layer"}, default="unit"
    dtype : {"float32", "float64"} or None, default=None
    compute_dtype : "bfloat16" or None, default=None
    input_scale : float, default=1.0
    skip_zeros : bool or None, default=None
    n_threads : int or None, default=None
    weight_decay : float, default=0.01
    max_grad_norm : float or None, default=None
    record_grad_norm : bool, default=False
    warmup_epochs : int, default=0
    dropout : float in [0, 1) or sequence of them, default=0.0
    scoring : None, "loss", str or callable, default=None
    restore_best : bool, default=True
    resume : bool, default=False
    checkpoint : str, path-like or None, default=None
    checkpoint_every : int or str, default="60s"
    huber_delta : float, default=1.0
        For "huber".

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_in, n_out)
    intercepts_ : list of ndarray of shape (n_out,)
    loss_ : float
    best_loss_ : float or None
    loss_curve_ : list of float
    validation_scores_ : list of float or None
    best_validation_score_ : float or None
    history_ : dict of list
    n_iter_ : int
    t_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
    n_layers_ : int
    n_outputs_ : int
    out_activation_ : str

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from mlpcore import MLPRegressor
    >>> X, y = make_regression(300, 10, random_state=0)
    >>> model = MLPRegressor(solver="lbfgs", max_iter=1000, random_state=0)
    >>> model.fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.9
    True
    """

    _y_is_numeric = True

    @on_ranks
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        comm: Any = None,
    ) -> Self:
        """Fit the network to data.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            As for `MLPClassifier.fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
            A batch's loss is the mean with these weights.
        X_val, y_val : array-like, default=None
            Samples to validate with after each epoch, instead of a part of X.
        comm : mpi4py.MPI.Intracomm, default=None
            Ranks that train one model, each with rows of its own; see docs/scale.md.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If data or parameters are not valid, or if weights become non-finite. The
            estimator stays as it was before.
        KeyboardInterrupt
            On Ctrl-C, after a warning; the estimator keeps what was learned.
        """
        return self._fit(X, y, sample_weight, comm, incremental=False, validation=(X_val, y_val))

    @available_if(is_stochastic)  # type: ignore[untyped-decorator]
    @on_ranks
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        comm: Any = None,
    ) -> Self:
        """Go on for one epoch with the given data (solvers "sgd" and "adam").

        Parameters
        ----------
        X, y, sample_weight, comm
            As for `fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As for `fit`; with ``early_stopping=True``.
        """
        return self._fit(X, y, sample_weight, comm, incremental=True)

    def _take_targets(
        self, y: NDArray[Any], classes: ArrayLike | None, ranks: Ranks, *, incremental: bool
    ) -> None:
        self._check_targets(y)

    def _check_targets(self, y: NDArray[Any]) -> None:
        if self.loss == "poisson" and y.size and y.min() < 0:
            raise ValueError(f"loss='poisson' needs y of 0 or more: its smallest is {y.min()}")

    def _encode(self, y: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        return np.require(y.reshape(len(y), int(np.prod(y.shape[1:]))), dtype, ["C", "ALIGNED"])

    def _outputs(self) -> tuple[Objective, str]:
        loss, out_activation = _LOSSES[self.loss]
        return Objective(loss, self.huber_delta), out_activation

    def _strata(self, y: NDArray[Any], n_outputs: int) -> NDArray[Any] | None:
        return None

    def _score_outputs(
        self, y: NDArray[Any], outputs: NDArray[Any], sample_weight: NDArray[Any] | None
    ) -> float:
        return r2_score(y, _column_as_vector(outputs), sample_weight=sample_weight)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the outputs of the network.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._map_forward(X, _column_as_vector)


def _column_as_vector(outputs: NDArray[Any]) -> NDArray[Any]:
    return outputs.ravel() if outputs.shape[1] == 1 else outputs
