"""Class labels as columns of targets, and back."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import unique_labels

from mlpcore._predictor import decode


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
    threshold : float
        Halfway between the two values of a column.

    Raises
    ------
    ValueError
        If there is one class only.
    """

    def __init__(self, y: ArrayLike, *, bipolar: bool) -> None:
        self._binarizer = LabelBinarizer(neg_label=-1 if bipolar else 0).fit(y)
        self.classes: NDArray[Any] = self._binarizer.classes_
        self.y_type: str = self._binarizer.y_type_
        self.threshold = 0.0 if bipolar else 0.5
        if len(self.classes) < 2 and self.y_type != "multilabel-indicator":
            raise ValueError(
                f"y has one class, {self.classes[0]!r}: a classifier needs two or more"
            )

    def encode(self, y: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return labels as columns, in C order."""
        return np.ascontiguousarray(self._binarizer.transform(y), dtype=dtype)

    def decode(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the labels that the outputs of a network stand for."""
        return decode(
            outputs, self.classes, self.threshold,
            is_multilabel=self.y_type == "multilabel-indicator",
        )  # fmt: skip

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
