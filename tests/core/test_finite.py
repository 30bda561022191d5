import numpy as np
import pytest

from mlpcore._finite import all_finite

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


@DTYPES
@pytest.mark.parametrize("n_threads", [1, 2, 5, 100])
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (1, 15), (7, 63), (700, 1000)])
def test_what_is_finite(shape, n_threads, dtype):
    limits = np.finfo(dtype)
    values = [0, -0.0, 1, limits.max, limits.min, limits.tiny, limits.smallest_subnormal]
    X = np.resize(np.array(values, dtype), shape)
    X.flags.writeable = False
    assert all_finite(X, n_threads)


@DTYPES
@pytest.mark.parametrize("n_threads", [1, 2, 5])
@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf])
def test_one_value_is_found_anywhere(value, n_threads, dtype):
    X = np.ones((700, 1000), dtype)
    for at in [0, 1, 499_999, 350_000, 699_998, 699_999]:
        X.flat[at] = value
        assert not all_finite(X, n_threads)
        X.flat[at] = 1
    assert all_finite(X, n_threads)


@DTYPES
def test_every_bit_of_the_mantissa_makes_a_nan(dtype):
    bits = np.uint32 if dtype == "float32" else np.uint64
    infinity = np.array(np.inf, dtype).view(bits)
    for bit in range(np.finfo(dtype).nmant):
        X = (infinity | bits(1 << bit)).reshape(1, 1).view(dtype)
        assert np.isnan(X).all()
        assert not all_finite(X)


def test_columns_of_a_larger_matrix_are_refused():
    with pytest.raises(ValueError, match="contiguous"):
        all_finite(np.ones((4, 6))[:, :3])
