"""IDX files, byte for byte."""

import numpy as np
import pytest

from mlpcore.datasets._idx import parse_idx

LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])
IMAGES = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1]) + bytes(range(6))


def test_parse_idx():
    images = parse_idx(IMAGES)
    assert images.tolist() == [[[0], [1], [2]], [[3], [4], [5]]]
    assert images.dtype == np.uint8
    assert images.flags.c_contiguous
    assert parse_idx(LABELS).tolist() == [7, 9]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "not an IDX file"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x00", "unsigned bytes"),
        (b"\x00\x00\x08\x03\x00\x00", "header cut off"),
        (LABELS[:-1], r"1 bytes does not fill \(2,\)"),
        (LABELS + b"\0", r"3 bytes does not fill \(2,\)"),
        (b"\x00\x00\x08\x02" + b"\xff" * 8 + b"x", "does not fill"),
    ],
)
def test_parse_bad_idx(content, match):
    with pytest.raises(ValueError, match=match):
        parse_idx(content)
