"""Predictions without an estimator: what a server needs, and nothing of scikit-learn."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore._forward import ForwardPass
from mlpcore._network import Network


def decode(
    outputs: NDArray[Any], classes: NDArray[Any], threshold: float, *, is_multilabel: bool
) -> NDArray[Any]:
    """Return the labels that the outputs of a classifier's network stand for.

    Parameters
    ----------
    outputs : ndarray of shape (n_samples, n_outputs)
    classes : ndarray of shape (n_classes,)
    threshold : float
        Of an output that stands for itself: halfway between its two targets.
    is_multilabel : bool
        Each output is a label that is there, 1, or not, 0.
    """
    if is_multilabel:
        return (outputs > threshold).astype(int)
    if outputs.shape[1] == 1:
        return classes[(outputs[:, 0] > threshold).astype(np.intp)]
    return classes[outputs.argmax(axis=1)]


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
    classes : ndarray of shape (n_classes,) or None
        None for a regressor.
    threshold : float
    is_multilabel : bool
    """

    def __init__(
        self, network: Network, params: NDArray[Any], input_scale: float, n_threads: int,
        classes: NDArray[Any] | None = None, threshold: float = 0.5, is_multilabel: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(network, params, input_scale, n_threads)
        self.classes, self.threshold, self.is_multilabel = classes, threshold, is_multilabel

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
        if self.classes is not None:
            return decode(outputs, self.classes, self.threshold, is_multilabel=self.is_multilabel)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by construction."""
        return Predictor, (
            self.network, np.array(self.params), self.input_scale, self.n_threads, self.classes,
            self.threshold, self.is_multilabel,
        )  # fmt: skip
