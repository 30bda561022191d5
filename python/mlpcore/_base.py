"""What every estimator shares: the way from data to a trained network."""

import copy
import warnings
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.callback import CallbackSupportMixin
from sklearn.metrics import get_scorer
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import _check_sample_weight, _check_y, _num_samples

from mlpcore._activations import Activation
from mlpcore._alike import check_alike, check_weights, filled
from mlpcore._call import Call, params_of_before, unchanged_on_error
from mlpcore._checkpoint import Checkpoint, new_checkpoint
from mlpcore._computation import computation
from mlpcore._draws import new_draws
from mlpcore._feed import Feed
from mlpcore._initialization import initialize
from mlpcore._lbfgs import LbfgsTraining
from mlpcore._losses import Objective
from mlpcore._model import Model, check_columns, outputs_of
from mlpcore._network import Network
from mlpcore._parameters import hidden_activations, hidden_sizes
from mlpcore._problem import Problem
from mlpcore._ranks import Ranks
from mlpcore._reports import EpochReports
from mlpcore._rows import Rows
from mlpcore._source import Stream
from mlpcore._stochastic import NON_FINITE_MESSAGE, StochasticTraining, n_epochs
from mlpcore._streams import BorrowedStream
from mlpcore._threads import blas_threads
from mlpcore._training import mean_loss
from mlpcore._validation import Judge, Validation

Training = StochasticTraining | LbfgsTraining


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


class BaseMLP(CallbackSupportMixin, Model, ABC):
    """Training of an estimator whose parameters are set by its class."""

    _y_is_numeric: ClassVar[bool]

    @abstractmethod
    def _take_targets(
        self, y: NDArray[Any], classes: ArrayLike | None, ranks: Ranks, *, incremental: bool
    ) -> None:
        """Learn from y what outputs there are, or check that they are those known."""

    @abstractmethod
    def _check_targets(self, y: NDArray[Any]) -> None:
        """Raise ValueError where y has what no output stands for."""

    @abstractmethod
    def _encode(self, y: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return y as the network sees it, (n_samples, n_outputs), in C order."""

    @abstractmethod
    def _outputs(self) -> tuple[Objective, str]:
        """Return the loss and the activation of the output layer."""

    @abstractmethod
    def _strata(self, y: NDArray[Any], n_outputs: int) -> NDArray[Any] | None:
        """Return by what the samples kept aside are stratified."""

    @abstractmethod
    def _score_outputs(
        self, y: NDArray[Any], outputs: NDArray[Any], sample_weight: NDArray[Any] | None
    ) -> float:
        """Return the score of a network's outputs."""

    def _weigh(self, call: Call) -> NDArray[Any] | None:
        """Return the weights to train with: those given, unless a class has more to say."""
        return call.sample_weight

    def _fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, ranks: Ranks, *,
        incremental: bool, classes: ArrayLike | None = None,
        validation: tuple[Any, Any] = (None, None),
    ) -> Self:  # fmt: skip
        """Train on data; the estimator changes only if that succeeds."""
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        context = self._init_callback_context(
            "partial_fit" if incremental else "fit", max_subtasks=n_epochs(self, incremental)
        )
        with unchanged_on_error(self):
            sizes = hidden_sizes(self.hidden_layer_sizes)
            goes_on = incremental or self.warm_start or self.resume
            continues = "_network" in vars(self) and goes_on
            earlier = dict(vars(self)) if continues else {}
            if ranks.are_given:
                check_alike(ranks, self, earlier, sample_weight, validation)
            samples, targets = self._validated(X, y, ranks, reset=not continues)
            self._take_targets(targets, classes, ranks, incremental=incremental)
            weights = None
            if sample_weight is not None:
                weights = self._validated_weights(sample_weight, samples)
            resumes = self.resume and not incremental and self.solver != "lbfgs"
            call = Call(
                samples, targets, weights, self._validated_pair(*validation, ranks), sizes,
                earlier, incremental, context, earlier.get("_stopped") if resumes else None,
                n_epochs(self, incremental), ranks,
            )  # fmt: skip
            with BorrowedStream(self.random_state) as borrowed:
                training, interruption = self._train(call, borrowed)
            ranks.exchange()
        if interruption is not None:
            warnings.warn("Training interrupted by user.", stacklevel=5)
            raise interruption
        training.warn()
        return self

    def _validated(
        self, X: Any, y: Any, ranks: Ranks, *, reset: bool
    ) -> tuple[NDArray[Any] | Stream, NDArray[Any]]:
        """Return X and y as scikit-learn would have them; one of several ranks may have none."""
        how_y = {"multi_output": True, "y_numeric": self._y_is_numeric}
        samples, targets = X, y
        if isinstance(X, Stream):
            if ranks.are_given:
                raise ValueError("X is a stream, with comm: needed is an array, or a CSR matrix")
            check_columns(self, X, y, reset=reset)
            targets = _check_y(y, estimator=self, **how_y)
            check_consistent_length(X, targets)
            samples = X.whole() if X.fits else X
        elif ranks.size > 1 and _num_samples(X) == 0:
            check_consistent_length(X, y)
            data, (self.n_features_in_, names) = filled(ranks, None, None)
            if names is not None:
                self.feature_names_in_ = np.array(names, dtype=object)
            return data
        elif reset or not self._are_plain(X, y):
            samples, targets = self._validate(X, y, reset=reset, **how_y)
        if targets.ndim == 2 and targets.shape[1] == 1:
            targets = column_or_1d(targets, warn=True)
        if ranks.size > 1:
            names = getattr(self, "feature_names_in_", None)
            own = None if names is None else names.tolist()
            filled(ranks, (samples, targets), (samples.shape[1], own))
        return samples, targets

    def _validated_weights(self, sample_weight: ArrayLike, X: Any) -> NDArray[Any]:
        """Return the weights of samples; there may be none on one of several ranks."""
        dtype = np.dtype(np.float32 if X.dtype == np.float32 else np.float64)
        if X.shape[0] == 0:
            return np.empty(0, dtype)
        return _check_sample_weight(sample_weight, X, dtype=dtype)

    def _validated_pair(
        self, X: Any, y: Any, ranks: Ranks
    ) -> tuple[NDArray[Any] | Stream, NDArray[Any]] | None:
        """Return a validation set of the caller's own, if there is one."""
        if X is None and y is None:
            return None
        if X is None or y is None:
            missing = "X_val" if X is None else "y_val"
            raise ValueError(f"{missing}=None: X_val and y_val need each other")
        return self._validated(X, y, ranks, reset=False)

    def _train(
        self, call: Call, borrowed: BorrowedStream
    ) -> tuple[Training, KeyboardInterrupt | None]:
        """Train, and take over what was learned."""
        stream = call.ranks.exchange(borrowed.copy)[0]
        resumes = call.stopped is not None
        checkpoint = new_checkpoint(self, call)
        if checkpoint is not None:
            call = checkpoint.continued(call)
        problem, out_activation = self._problem(call)
        training = self._new_training(call, problem, stream, checkpoint)

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
            self, call.n_epochs, call.context, {"X": call.X, "y": call.y}, attributes_now
        )
        with blas_threads.limited_to(problem.computation.n_threads):
            interruption = training.train(reports)
        if not np.isfinite(training.params).all():
            raise ValueError(NON_FINITE_MESSAGE)
        if call.ranks.are_given:
            check_weights(call.ranks, training.params)
        if isinstance(training, StochasticTraining):
            stream = training.draws.stream
        # One that others may have drawn from since the training stopped is left as it is.
        if call.stopped is None or not (resumes or self.random_state is None):
            borrowed.give_back(stream)
        for name in training.forgets:
            self.__dict__.pop(name, None)
        self.__dict__.update(attributes())
        return training, interruption

    def _problem(self, call: Call) -> tuple[Problem, str]:
        """Return what is to be minimized, and the name of the output activation."""
        dtype = call.earlier["_params"].dtype if call.earlier else self._compute_dtype(call.X)
        X = call.X
        # Of a stream, the rest is encoded when it is read.
        Y = self._encode(call.y[:1] if isinstance(X, Stream) else call.y, dtype)
        objective, out_activation = self._outputs()
        names = hidden_activations(self.activation, len(call.hidden_sizes))
        network = Network(
            [X.shape[1], *call.hidden_sizes, Y.shape[1]],
            [Activation[name.upper()] for name in names],
            Activation[out_activation.upper()],
            self.bias == "layer",
        )
        weights = self._weigh(call)
        weights = None if weights is None else np.require(weights, dtype, ["C", "ALIGNED"])
        if not isinstance(X, Stream):
            rows = Rows(X, self.input_scale)
            how = computation(self, network, rows, dtype)
            return Problem(network, objective, rows, Y, weights, self.alpha, how), out_activation
        how = computation(self, network, Rows(X.sample(), self.input_scale), dtype)
        feed = self._feed(call, X, weights, dtype)
        problem = Problem(
            network, objective, feed.rows, feed.Y, feed.weights, self.alpha, how, feed
        )
        return problem, out_activation

    def _feed(
        self, call: Call, X: Stream, weights: NDArray[Any] | None, dtype: np.dtype[Any]
    ) -> Feed:
        """Return what a fit on a stream is fed with."""
        if self.solver == "lbfgs":
            raise ValueError(
                "solver='lbfgs' needs all of X in memory, a stream is in it in parts: allowed are "
                "'sgd', 'adam' and 'adamw', or stream(..., buffer=...) that is as large as X"
            )
        n_batch = 200 if isinstance(self.batch_size, str) else self.batch_size

        def encode(rows: NDArray[np.intp]) -> NDArray[Any]:
            return self._encode(call.y[rows], dtype)

        return Feed(X, encode, weights, min(n_batch, X.shape[0]), self.input_scale)

    def _start(self, call: Call, problem: Problem, stream: np.random.RandomState) -> NDArray[Any]:
        """Return the parameters to begin with."""
        if call.earlier:
            return params_of_before(problem.network, call.earlier, call.stopped)
        is_single = call.X.dtype == np.float32 or problem.Y.dtype == np.float32
        drawn = initialize(
            problem.network,
            stream,
            weight_init=self.weight_init,
            init_scale=self.init_scale,
            activations=hidden_activations(self.activation, len(call.hidden_sizes)),
            dtype=np.dtype(np.float32 if is_single else np.float64),
        )
        # scikit-learn rounds them to float32 for such X, even where the solver is in double.
        return drawn.astype(problem.Y.dtype, copy=False)

    def _new_training(
        self, call: Call, problem: Problem, stream: np.random.RandomState,
        checkpoint: Checkpoint | None,
    ) -> Training:  # fmt: skip
        params = self._start(call, problem, stream)
        if self.solver == "lbfgs":
            return LbfgsTraining(self, call, problem, params)
        draws = new_draws(self, call, self._strata(call.y, problem.Y.shape[1]), stream)
        validation = None
        if call.validation is not None or draws.keeps_aside:
            validation = Validation(
                self._judge(call, problem, draws.kept), self.tol, stops=self.early_stopping,
                restores_best=self.restore_best, params=params, earlier=call.earlier,
            )  # fmt: skip
            if call.stopped is not None and call.stopped.best_params is not None:
                validation.best_params = call.stopped.best_params.copy()
        return StochasticTraining(
            self, call, problem, params, draws, validation=validation, checkpoint=checkpoint,
        )  # fmt: skip

    def _judge(self, call: Call, problem: Problem, kept: NDArray[np.intp]) -> Judge:
        """Return the function that scores parameters on the samples kept aside, of all ranks."""
        scorer = get_scorer(self.scoring) if self.scoring not in (None, "loss") else None
        order = weights = None
        ranks = call.ranks
        if call.validation is not None:
            X, y = call.validation
            self._check_targets(y)
        else:
            X, y, order = call.X, call.y[kept], kept
            weights = None if call.sample_weight is None else call.sample_weight[kept]
        if order is not None and (isinstance(X, Stream) or scorer is not None):
            # Only a scorer needs a copy: X may be larger than the memory.
            X = X.kept_aside(order) if isinstance(X, Stream) else X[order]
            order = None
        source = X if isinstance(X, Stream) else Rows(X, self.input_scale)
        y, weights = ranks.rows(y), ranks.rows(weights)
        Y = self._encode(y, problem.Y.dtype)
        loss_weights = None if weights is None else weights.astype(Y.dtype, copy=False)
        X_scored = None if scorer is None else ranks.rows(X)
        n_threads = problem.computation.n_threads

        def judge(params: NDArray[Any]) -> tuple[float, float]:
            own = outputs_of(problem.network, source, params, self.input_scale, order, n_threads)
            outputs = ranks.rows(own)
            loss = mean_loss(problem.objective, outputs, Y, loss_weights)
            if not np.isfinite(outputs).all():
                return np.nan, loss
            if self.scoring == "loss":
                return -loss, loss
            if scorer is None:
                return self._score_outputs(y, outputs, weights), loss
            fitted = copy.copy(self)
            fitted.__dict__ |= {
                "_network": problem.network, "_params": params, "_input_scale": self.input_scale,
                "n_outputs_": problem.network.n_outputs, "n_iter_": 0,
            }  # fmt: skip
            return float(scorer(fitted, X_scored, y)), loss

        return judge

    def _compute_dtype(self, X: NDArray[Any] | Stream) -> np.dtype[Any]:
        """Return the precision of a new training."""
        if self.dtype is not None:
            return np.dtype(self.dtype)
        # scipy's L-BFGS computes in double, and so does scikit-learn with it.
        is_single = X.dtype == np.float32 and self.solver != "lbfgs"
        return np.dtype(np.float32 if is_single else np.float64)
