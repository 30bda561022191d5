"""MLPClassifier: the multi-layer perceptron as a scikit-learn classifier."""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import Tags, column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from mlpcore._base import X_DTYPES, BaseMLP, unchanged_on_error
from mlpcore._outputs import resolve_outputs
from mlpcore._parameters import PARAMETER_CONSTRAINTS, reject_unavailable


def _has_loss(loss: str) -> Any:
    """Return a check, for available_if, that an estimator's loss is the given one."""

    def check(estimator: Any) -> bool:
        if estimator.loss != loss:
            raise AttributeError(f"needs loss={loss!r}, and loss={estimator.loss!r}")
        return True

    return check


class MLPClassifier(ClassifierMixin, BaseMLP):
    """Multi-layer perceptron classifier.

    Parameters, defaults and fitted attributes are those of scikit-learn's class of the
    same name; the parameters from `loss` on are this package's own.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Number of units in each hidden layer.
    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Activation of the hidden layers.
    solver : {"sgd", "adam"}, default="adam"
        "lbfgs" is not available yet.
    alpha : float, default=0.0001
        Strength of the L2 regularization: a batch of m samples adds
        ``alpha / (2 m) * sum(W**2)`` to its loss. Biases are not regularized.
    batch_size : int or "auto", default="auto"
        Samples a step; "auto" is ``min(200, n_samples)``.
    learning_rate : {"constant"}, default="constant"
        "invscaling" and "adaptive" are not available yet.
    learning_rate_init : float, default=0.001
        Step size.
    power_t : float, default=0.5
        Used by ``learning_rate="invscaling"`` only.
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
        True is not available yet.
    momentum : float in [0, 1], default=0.9
        For "sgd".
    nesterovs_momentum : bool, default=True
        For "sgd".
    early_stopping : bool, default=False
        True is not available yet.
    validation_fraction : float in [0, 1), default=0.1
        Used by ``early_stopping=True`` only.
    beta_1, beta_2 : float in [0, 1), default=0.9 and 0.999
        Decay of the moving moments, for "adam".
    epsilon : float, default=1e-8
        Added to the root of the second moment, for "adam".
    n_iter_no_change : int or numpy.inf, default=10
        See `tol`; with ``numpy.inf`` exactly `max_iter` epochs are run.
    max_fun : int, default=15000
        Used by ``solver="lbfgs"`` only.
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
    input_scale : float, default=1.0
        X is multiplied by it in fit and predict, a block of rows at a time: images of
        bytes stay bytes in memory.
    n_threads : int or None, default=None
        Threads of a fit. None: what CPU affinity, OMP_NUM_THREADS and threadpoolctl allow.

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
    best_loss_ : float
        Lowest loss of an epoch.
    loss_curve_ : list of float
        Loss of each epoch, L2 term included: the mean over its batches, before their steps.
    n_iter_ : int
        Epochs.
    t_ : int
        Samples seen, ``n_iter_ * n_samples``.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only for X with column names that are all strings.
    n_layers_ : int
        Layers, input and output included.
    n_outputs_ : int
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

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = PARAMETER_CONSTRAINTS

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        loss: str = "log_loss",
        out_activation: str = "auto",
        target_coding: str = "one_hot",
        weight_init: str = "glorot_uniform",
        init_scale: float = 0.01,
        bias: str = "unit",
        dtype: str | None = None,
        input_scale: float = 1.0,
        n_threads: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.loss = loss
        self.out_activation = out_activation
        self.target_coding = target_coding
        self.weight_init = weight_init
        self.init_scale = init_scale
        self.bias = bias
        self.dtype = dtype
        self.input_scale = input_scale
        self.n_threads = n_threads

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit a new network to data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            float32, float64 and uint8 arrays in C order are used where they lie; anything
            else is converted.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels of any type, or a matrix of 0 and 1, one column a label.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If data or parameters are not valid, do not go together, or if weights become
            non-finite. The estimator stays as it was before.
        NotImplementedError
            If a parameter asks for what this version does not have.
        KeyboardInterrupt
            On Ctrl-C, after a warning; the estimator keeps what was learned.
        """
        reject_unavailable(self.get_params(deep=False))
        context = self._init_callback_context(max_subtasks=self.max_iter)
        with unchanged_on_error(self):
            samples, labels = validate_data(
                self, X, y, multi_output=True, dtype=X_DTYPES, order="C"
            )
            if labels.ndim == 2 and labels.shape[1] == 1:
                labels = column_or_1d(labels, warn=True)
            binarizer = self._fit_binarizer(labels)
            loss, out_activation = resolve_outputs(
                self.loss, self.out_activation, self.target_coding, binarizer.y_type_
            )

            def encode(dtype: np.dtype[Any]) -> NDArray[Any]:
                return np.ascontiguousarray(binarizer.transform(labels), dtype=dtype)

            outcome = self._train(samples, labels, encode, loss, out_activation, context)
        self._conclude(*outcome)
        return self

    def _fit_binarizer(self, y: NDArray[Any]) -> LabelBinarizer:
        """Learn the classes and their coding as target columns."""
        check_classification_targets(y)
        negative = -1 if self.target_coding == "bipolar" else 0
        binarizer = LabelBinarizer(neg_label=negative, pos_label=1).fit(y)
        if len(binarizer.classes_) < 2 and binarizer.y_type_ != "multilabel-indicator":
            raise ValueError(
                f"y has one class, {binarizer.classes_[0]!r}: a classifier needs two or more"
            )
        self._label_binarizer = binarizer
        self.classes_ = binarizer.classes_
        return binarizer

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most likely class, or the labels that are more likely than not.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        outputs = self._forward(X)
        if self.n_outputs_ == 1:
            outputs = outputs.ravel()
        return self._label_binarizer.inverse_transform(outputs)

    @available_if(_has_loss("log_loss"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Return the probability of each class (``loss="log_loss"`` only).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of `classes_`.
        """
        outputs = self._forward(X)
        if self.n_outputs_ == 1:
            return np.hstack([1 - outputs, outputs])
        return outputs

    @available_if(_has_loss("log_loss"))  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Return the logarithm of `predict_proba`."""
        return np.log(self.predict_proba(X))

    @available_if(_has_loss("mse"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: ArrayLike) -> NDArray[Any]:
        """Return the outputs of the network (``loss="mse"`` only).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_outputs), or (n_samples,) for two classes
        """
        outputs = self._forward(X)
        return outputs.ravel() if self.n_outputs_ == 1 else outputs

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
