"""Class labels as columns of targets, and back."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import unique_labels

from mlpcore._classes import Labels
from mlpcore._ranks import Ranks


class LabelCoding:
    """The classes of a problem, and their columns: one for two classes, else one each.

    Parameters
    ----------
    y : array-like
        Labels, or a matrix of 0 and 1 with one column a label.
    bipolar : bool
        Columns are of -1 and +1 instead of 0 and 1.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
    y_type : {"binary", "multiclass", "multilabel-indicator"}
    labels : Labels
        The same as plain values.

    Raises
    ------
    ValueError
        If there is one class only.
    """

    def __init__(self, y: ArrayLike, *, bipolar: bool) -> None:
        self._binarizer = LabelBinarizer(neg_label=-1 if bipolar else 0).fit(y)
        self.classes: NDArray[Any] = self._binarizer.classes_
        self.y_type: str = self._binarizer.y_type_
        is_multilabel = self.y_type == "multilabel-indicator"
        self.labels = Labels(self.classes, is_multilabel, bipolar)
        if len(self.classes) < 2 and not is_multilabel:
            raise ValueError(
                f"y has one class, {self.classes[0]!r}: a classifier needs two or more"
            )

    @classmethod
    def restored(cls, labels: Labels) -> Self:
        """Return the coding of such labels."""
        # Each twice: where every sample has a class of its own, scikit-learn warns.
        y = np.tile(labels.classes, 2)
        if labels.is_multilabel:
            y = np.broadcast_to([[0], [1]], (2, len(labels.classes)))
        return cls(y, bipolar=labels.bipolar)

    def encode(self, y: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return labels as columns, in C order."""
        if len(y) == 0:  # on one of several ranks
            return np.empty((0, 1 if self.y_type == "binary" else len(self.classes)), dtype)
        return np.ascontiguousarray(self._binarizer.transform(y), dtype=dtype)

    def decode(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the labels that the outputs of a network stand for."""
        return self.labels.decode(outputs)

    def check_all_occur(self, y: NDArray[Any]) -> None:
        """Raise ValueError unless y has exactly these classes."""
        found = unique_labels(y)
        if set(found) != set(self.classes):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes}, `y` has {found}"
            )

    def check_known(self, y: NDArray[Any]) -> None:
        """Raise ValueError unless y has none but these classes."""
        found = unique_labels(y)
        if len(np.setdiff1d(found, self.classes, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes}. "
                f"'y' has {found}."
            )


def labels_of_all(y: NDArray[Any], ranks: Ranks) -> NDArray[Any]:
    """Return labels of which each class of any rank has some; of one process, its own."""
    if not ranks.are_given:
        return y
    if y.ndim == 2:
        return np.broadcast_to([[0], [1]], (2, y.shape[1]))
    found = np.unique(np.concatenate([own for own in ranks.exchange(np.unique(y)) if len(own)]))
    # Each twice: where every sample has a class of its own, scikit-learn warns.
    return np.tile(found, 2)


def weights_by_class(
    class_weight: Any, classes: NDArray[Any], y: NDArray[Any], ranks: Ranks
) -> NDArray[Any]:
    """Return the factor of each sample for the loss, by its class.

    Raises
    ------
    ValueError
        If a class has none, or y has several labels and there are several ranks.
    """
    if not ranks.are_given:
        return compute_sample_weight(class_weight, y)
    if y.ndim == 2:
        raise ValueError(
            f"class_weight={class_weight!r} with a y of several labels and comm: allowed is None"
        )
    place = np.searchsorted(classes, y)
    if class_weight == "balanced":
        counts = np.sum(ranks.exchange(np.bincount(place, minlength=len(classes))), axis=0)
        # Of a class that a warm start knows and no rank has, nobody asks.
        return (counts.sum() / (len(classes) * np.maximum(1, counts)))[place]
    return compute_class_weight(class_weight, classes=classes, y=classes)[place]
