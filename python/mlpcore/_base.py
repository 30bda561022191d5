"""What every estimator shares: the way from validated data to a trained network."""

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackContext, CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from mlpcore._activations import Activation
from mlpcore._initialization import initialize
from mlpcore._losses import Loss
from mlpcore._network import Network
from mlpcore._optimizers import Optimizer, Solver
from mlpcore._parameters import batch_rows, hidden_sizes
from mlpcore._reports import EpochReports
from mlpcore._rows import Rows
from mlpcore._run import Outcome, Run
from mlpcore._threads import available_threads, blas_threads
from mlpcore._training import predict, prefers_sparse, train

# What X may be in memory; everything else is converted to the first of them.
X_DTYPES = (np.float64, np.float32, np.uint8)


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


class BaseMLP(CallbackSupportMixin, BaseEstimator):
    """Training and forward pass of an estimator whose parameters are set by its class."""

    _network: Network
    _params: NDArray[Any]

    @property
    def coefs_(self) -> list[NDArray[Any]]:
        """Weights of each layer, (n_in, n_out): views into one vector."""
        self._require_network("coefs_")
        return self._network.coefs(self._params)

    @property
    def intercepts_(self) -> list[NDArray[Any]]:
        """Biases of each layer, (n_out,): views into one vector."""
        self._require_network("intercepts_")
        return self._network.intercepts(self._params)

    def _require_network(self, name: str) -> None:
        if "_network" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no {name!r} before fit")

    def _train(
        self,
        X: NDArray[Any],
        y: Any,
        encode: Callable[[np.dtype[Any]], NDArray[Any]],
        loss: Loss,
        out_activation: str,
        context: CallbackContext,
    ) -> tuple[Run, KeyboardInterrupt | None]:
        """Train a new network; the estimator changes only if that succeeds.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Validated, C-contiguous, of one of X_DTYPES.
        y : ndarray
            The targets as given, for the callbacks.
        encode : callable
            Returns the targets as the network sees them, (n_samples, n_outputs) in C
            order, of the given dtype.
        loss : Loss
        out_activation : str
        context : CallbackContext

        Returns
        -------
        run : Run
        interruption : KeyboardInterrupt or None
            What ended the training early; the estimator keeps what was learned.
        """
        dtype = np.dtype(self.dtype or (np.float32 if X.dtype == np.float32 else np.float64))
        Y = encode(dtype)
        sizes = [X.shape[1], *hidden_sizes(self.hidden_layer_sizes), Y.shape[1]]
        network = Network(
            sizes,
            Activation[self.activation.upper()],
            Activation[out_activation.upper()],
            self.bias == "layer",
        )
        random_state = check_random_state(self.random_state)
        # A stream of its own: the loop draws without the GIL, and nobody may draw with it.
        stream = copy.deepcopy(random_state)
        params = initialize(
            network,
            stream,
            weight_init=self.weight_init,
            init_scale=self.init_scale,
            activation=self.activation,
            dtype=dtype,
        )
        run = Run(self.tol, self.n_iter_no_change)

        def fitted_attributes(now: NDArray[Any]) -> dict[str, Any]:
            own = {"_input_scale": self.input_scale, "out_activation_": out_activation}
            return own | _learned_attributes(run, network, now, len(X))

        reports = EpochReports(
            self, run, context, {"X": X, "y": y}, lambda: fitted_attributes(params.copy())
        )
        batch_size = batch_rows(self.batch_size, len(X))
        interruption = None
        reports.begin()
        rows, n_threads = Rows(X, self.input_scale), self.n_threads or available_threads()
        sparse = prefers_sparse(network, rows)
        # The sparse first layer has threads of its own; what is left to BLAS is small.
        with blas_threads.limited_to(1 if sparse else n_threads):
            try:
                train(
                    network,
                    loss,
                    self._optimizer(),
                    rows,
                    Y,
                    params,
                    run,
                    alpha=self.alpha,
                    batch_size=batch_size,
                    max_iter=self.max_iter,
                    bit_generator=stream._bit_generator if self.shuffle else None,
                    report=reports,
                    every_epoch=reports.every_epoch,
                    sparse=sparse,
                    n_threads=n_threads,
                )
            except KeyboardInterrupt as caught:
                interruption = caught
        reports.end()
        if run.outcome == Outcome.NON_FINITE:
            raise ValueError(_divergence_message(run.n_iter, self.learning_rate_init))
        random_state.set_state(stream.get_state(legacy=False))
        self.__dict__.update(fitted_attributes(params))
        return run, interruption

    def _optimizer(self) -> Optimizer:
        return Optimizer(
            Solver[self.solver.upper()],
            self.learning_rate_init,
            momentum=self.momentum,
            nesterov=self.nesterovs_momentum,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
        )

    def _conclude(self, run: Run, interruption: KeyboardInterrupt | None) -> None:
        """Warn of an interruption, which is raised again, or of a fit cut short by max_iter."""
        if interruption is not None:
            warnings.warn("Training interrupted by user.", stacklevel=4)
            raise interruption
        if run.outcome == Outcome.MAX_ITER:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
                "optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _forward(self, X: ArrayLike) -> NDArray[Any]:
        """Return the output layer's activations, (n_samples, n_outputs)."""
        check_is_fitted(self)
        samples = validate_data(self, X, dtype=X_DTYPES, order="C", reset=False)
        return predict(self._network, Rows(samples, self._input_scale), self._params)


def _learned_attributes(
    run: Run, network: Network, params: NDArray[Any], n_samples: int
) -> dict[str, Any]:
    """Return what a training has learned so far, as attributes of an estimator."""
    loss_curve = run.loss_curve
    return {
        "_network": network,
        "_params": params,
        "loss_curve_": loss_curve,
        "loss_": loss_curve[-1] if loss_curve else np.inf,
        "best_loss_": run.best_loss,
        "n_iter_": run.n_iter,
        "t_": run.n_iter * n_samples,
        "n_layers_": network.n_layers + 1,
        "n_outputs_": network.n_outputs,
    }


def _divergence_message(epoch: int, learning_rate_init: float) -> str:
    return (
        "Solver produced non-finite parameter weights. The input data may contain large values "
        f"and need to be preprocessed. It happened in epoch {epoch}: try a smaller "
        f"learning_rate_init than {learning_rate_init:g}, or scale X (StandardScaler, or "
        "input_scale)."
    )
