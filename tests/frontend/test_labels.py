"""Labels that are looked at here, and not by scikit-learn, have the same classes and columns."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import check_classification_targets, unique_labels

from mlpcore._labels import LabelCoding, plain_classes

NUMBERS = np.random.default_rng(0).integers(0, 4, 60)
NAMES = np.array(["ox", "a", "emu", "yak"])
OBJECTS = NAMES.astype(object)
MATRIX = np.random.default_rng(0).integers(0, 2, (60, 3))
LABELS = {
    "int64": NUMBERS - 2,
    "int8": NUMBERS.astype("i1"),
    "every_int8": np.arange(-128, 128, dtype="i1").repeat(2),
    "int8_with_a_gap": np.delete(np.arange(-128, 128, dtype="i1"), 9).repeat(2),
    "uint64": NUMBERS.astype("u8") + 2**63,
    "big_endian": NUMBERS.astype(">i4"),
    "bool": NUMBERS > 1,
    "two": np.where(NUMBERS > 1, 5, -3),
    "float32": NUMBERS.astype("f4"),
    "str": NAMES[NUMBERS],
    "long_str": NAMES.astype("U40")[NUMBERS],
    "two_str": NAMES[NUMBERS % 2],
    "object": OBJECTS[NUMBERS],
    "pandas": np.asarray(pd.Series(NAMES[NUMBERS], dtype="string")),
    "few": NUMBERS[:4],
    "every_one": np.arange(30),
    "every_object": np.array([f"{i:02}" for i in range(30)], dtype=object),
    "matrix": MATRIX,
    "matrix_float": MATRIX.astype(float),
    "matrix_bool": MATRIX > 0,
    "matrix_csr": sp.csr_matrix(MATRIX),
}
PLAIN = ["int64", "int8", "every_int8", "int8_with_a_gap", "uint64", "big_endian",
         "bool", "two", "str", "long_str", "two_str", "object", "pandas"]  # fmt: skip


def messages(function, *args):
    """Return what a function warns of, or the error that it raises."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            function(*args)
        except (ValueError, TypeError) as error:
            return type(error).__name__, str(error)
    return [str(warning.message) for warning in caught]


@pytest.mark.filterwarnings("ignore:The number of unique classes")
@pytest.mark.parametrize("bipolar", [False, True])
@pytest.mark.parametrize("name", LABELS)
def test_like_scikit_learns_binarizer(name, bipolar):
    y = LABELS[name]
    theirs, ours = LabelBinarizer(neg_label=-bipolar).fit(y), LabelCoding(y, bipolar=bipolar)
    assert ours.y_type == theirs.y_type_
    assert ours.classes.dtype == theirs.classes_.dtype
    np.testing.assert_array_equal(ours.classes, theirs.classes_)
    for rows in (slice(None), slice(0, 1), slice(0, 0, 1)):
        columns = ours.encode(y[rows], np.dtype("f4"))
        assert columns.dtype == np.float32
        assert columns.flags.c_contiguous
        # It makes -1 of no bool.
        given = y[rows] if name != "matrix_bool" else y[rows].astype(int)
        expected = theirs.transform(given) if given.shape[0] else np.empty_like(columns)
        np.testing.assert_array_equal(columns, expected)
    ours.check_known(y[:1])
    ours.check_all_occur(y)


def test_which_are_looked_at_here():
    assert [name for name in LABELS if plain_classes(LABELS[name]) is not None] == [
        *PLAIN, "few", "every_one", "every_object"
    ]  # fmt: skip


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("known", ["int64", "two", "bool", "float32", "str", "object", "matrix"])
def test_knows_its_classes_as_sets_do(known, name):
    coding, y = LabelCoding(LABELS[known], bipolar=False), LABELS[name]
    classes, found = set(coding.classes), set(unique_labels(y))
    assert (messages(coding.check_all_occur, y) == []) == (found == classes)
    assert (messages(coding.check_known, y) == []) == (found <= classes)


def test_labels_of_another_type_are_compared_exactly():
    coding = LabelCoding(np.array([2**53, 2**53 + 1] * 2), bipolar=False)
    labels = np.array([2**53 + 1, 2**53], np.uint64)
    assert coding.encode(labels, np.dtype(float)).tolist() == [[1], [0]]
    with pytest.raises(ValueError, match="classes not in"):
        coding.check_known(np.array([2**53 + 2], np.uint64))
    names = LabelCoding(NAMES[[0, 1, 0, 1]], bipolar=False)
    with pytest.raises(ValueError, match="classes not in"):
        names.check_known(np.array(["oxen"]))


def test_of_several_labels_there_are_as_many_as_before():
    coding = LabelCoding(MATRIX, bipolar=False)
    with pytest.raises(ValueError, match="mismatch with the labels"):
        coding.encode(MATRIX[:, :2], np.dtype(float))
    with pytest.raises(ValueError, match="not fitted with multilabel"):
        LabelCoding(np.arange(3).repeat(2), bipolar=False).encode(MATRIX, np.dtype(float))


@pytest.mark.parametrize(
    "y",
    [
        np.arange(30), np.arange(30).astype(object), np.arange(20) / 7,
        np.ones(30), np.ones(30, int),
        np.array(["a", 1] * 9, dtype=object), np.array([1, "a"] * 9, dtype=object),
        np.array(["a", None] * 9, dtype=object), np.array(["a", ["b"]] * 9, dtype=object),
        np.array([b"a", b"b"] * 9), np.array(["x"] * 9), np.arange(12).reshape(6, 2),
        np.array([1j, 2] * 9), np.array([], int),
    ],
    ids=str,
)  # fmt: skip
def test_says_what_scikit_learn_says(y):
    def theirs():
        check_classification_targets(y)
        labels = LabelBinarizer().fit(y)
        if len(labels.classes_) < 2:
            raise ValueError(f"y has one class, {labels.classes_[0]!r}: a classifier needs two")

    ours = messages(lambda: LabelCoding(y, bipolar=False))
    expected = messages(theirs)
    if "y has one class" in str(expected):
        assert "y has one class" in str(ours)
    else:
        assert ours == expected
