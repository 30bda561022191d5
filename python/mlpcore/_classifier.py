"""MLPClassifier: the multi-layer perceptron as a scikit-learn classifier."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from mlpcore._base import BaseMLP, is_stochastic
from mlpcore._call import Call
from mlpcore._classifier_parameters import ClassifierParameters, has_loss
from mlpcore._labels import LabelCoding, is_first_call, labels_of_all, weights_by_class
from mlpcore._losses import Objective
from mlpcore._outputs import resolve_outputs
from mlpcore._ranks import Ranks, on_ranks


class MLPClassifier(ClassifierParameters, ClassifierMixin, BaseMLP):
    """Multi-layer perceptron classifier.

    Parameters, defaults and fitted attributes are those of scikit-learn's class of the
    same name; the parameters from `loss` on are this package's own.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Number of units in each hidden layer.
    activation : {"identity", "logistic", "tanh", "relu", "leaky_relu", "gelu", "silu"} or \
            sequence of them, default="relu"
        Activation of the hidden layers, or of each. "leaky_relu" has a slope of 0.01,
        "gelu" is exact.
    solver : {"lbfgs", "sgd", "adam", "adamw"}, default="adam"
        "lbfgs" is scipy's L-BFGS-B on all samples at once, in float64 unless `dtype` says
        otherwise; `max_iter` then counts its iterations and `tol` bounds the gradient.
        "adamw" is "adam" with `weight_decay`.
    alpha : float, default=0.0001
        Strength of the L2 regularization: a batch of m samples adds
        ``alpha / (2 m) * sum(W**2)`` to its loss. Biases are not regularized.
    batch_size : int or "auto", default="auto"
        Samples a step; "auto" is ``min(200, n_samples)``.
    learning_rate : str or callable, default="constant"
        "constant"; for "sgd" "invscaling", `learning_rate_init` over ``(t + 1) ** power_t``
        after t samples, and "adaptive", a fifth whenever learning stalls (see `tol`) until
        it is 1e-6 or less. For all solvers with epochs: "cosine" falls to 0 and "one_cycle"
        rises and falls over `max_iter` epochs, "plateau" halves after `n_iter_no_change` / 2
        epochs without improvement, and a callable returns the rate of each epoch from 0.
    learning_rate_init : float, default=0.001
        Step size.
    power_t : float, default=0.5
        For ``learning_rate="invscaling"``.
    max_iter : int, default=200
        Largest number of epochs.
    shuffle : bool, default=True
        Permute the samples anew in every epoch; otherwise batches come in the order of X.
    random_state : int, RandomState or None, default=None
        Source of the initial weights and of the permutations.
    tol : float, default=1e-4
        Training ends when the loss fails to improve by at least `tol` for more than
        `n_iter_no_change` epochs in a row.
    verbose : bool, default=False
        Print the loss of every epoch.
    warm_start : bool, default=False
        A fit goes on from the weights, the loss curve and the counters of the one before;
        the optimizer begins anew.
    momentum, nesterovs_momentum : float in [0, 1], bool; default=0.9, True
        For "sgd".
    early_stopping : bool, default=False
        Score a part of the samples, kept aside, after each epoch; stop when that fails to
        improve as `tol` says, and return the best weights. NaN is no improvement.
    validation_fraction : float in [0, 1), default=0.1
        That part; for two classes it is stratified.
    beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
        For "adam": decay of the moving moments; added to the root of the second.
    n_iter_no_change : int or numpy.inf, default=10
        See `tol`; with ``numpy.inf`` exactly `max_iter` epochs are run.
    max_fun : int, default=15000
        Largest number of evaluations of the loss, for "lbfgs".
    loss : {"log_loss", "mse"}, default="log_loss"
        "mse" is the squared error, summed over the outputs, averaged over the samples.
    out_activation : {"auto", "identity", "logistic", "tanh", "softmax"}, default="auto"
        Activation of the output layer. "log_loss" takes softmax for several classes and
        logistic for two classes or several labels; "mse" takes identity, logistic or tanh,
        by default logistic for "one_hot" and tanh for "bipolar" targets.
    target_coding : {"one_hot", "bipolar"}, default="one_hot"
        Targets are 0 and 1, or -1 and +1 (for "mse" with identity or tanh).
    weight_init : {"glorot_uniform", "normal"}, default="glorot_uniform"
        scikit-learn's initial weights and biases, or normal weights with zero biases.
    init_scale : float, default=0.01
        Standard deviation for ``weight_init="normal"``.
    bias : {"unit", "layer"}, default="unit"
        One bias a unit, or one a layer that all of its units share.
    dtype : {"float32", "float64"} or None, default=None
        Precision of the computation. None: float32 for float32 X, otherwise float64.
    compute_dtype : "bfloat16" or None, default=None
        With float32, round what the products of a fit multiply to bfloat16, for two to three
        times the speed of wide layers; weights, sums, the optimizer and predictions stay
        float32, small last layers round nothing, and uint8 X is exact. Needs AVX-512 BF16, and
        is fastest with AMX. None: what is multiplied is not rounded.
    input_scale : float, default=1.0
        X is multiplied by it in fit and predict, a block of rows at a time: images of
        bytes stay bytes in memory.
    skip_zeros : bool or None, default=None
        Whether the first layer passes over the zeros of X in a fit. None: if there are enough
        of them, counted in 500 rows; `verbose` says so. The same numbers but for rounding.
    n_threads : int or None, default=None
        Threads of a fit. None: what CPU affinity, OMP_NUM_THREADS, threadpoolctl and, within
        its task, Dask or Ray allow.
    weight_decay : float, default=0.01
        For "adamw": a step takes the learning rate times this share of each weight away.
    max_grad_norm : float or None, default=None
        A longer gradient, over all parameters, is shortened to this length.
    record_grad_norm : bool, default=False
        Keep that length in `history_` also without a limit.
    warmup_epochs : int, default=0
        The learning rate rises in equal steps during so many first epochs.
    dropout : float in [0, 1) or sequence of them, default=0.0
        Share of hidden units left out at random, in all layers or in each; its random
        stream is its own, seeded from `random_state`.
    scoring : None, "loss", str or callable, default=None
        What validation maximizes: accuracy, minus the loss, or a scikit-learn scorer.
    restore_best : bool, default=True
        With `early_stopping`, return the best weights and not the last.
    resume : bool, default=False
        A fit goes on where the one before stopped, optimizer, random streams and counters
        included: two of 10 epochs are one of 20, bit by bit.
    checkpoint : str, path-like or None, default=None
        Directory of a fit's own. After a crash the same call goes on from the file there, and
        ends with the same weights bit by bit; when a fit ends the file is removed. Not for
        "lbfgs", nor for `partial_fit`, which ignores it.
    checkpoint_every : int or str, default="60s"
        Epochs between two writings of that file, or, as "60s", seconds.
    class_weight : dict, "balanced" or None, default=None
        Factor of each class for the loss; "balanced" is the inverse of its frequency.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coefs_ : list of ndarray of shape (n_in, n_out)
        Weights of each layer: views into one vector.
    intercepts_ : list of ndarray of shape (n_out,)
        Biases of each layer: views into the same vector. With ``bias="layer"`` the one
        scalar, repeated and read-only.
    loss_ : float
        Loss of the last epoch.
    best_loss_ : float or None
        Lowest loss of an epoch; None with `early_stopping`. Not for "lbfgs".
    loss_curve_ : list of float
        Loss of each epoch, L2 term included: the mean over its batches, before their steps.
        Not for "lbfgs".
    validation_scores_, best_validation_score_ : list of float, float; or None
        Score on the samples kept aside after each epoch, if there are any.
    history_ : dict of list
        Of each epoch: "loss", "learning_rate", "seconds"; with validation "validation_loss"
        and "score"; if it is measured "gradient_norm". `plot_history` draws it.
    n_iter_ : int
        Epochs, or iterations of "lbfgs".
    t_ : int
        Samples seen.
    n_features_in_, n_layers_, n_outputs_ : int
        n_layers_ counts input and output.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only for X with column names that are all strings.
    out_activation_ : str

    Notes
    -----
    The same seed, data, dtype and number of threads give bit-identical weights.
    Callbacks of `sklearn.callback` are set by `set_callbacks`; every epoch is a task.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from mlpcore import MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier(max_iter=500, random_state=0).fit(X[:1500], y[:1500])
    >>> model.score(X[1500:], y[1500:]) > 0.9
    True
    """

    _y_is_numeric = False

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
            Arrays of float32, float64 and uint8 in C order, and CSR matrices of float32 or
            float64, are used where they lie, a `stream` is read in parts; anything else is
            converted.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels of any type, or a matrix of 0 and 1, one column a label.
        sample_weight : array-like of shape (n_samples,), default=None
            A batch's loss is the mean with these weights.
        X_val, y_val : array-like, default=None
            Samples to validate with after each epoch, instead of a part of X.
        comm : mpi4py.MPI.Intracomm, default=None
            Ranks that train one model, each with rows of its own; see docs/scale.md.

        Raises
        ------
        ValueError
            If data or parameters are not valid, do not go together, or if weights become
            non-finite; if the checkpoint is of other data or parameters. The estimator stays
            as it was before.
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
        classes: ArrayLike | None = None,
        *,
        comm: Any = None,
    ) -> Self:
        """Go on for one epoch with the given data (solvers "sgd" and "adam").

        Parameters
        ----------
        X, y, sample_weight, comm
            As for `fit`.
        classes : array-like of shape (n_classes,), default=None
            All classes that may occur in any call: needed in the first one.

        Raises
        ------
        ValueError
            As for `fit`; if the first call lacks `classes`; with ``early_stopping=True``.
        """
        return self._fit(X, y, sample_weight, comm, incremental=True, classes=classes)

    def _take_targets(
        self, y: NDArray[Any], classes: ArrayLike | None, ranks: Ranks, *, incremental: bool
    ) -> None:
        if incremental and is_first_call(self, classes):
            # Each twice: where every sample has a class of its own, scikit-learn warns.
            is_multilabel = type_of_target(y).startswith("multilabel")
            all_known = labels_of_all(y, ranks) if is_multilabel else np.tile(self.classes_, 2)
            self._learn_classes(all_known)
        if not hasattr(self, "classes_") or not (incremental or self.warm_start):
            if ranks.are_given and y.shape[0]:  # others' labels hide what is wrong with these
                check_classification_targets(y)
            self._learn_classes(labels_of_all(y, ranks))
        elif self.warm_start:
            self._labels.check_all_occur(labels_of_all(y, ranks))
        elif y.shape[0]:
            self._check_targets(y)

    def _learn_classes(self, y: NDArray[Any]) -> None:
        self._labels = LabelCoding(y, bipolar=self.target_coding == "bipolar")
        self.classes_ = self._labels.classes

    def _check_targets(self, y: NDArray[Any]) -> None:
        self._labels.check_known(y)

    def _weigh(self, call: Call) -> NDArray[Any] | None:
        if self.class_weight is None:
            return call.sample_weight
        if call.incremental and self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not for partial_fit, which does not see all of y: "
                "use a dict"
            )
        weights = weights_by_class(self.class_weight, self.classes_, call.y, call.ranks)
        return weights if call.sample_weight is None else weights * call.sample_weight

    def _encode(self, y: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        return self._labels.encode(y, dtype)

    def _outputs(self) -> tuple[Objective, str]:
        return resolve_outputs(
            self.loss, self.out_activation, self.target_coding, self._labels.y_type
        )

    def _strata(self, y: NDArray[Any], n_outputs: int) -> NDArray[Any] | None:
        return y if n_outputs == 1 else None

    def _score_outputs(
        self, y: NDArray[Any], outputs: NDArray[Any], sample_weight: NDArray[Any] | None
    ) -> float:
        return accuracy_score(y, self._labels.decode(outputs), sample_weight=sample_weight)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most likely class, or the labels that are more likely than not.

        X is (n_samples, n_features); the result (n_samples,) or (n_samples, n_labels).
        """
        return self._map_forward(X, lambda outputs: self._labels.decode(outputs))

    @available_if(has_loss("log_loss"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Return the probability of each class (``loss="log_loss"`` only).

        X is (n_samples, n_features); the result (n_samples, n_classes or n_labels), in the
        order of `classes_`.
        """
        return self._map_forward(X, _probabilities)

    @available_if(has_loss("log_loss"))  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Return the logarithm of `predict_proba`."""
        return np.log(self.predict_proba(X))

    @available_if(has_loss("mse"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: ArrayLike) -> NDArray[Any]:
        """Return the outputs of the network (``loss="mse"`` only).

        X is (n_samples, n_features); the result (n_samples, n_outputs), or (n_samples,) for
        two classes.
        """
        outputs = self._map_forward(X, np.asarray)
        return outputs.ravel() if self.n_outputs_ == 1 else outputs

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _probabilities(outputs: NDArray[Any]) -> NDArray[Any]:
    return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs
