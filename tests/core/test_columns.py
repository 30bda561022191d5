"""Columns to rows, beside NumPy."""

import numpy as np
import pytest

from mlpcore._columns import interleave


@pytest.mark.parametrize("dtype", ["f4", "f8", "u1"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 70), (64, 64), (130, 65), (0, 3), (5, 0)])
def test_interleave(dtype, shape):
    columns = np.random.default_rng(0).integers(0, 256, shape[::-1]).astype(dtype)
    out = np.empty(shape, dtype)
    interleave(list(columns), out)
    np.testing.assert_array_equal(out, columns.T)


def test_what_does_not_fit():
    out = np.empty((3, 2))
    with pytest.raises(ValueError, match="there are 1 columns: out has 2"):
        interleave([np.zeros(3)], out)
    with pytest.raises(ValueError, match=r"columns\[1\] has 4 rows: out has 3"):
        interleave([np.zeros(3), np.zeros(4)], out)
    with pytest.raises(ValueError, match="mismatch"):
        interleave([np.zeros(3), np.zeros(3, np.float32)], out)
