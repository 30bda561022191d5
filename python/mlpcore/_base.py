"""What every estimator shares: the way from data to a trained network, and back to outputs."""

import copy
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackContext, CallbackSupportMixin
from sklearn.utils import Tags, check_random_state, column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from mlpcore._activations import Activation
from mlpcore._initialization import initialize
from mlpcore._lbfgs import LbfgsTraining
from mlpcore._losses import Loss
from mlpcore._network import Network
from mlpcore._parameters import hidden_sizes
from mlpcore._problem import Problem
from mlpcore._reports import EpochReports
from mlpcore._rows import Rows
from mlpcore._stochastic import NON_FINITE_MESSAGE, StochasticTraining, n_epochs
from mlpcore._threads import available_threads, blas_threads
from mlpcore._training import predict, prefers_sparse
from mlpcore._validation import Score, Validation, split

# What X may be in memory; everything else is converted to the first of them.
DENSE_DTYPES = (np.float64, np.float32, np.uint8)
SPARSE_DTYPES = (np.float64, np.float32)

Training = StochasticTraining | LbfgsTraining


@dataclass(frozen=True)
class Call:
    """One call of fit or partial_fit, validated.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    y : ndarray
        As given.
    sample_weight : ndarray of shape (n_samples,) or None
    hidden_sizes : list of int
    earlier : dict
        Attributes of the training that this one goes on with; empty for a new one.
    incremental : bool
        Whether it is partial_fit.
    context : CallbackContext
    """

    X: NDArray[Any]
    y: NDArray[Any]
    sample_weight: NDArray[Any] | None
    hidden_sizes: list[int]
    earlier: dict[str, Any]
    incremental: bool
    context: CallbackContext


@contextmanager
def unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Restore the attributes of the estimator if the body raises."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def is_stochastic(estimator: Any) -> bool:
    """Check, for available_if, that a solver has epochs.

    Raises
    ------
    AttributeError
        If it has not.
    """
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    return True


class BaseMLP(CallbackSupportMixin, BaseEstimator, ABC):
    """Training and forward pass of an estimator whose parameters are set by its class."""

    _y_is_numeric: ClassVar[bool]
    _network: Network
    _params: NDArray[Any]

    @property
    def coefs_(self) -> list[NDArray[Any]]:
        """Weights of each layer, (n_in, n_out): views into one vector."""
        self._require_network("coefs_")
        return self._network.coefs(self._params)

    @coefs_.setter
    def coefs_(self, values: Sequence[ArrayLike]) -> None:
        self._require_network("coefs_")
        _copy_into("coefs_", self._network.coefs(self._params), values)

    @property
    def intercepts_(self) -> list[NDArray[Any]]:
        """Biases of each layer, (n_out,): views into one vector."""
        self._require_network("intercepts_")
        return self._network.intercepts(self._params)

    @intercepts_.setter
    def intercepts_(self, values: Sequence[ArrayLike]) -> None:
        self._require_network("intercepts_")
        _copy_into("intercepts_", self._network.intercepts(self._params), values)

    def _require_network(self, name: str) -> None:
        if "_network" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no {name!r} before fit")

    @abstractmethod
    def _take_targets(
        self, y: NDArray[Any], classes: ArrayLike | None, *, incremental: bool
    ) -> None:
        """Learn from y what outputs there are, or check that they are those known."""

    @abstractmethod
    def _encode(self, y: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return y as the network sees it, (n_samples, n_outputs), in C order."""

    @abstractmethod
    def _outputs(self) -> tuple[Loss, str]:
        """Return the loss and the activation of the output layer."""

    @abstractmethod
    def _strata(self, Y: NDArray[Any]) -> NDArray[Any] | None:
        """Return by what the samples kept aside are stratified."""

    @abstractmethod
    def _score_outputs(
        self, y: NDArray[Any], outputs: NDArray[Any], sample_weight: NDArray[Any] | None
    ) -> float:
        """Return the score of a network's outputs."""

    def _fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, *, incremental: bool,
        classes: ArrayLike | None = None,
    ) -> Self:  # fmt: skip
        """Train on data; the estimator changes only if that succeeds."""
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        context = self._init_callback_context(
            "partial_fit" if incremental else "fit", max_subtasks=n_epochs(self, incremental)
        )
        with unchanged_on_error(self):
            sizes = hidden_sizes(self.hidden_layer_sizes)
            continues = "_network" in vars(self) and (incremental or self.warm_start)
            samples, targets = self._validated(X, y, reset=not continues)
            self._take_targets(targets, classes, incremental=incremental)
            weights = None
            if sample_weight is not None:
                dtype = np.float32 if samples.dtype == np.float32 else np.float64
                weights = _check_sample_weight(sample_weight, samples, dtype=dtype)
            earlier = dict(vars(self)) if continues else {}
            call = Call(samples, targets, weights, sizes, earlier, incremental, context)
            training, interruption = self._train(call)
        if interruption is not None:
            warnings.warn("Training interrupted by user.", stacklevel=4)
            raise interruption
        training.warn()
        return self

    def _validated(
        self, X: ArrayLike, y: ArrayLike, *, reset: bool
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return X and y as scikit-learn would have them."""
        samples, targets = validate_data(
            self, X, y, accept_sparse="csr", multi_output=True, order="C", reset=reset,
            y_numeric=self._y_is_numeric, dtype=SPARSE_DTYPES if issparse(X) else DENSE_DTYPES,
        )  # fmt: skip
        if targets.ndim == 2 and targets.shape[1] == 1:
            targets = column_or_1d(targets, warn=True)
        return samples, targets

    def _train(self, call: Call) -> tuple[Training, KeyboardInterrupt | None]:
        """Train, and take over what was learned."""
        random_state = check_random_state(self.random_state)
        # A stream of its own: the loop draws without the GIL, and nobody may draw with it.
        stream = copy.deepcopy(random_state)
        problem, out_activation = self._problem(call)
        training = self._new_training(call, problem, self._start(call, problem, stream), stream)

        def attributes() -> dict[str, Any]:
            return training.attributes() | {
                "_network": problem.network,
                "_input_scale": self.input_scale,
                "out_activation_": out_activation,
                "n_layers_": problem.network.n_layers + 1,
                "n_outputs_": problem.network.n_outputs,
            }

        def attributes_now() -> dict[str, Any]:
            return attributes() | {"_params": training.params.copy()}

        reports = EpochReports(
            self, n_epochs(self, call.incremental), call.context, {"X": call.X, "y": call.y},
            attributes_now,
        )  # fmt: skip
        with blas_threads.limited_to(problem.blas_threads):
            interruption = training.train(reports)
        if not np.isfinite(training.params).all():
            raise ValueError(NON_FINITE_MESSAGE)
        random_state.set_state(stream.get_state(legacy=False))
        for name in training.forgets:
            self.__dict__.pop(name, None)
        self.__dict__.update(attributes())
        return training, interruption

    def _problem(self, call: Call) -> tuple[Problem, str]:
        """Return what is to be minimized, and the name of the output activation."""
        dtype = call.earlier["_params"].dtype if call.earlier else self._compute_dtype(call.X)
        Y = self._encode(call.y, dtype)
        loss, out_activation = self._outputs()
        network = Network(
            [call.X.shape[1], *call.hidden_sizes, Y.shape[1]],
            Activation[self.activation.upper()],
            Activation[out_activation.upper()],
            self.bias == "layer",
        )
        weights = call.sample_weight
        rows = Rows(call.X, self.input_scale)
        problem = Problem(
            network, loss, rows, Y,
            None if weights is None else weights.astype(dtype, copy=False),
            self.alpha, prefers_sparse(network, rows), self.n_threads or available_threads(),
        )  # fmt: skip
        return problem, out_activation

    def _start(self, call: Call, problem: Problem, stream: np.random.RandomState) -> NDArray[Any]:
        """Return the parameters to begin with."""
        if call.earlier:
            return params_of_before(problem.network, call.earlier)
        is_single = call.X.dtype == np.float32 or problem.Y.dtype == np.float32
        drawn = initialize(
            problem.network,
            stream,
            weight_init=self.weight_init,
            init_scale=self.init_scale,
            activation=self.activation,
            dtype=np.dtype(np.float32 if is_single else np.float64),
        )
        # scikit-learn rounds them to float32 for such X, even where the solver is in double.
        return drawn.astype(problem.Y.dtype, copy=False)

    def _new_training(
        self, call: Call, problem: Problem, params: NDArray[Any], stream: np.random.RandomState
    ) -> Training:
        if self.solver == "lbfgs":
            return LbfgsTraining(self, problem, params)
        order, validation = np.arange(call.X.shape[0]), None
        if self.early_stopping:
            strata = self._strata(problem.Y)
            order, kept = split(len(order), self.validation_fraction, strata, stream)
            score = self._validation_score(call, problem, kept)
            validation = Validation(score, self.tol, params, call.earlier)
        return StochasticTraining(
            self, problem, params, stream, order,
            validation=validation, earlier=call.earlier, incremental=call.incremental,
        )  # fmt: skip

    def _validation_score(self, call: Call, problem: Problem, kept: NDArray[np.intp]) -> Score:
        """Return the function that scores parameters on the samples kept aside."""
        rows, y = Rows(call.X[kept], self.input_scale), call.y[kept]
        weights = None if call.sample_weight is None else call.sample_weight[kept]

        def score(params: NDArray[Any]) -> float:
            outputs = predict(problem.network, rows, params)
            if not np.isfinite(outputs).all():
                return np.nan
            return self._score_outputs(y, outputs, weights)

        return score

    def _compute_dtype(self, X: NDArray[Any]) -> np.dtype[Any]:
        """Return the precision of a new training."""
        if self.dtype is not None:
            return np.dtype(self.dtype)
        # scipy's L-BFGS computes in double, and so does scikit-learn with it.
        is_single = X.dtype == np.float32 and self.solver != "lbfgs"
        return np.dtype(np.float32 if is_single else np.float64)

    def _forward(self, X: ArrayLike) -> NDArray[Any]:
        """Return the output layer's activations, (n_samples, n_outputs)."""
        check_is_fitted(self)
        samples = validate_data(
            self, X, accept_sparse="csr", order="C", reset=False,
            dtype=SPARSE_DTYPES if issparse(X) else DENSE_DTYPES,
        )  # fmt: skip
        return predict(self._network, Rows(samples, self._input_scale), self._params)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def params_of_before(network: Network, earlier: Mapping[str, Any]) -> NDArray[Any]:
    """Return a copy of the parameters that a training goes on from.

    Raises
    ------
    ValueError
        If they are of layers of other sizes.
    """
    params = earlier["_params"]
    before = [W.shape for W in earlier["_network"].coefs(params)]
    now = [W.shape for W in network.coefs(np.empty(network.n_params))]
    if before != now or earlier["_network"].shared_bias != network.shared_bias:
        raise ValueError(
            f"the layers have weights of shapes {now}, those of the earlier fit {before}: a fit "
            "that goes on, by warm_start=True or partial_fit, needs the same layers"
        )
    return params.copy()


def _copy_into(name: str, layers: list[NDArray[Any]], values: Sequence[ArrayLike]) -> None:
    """Copy arrays into the layers of a network, all of them or none.

    Raises
    ------
    ValueError
        If the shapes are not those of the layers.
    """
    arrays = [np.asarray(value) for value in values]
    shapes, needed = [a.shape for a in arrays], [layer.shape for layer in layers]
    if shapes != needed:
        raise ValueError(f"{name} has shapes {shapes}: the network needs {needed}")
    for layer, array in zip(layers, arrays, strict=True):
        layer[...] = array
