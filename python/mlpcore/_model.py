"""A trained network as an estimator has it: weights, outputs, history."""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, assert_all_finite
from sklearn.utils.validation import check_is_fitted, validate_data

from mlpcore import _history
from mlpcore._atomic import replacing
from mlpcore._finite import all_finite
from mlpcore._network import Network
from mlpcore._onnx import onnx_model
from mlpcore._parameters import are_valid
from mlpcore._predictor import Predictor
from mlpcore._rows import Rows
from mlpcore._saving import save
from mlpcore._source import Stream
from mlpcore._threads import available_threads
from mlpcore._training import predict
from mlpcore._training_state import plain_attributes, restored_attributes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What X may be in memory; everything else is converted to the first of them.
_DENSE_DTYPES = (np.float64, np.float32, np.uint8)
_SPARSE_DTYPES = (np.float64, np.float32)
# Not worth looking up how many threads are allowed.
_FEW_ROWS = 100
# From so many on, they are searched for NaN by all threads.
_MANY_VALUES = 2**20


def check_columns(estimator: Any, X: Stream, y: Any = "no_validation", *, reset: bool) -> None:
    """Check number and names of the columns of a stream, or learn them, as scikit-learn does."""
    if X.shape[0] == 0:
        raise ValueError(f"X has 0 sample(s) (shape={X.shape}) while a minimum of 1 is required.")
    validate_data(estimator, X.head(), y, reset=reset, skip_check_array=True)


def outputs_of(
    network: Network, source: Rows | Stream, params: NDArray[Any], input_scale: float,
    order: NDArray[np.intp] | None, n_threads: int,
) -> NDArray[Any]:  # fmt: skip
    """Return the output layer's activations for the rows of order, or all, as of a stream."""
    if isinstance(source, Rows):
        return predict(network, source, params, order=order, n_threads=n_threads)
    parts = [
        predict(network, Rows(rows, input_scale), params, n_threads=n_threads)
        for _, rows in source.chunks()
    ]
    return np.concatenate(parts)


class Model(BaseEstimator):
    """Weights and forward pass of an estimator that has been fitted."""

    _network: Network
    _params: NDArray[Any]
    _input_scale: float
    n_threads: int | None
    history_: _history.History

    @property
    def coefs_(self) -> list[NDArray[Any]]:
        """Weights of each layer, (n_in, n_out): views into one vector."""
        self._require_network("coefs_")
        return self._network.coefs(self._params)

    @coefs_.setter
    def coefs_(self, values: Sequence[ArrayLike]) -> None:
        self._require_network("coefs_")
        copy_into("coefs_", self._network.coefs(self._params), values)

    @property
    def intercepts_(self) -> list[NDArray[Any]]:
        """Biases of each layer, (n_out,): views into one vector."""
        self._require_network("intercepts_")
        return self._network.intercepts(self._params)

    @intercepts_.setter
    def intercepts_(self, values: Sequence[ArrayLike]) -> None:
        self._require_network("intercepts_")
        copy_into("intercepts_", self._network.intercepts(self._params), values)

    def _require_network(self, name: str) -> None:
        if "_network" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no {name!r} before fit")

    def _forward(self, X: ArrayLike) -> NDArray[Any]:
        """Return the output layer's activations, (n_samples, n_outputs)."""
        if not self._is_plain(X):
            check_is_fitted(self)
            X = self._validate(X, reset=False)
        return self._outputs_of(Rows(X, self._input_scale))

    def _map_forward(
        self, X: ArrayLike, function: Callable[[NDArray[Any]], NDArray[Any]]
    ) -> NDArray[Any]:
        """Return a function of the output layer's activations; of a stream piece by piece."""
        if not isinstance(X, Stream):
            return function(self._forward(X))
        check_is_fitted(self)
        check_columns(self, X, reset=False)
        parts = [
            function(self._outputs_of(Rows(rows, self._input_scale))) for _, rows in X.chunks()
        ]
        return np.concatenate(parts)

    def _outputs_of(self, rows: Rows) -> NDArray[Any]:
        n_threads = self._threads() if rows.n_samples > _FEW_ROWS else 1
        return predict(self._network, rows, self._params, n_threads=n_threads)

    def _is_plain(self, X: ArrayLike) -> bool:
        """Whether X is what validation, which takes longer than a row, would return."""
        return (
            type(X) is np.ndarray
            and "_network" in vars(self)
            and "feature_names_in_" not in vars(self)
            and X.ndim == 2
            and X.shape == (len(X) or -1, self.n_features_in_)
            and X.flags.carray
            and X.dtype in _DENSE_DTYPES
            and self._is_finite(X)
        )

    def _is_finite(self, X: NDArray[Any]) -> bool:
        """Whether an aligned, C-contiguous array has no NaN and no infinity, or nobody asks."""
        if X.dtype == np.uint8 or get_config()["assume_finite"]:
            return True
        return all_finite(X, self._threads() if X.size >= _MANY_VALUES else 1)

    def _validate(self, X: ArrayLike, y: Any = "no_validation", **how: Any) -> Any:
        """Return X, and y if given, validated by scikit-learn: what the core can read is kept.

        Its own search of arrays for NaN is one thread's, and takes as long as a fifth of an epoch.
        """
        is_sparse = issparse(X)
        valid = validate_data(
            self, X, y, ensure_all_finite=is_sparse, accept_sparse="csr", order="C",
            dtype=_SPARSE_DTYPES if is_sparse else _DENSE_DTYPES, **how,
        )  # fmt: skip
        rows = valid[0] if isinstance(valid, tuple) else valid
        if not is_sparse and not self._is_finite(np.require(rows, requirements="A")):
            assert_all_finite(rows, estimator_name=type(self).__name__, input_name="X")
        return valid

    def _are_plain(self, X: Any, y: Any) -> bool:
        """Whether X and y are what validation of a fit that goes on would return."""
        if type(y) is not np.ndarray or y.ndim != 1:
            return False
        is_clean = y.dtype.kind in "biuU" or (y.dtype.kind == "f" and bool(np.isfinite(y).all()))
        return is_clean and len(y) > 0 and self._is_plain(X) and len(X) == len(y)

    def _threads(self) -> int:
        return self.n_threads or available_threads()

    def predictor(self) -> Predictor:
        """Return the forward pass alone, for calls that count microseconds.

        Returns
        -------
        Predictor
            With a copy of the weights as they are now.
        """
        check_is_fitted(self)
        coding = getattr(self, "_labels", None)
        return Predictor(
            self._network, self._params, self._input_scale, self._threads(),
            None if coding is None else coding.labels,
        )  # fmt: skip

    def _validate_params(self) -> None:
        if not are_valid(self):
            super()._validate_params()  # which says what is wrong

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, which `mlpcore.load` and `Predictor.load` read.

        The file is of the safetensors format. It holds all that a model is: weights,
        parameters, classes, feature names, optimizer, random streams and history; but not
        `checkpoint`, which is a place on one machine. It takes the place of an older one
        only when it is written whole.

        Parameters
        ----------
        path : str or path-like
            "model.safetensors", say.

        Raises
        ------
        ValueError
            If something cannot be saved: a function as a parameter, a callback, a weight that
            is not finite, labels that are neither strings nor numbers nor booleans. An older
            file stays as it is; so it does after any other error.
        NotFittedError
            Before fit.
        OSError
            If the file cannot be written.
        """
        save(self, path)

    def __copy__(self) -> Self:
        """Share everything: callbacks and scorers are given copies, epoch by epoch."""
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Return attributes of Python and NumPy alone, which pickle, joblib and skops know."""
        return plain_attributes(super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(restored_attributes(state))

    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Write the forward pass to an ONNX file, which ONNX Runtime and others run.

        The input "X", of shape (n_samples, n_features), is of the precision of the weights.
        The outputs are named as skl2onnx does: of a classifier "label", as `predict` returns
        it but integers as int64 and other numbers as double, and "probabilities" as from
        `predict_proba` or, with ``loss="mse"``, "scores", the outputs of the network; of a
        regressor "variable", of shape (n_samples, n_outputs).

        Parameters
        ----------
        path : str or path-like
            "model.onnx", say. An older file is replaced only by a whole one.

        Raises
        ------
        ImportError
            If onnx is not installed: ``pip install 'mlpcore[onnx]'``.
        ValueError
            If the weights take more than an ONNX file can hold, 2 GiB.
        NotFittedError
            Before fit.
        OSError
            If the file cannot be written.
        """
        scores = "probabilities" if hasattr(self, "predict_proba") else "scores"
        model = onnx_model(self.predictor(), scores)
        with replacing(path) as file:
            file.write(model.SerializeToString())

    def plot_history(self) -> "Figure":
        """Draw `history_`: the losses of each epoch, and the scores if there are any.

        Returns
        -------
        matplotlib.figure.Figure
            ``figure.savefig("history.png")`` writes it.

        Raises
        ------
        AttributeError
            If there is no history: before fit, or after "lbfgs".
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(self)
        return _history.plot(self.history_, type(self).__name__)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def copy_into(name: str, layers: list[NDArray[Any]], values: Sequence[ArrayLike]) -> None:
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
