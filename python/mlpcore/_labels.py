"""Class labels as columns of targets, and back."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    check_classification_targets,
    unique_labels,
)

from mlpcore._classes import Labels
from mlpcore._ranks import Ranks


class LabelCoding:
    """The classes of a problem, and their columns: one for two classes, else one each.

    scikit-learn says what labels may be; those that are plain integers or strings are looked at
    here, as its checks take longer than many a fit.

    Parameters
    ----------
    y : ndarray or sparse matrix
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
        If y is not of labels, or there is one class only.
    """

    def __init__(self, y: NDArray[Any], *, bipolar: bool) -> None:
        self.classes: NDArray[Any]
        self.y_type: str
        classes = plain_classes(y)
        # Of more classes scikit-learn says that they may be numbers to learn by regression.
        if classes is not None and 0 < len(classes) <= len(y) // 2:
            self.classes, self.y_type = classes, "binary" if len(classes) <= 2 else "multiclass"
        else:
            check_classification_targets(y)
            known = LabelBinarizer().fit(y)
            self.classes, self.y_type = known.classes_, known.y_type_
        is_multilabel = self.y_type == "multilabel-indicator"
        self.labels = Labels(self.classes, is_multilabel, bipolar)
        if len(self.classes) < 2 and not is_multilabel:
            raise ValueError(
                f"y has one class, {self.classes[0]!r}: a classifier needs two or more"
            )

    @classmethod
    def restored(cls, labels: Labels) -> Self:
        """Return the coding of such labels."""
        return cls(_sample_of(labels), bipolar=labels.bipolar)

    def encode(self, y: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return labels, all of known classes, as columns, in C order."""
        n_columns = 1 if self.y_type == "binary" else len(self.classes)
        low = -1 if self.labels.bipolar else 0
        if y.shape[0] == 0:  # on one of several ranks
            return np.empty((0, n_columns), dtype)
        places = self._places(y)
        if places is not None:
            codes = np.full((len(self.classes), n_columns), low, dtype)
            np.fill_diagonal(codes[1:] if n_columns == 1 else codes, 1)
            return codes.take(places, axis=0)
        if self.labels.is_multilabel and y.shape[1:] == (n_columns,):
            whole: Any = y.toarray() if issparse(y) else y
            Y = np.array(whole, dtype, order="C")
            Y[Y == 0] = low
            return Y
        known = LabelBinarizer(neg_label=low).fit(_sample_of(self.labels))
        return np.ascontiguousarray(known.transform(y), dtype=dtype)

    def _places(self, y: NDArray[Any]) -> NDArray[np.intp] | None:
        """Return which class each label is of; None if one is of none, or y is not plain."""
        kinds = self.classes.dtype.kind, y.dtype.kind
        if self.labels.is_multilabel or y.ndim != 1:
            return None
        if kinds == ("U", "O"):
            number = {label: i for i, label in enumerate(self.classes.tolist())}
            try:
                places = np.array([number.get(label, -1) for label in y.tolist()], np.intp)
            except TypeError:  # a list, say
                return None
            return None if (places < 0).any() else places
        if kinds != ("U", "U") and not set(kinds) <= set("biuf"):
            return None
        # Whole numbers without a gap need no search.
        if len(y) and set(kinds) <= set("biu"):
            first, last = int(self.classes[0]), int(self.classes[-1])
            adjoin = last - first == len(self.classes) - 1 and last <= np.iinfo(np.intp).max
            if adjoin and first <= y.min() and y.max() <= last:
                return y.astype(np.intp, copy=False) - first
        places = np.minimum(np.searchsorted(self.classes, y), len(self.classes) - 1)
        return places if (self.classes[places] == y).all() else None

    def decode(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the labels that the outputs of a network stand for."""
        return self.labels.decode(outputs)

    def check_all_occur(self, y: NDArray[Any]) -> None:
        """Raise ValueError unless y has exactly these classes."""
        places = self._places(y)
        if places is not None and np.bincount(places, minlength=len(self.classes)).all():
            return
        found = unique_labels(y)
        if set(found) != set(self.classes):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes}, `y` has {found}"
            )

    def check_known(self, y: NDArray[Any]) -> None:
        """Raise ValueError unless y has none but these classes."""
        if self._places(y) is not None:
            return
        found = unique_labels(y)
        if len(np.setdiff1d(found, self.classes, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes}. "
                f"'y' has {found}."
            )


def _sample_of(labels: Labels) -> NDArray[Any]:
    """Return labels of which each class has some."""
    if labels.is_multilabel:
        return np.broadcast_to([[0], [1]], (2, len(labels.classes)))
    # Each twice: where every sample has a class of its own, scikit-learn warns.
    return np.tile(labels.classes, 2)


def plain_classes(y: NDArray[Any]) -> NDArray[Any] | None:
    """Return the classes of y in their order, as scikit-learn would, if they are plain.

    That is integers, booleans or strings, one a sample; None of anything else.
    """
    if y.ndim != 1 or y.dtype.kind not in "biuUO":
        return None
    if y.dtype.kind != "O":
        # Element by element: of the machine's byte order, and strings no longer than they are.
        return np.asarray(list(np.unique(y)))
    try:
        labels = set(y.tolist())
    except TypeError:  # a list, say
        return None
    return np.asarray(sorted(labels)) if all(isinstance(x, str) for x in labels) else None


def is_first_call(estimator: Any, classes: ArrayLike | None) -> bool:
    """Tell whether classes are those to learn, at the first call of partial_fit.

    Raises
    ------
    ValueError
        If the first call has none, or another one others.
    """
    known = getattr(estimator, "classes_", None)
    if known is not None and classes is not None and np.array_equal(known, classes):
        return False
    return bool(_check_partial_fit_first_call(estimator, classes))


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
