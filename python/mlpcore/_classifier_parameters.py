"""The parameters of MLPClassifier, in scikit-learn's order and then our own."""

import os
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import StrOptions

from mlpcore._parameters import COMMON_CONSTRAINTS


class ClassifierParameters:
    """Takes and keeps them; what they mean is in the estimator's docstring."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = COMMON_CONSTRAINTS | {
        "loss": [StrOptions({"log_loss", "mse"})],
        "out_activation": [StrOptions({"auto", "identity", "logistic", "tanh", "softmax"})],
        "target_coding": [StrOptions({"one_hot", "bipolar"})],
        "class_weight": [StrOptions({"balanced"}), dict, list, None],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
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
        compute_dtype: str | None = None,
        input_scale: float = 1.0,
        skip_zeros: bool | None = None,
        n_threads: int | None = None,
        weight_decay: float = 0.01,
        max_grad_norm: float | None = None,
        record_grad_norm: bool = False,
        warmup_epochs: int = 0,
        dropout: Any = 0.0,
        scoring: Any = None,
        restore_best: bool = True,
        resume: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int | str = "60s",
        class_weight: Any = None,
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
        self.compute_dtype = compute_dtype
        self.input_scale = input_scale
        self.skip_zeros = skip_zeros
        self.n_threads = n_threads
        self.weight_decay = weight_decay
        self.max_grad_norm = max_grad_norm
        self.record_grad_norm = record_grad_norm
        self.warmup_epochs = warmup_epochs
        self.dropout = dropout
        self.scoring = scoring
        self.restore_best = restore_best
        self.resume = resume
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.class_weight = class_weight


def has_loss(loss: str) -> Any:
    """Return a check, for available_if, that an estimator's loss is the given one."""

    def check(estimator: Any) -> bool:
        if estimator.loss != loss:
            raise AttributeError(f"needs loss={loss!r}, and loss={estimator.loss!r}")
        return True

    return check
