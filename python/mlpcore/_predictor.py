"""Predictions without an estimator: what a server needs, and nothing of scikit-learn."""

import os
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mlpcore._classes import Labels
from mlpcore._forward import ForwardPass
from mlpcore._model_file import read_model
from mlpcore._network import Network
from mlpcore._threads import available_threads


class Predictor(ForwardPass):
    """The forward pass of a trained model, for calls that count microseconds.

    ``model.predictor()`` makes one. It holds a copy of the weights, and later fits of the
    model do not change it. It is validated once; threads may share it; up to eight rows go
    through it without an allocation if ``out`` is given. Pickled, it is loaded without
    importing scikit-learn.

    Calling it, ``predictor(X, out=None)``, returns the outputs of the network, (n_rows,
    n_outputs): for a classifier with ``loss="log_loss"`` probabilities, of which two classes
    have one, that of the second. X is a C-contiguous float32, float64 or uint8 array of shape
    (n_rows, n_features), whose values are not looked at.

    Parameters
    ----------
    network : Network
    params : ndarray of shape (n_params,)
    input_scale : float
    n_threads : int
        Threads for many rows.
    labels : Labels or None
        None for a regressor.
    """

    def __init__(
        self, network: Network, params: NDArray[Any], input_scale: float, n_threads: int,
        labels: Labels | None = None,
    ) -> None:  # fmt: skip
        super().__init__(network, params, input_scale, n_threads)
        self.labels = labels

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return what the model's `predict` returns: labels, or for a regressor values.

        Parameters
        ----------
        X : C-contiguous ndarray of shape (n_rows, n_features)

        Raises
        ------
        ValueError
            If X is not such an array.
        """
        outputs = self(X)
        if self.labels is not None:
            return self.labels.decode(outputs)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    @classmethod
    def load(cls, path: str | os.PathLike[str], n_threads: int | None = None) -> Self:
        """Return the predictor of a model that was saved, without importing scikit-learn.

        Parameters
        ----------
        path : str or path-like
            What the model's `save` wrote.
        n_threads : int or None, default=None
            Threads for many rows. None: what CPU affinity, OMP_NUM_THREADS and threadpoolctl
            allow.

        Raises
        ------
        ModelFormatError
            If the file is no model, is damaged, or of a version that this one does not know.
        OSError
            If it cannot be read.
        """
        model, _, _ = read_model(path)
        return cls(
            model.network, model.params, model.input_scale, n_threads or available_threads(),
            model.labels,
        )  # fmt: skip

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by construction."""
        return Predictor, (
            self.network, np.array(self.params), self.input_scale, self.n_threads, self.labels,
        )  # fmt: skip
