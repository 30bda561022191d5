"""A trained network as an estimator has it: weights, outputs, history."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from mlpcore import _history
from mlpcore._network import Network
from mlpcore._rows import Rows
from mlpcore._training import predict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What X may be in memory; everything else is converted to the first of them.
_DENSE_DTYPES = (np.float64, np.float32, np.uint8)
_SPARSE_DTYPES = (np.float64, np.float32)


def x_format(X: ArrayLike) -> dict[str, Any]:
    """Return how X is to be validated: what the core can read stays where it lies."""
    dtypes = _SPARSE_DTYPES if issparse(X) else _DENSE_DTYPES
    return {"accept_sparse": "csr", "order": "C", "dtype": dtypes}


class Model(BaseEstimator):
    """Weights and forward pass of an estimator that has been fitted."""

    _network: Network
    _params: NDArray[Any]
    _input_scale: float
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
        check_is_fitted(self)
        samples = validate_data(self, X, reset=False, **x_format(X))
        return predict(self._network, Rows(samples, self._input_scale), self._params)

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
