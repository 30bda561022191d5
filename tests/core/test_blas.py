import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcore._blas import matmul

DTYPES = ["float32", "float64"]
sizes = st.integers(0, 40)


@given(sizes, sizes, sizes, st.sampled_from(["nn", "nt", "tn"]), st.sampled_from(DTYPES))
@settings(deadline=None, max_examples=200)
def test_equals_numpy(m, n, k, kind, dtype):
    rng = np.random.default_rng(m + 41 * n + 1681 * k)
    trans_a, trans_b = kind[0] == "t", kind[1] == "t"
    A = rng.normal(size=(k, m) if trans_a else (m, k)).astype(dtype)
    B = rng.normal(size=(n, k) if trans_b else (k, n)).astype(dtype)
    C = rng.normal(size=(m, n)).astype(dtype)
    expected = 0.5 * ((A.T if trans_a else A) @ (B.T if trans_b else B)) - 2 * C
    matmul(A, B, 0.5, -2.0, C, trans_a=trans_a, trans_b=trans_b)
    np.testing.assert_allclose(C, expected, atol=40 * np.finfo(dtype).eps * 10)


@pytest.mark.parametrize("dtype", DTYPES)
def test_beta_zero_overwrites_nan(dtype):
    C = np.full((2, 2), np.nan, dtype)
    matmul(np.ones((2, 3), dtype), np.ones((3, 2), dtype), 1.0, 0.0, C)
    assert (C == 3).all()


@pytest.mark.parametrize(
    ("shapes", "options"),
    [
        ([(2, 3), (4, 5), (2, 5)], {}),
        ([(2, 3), (3, 5), (5, 2)], {}),
        ([(2, 3), (3, 5), (2, 5)], {"trans_a": True}),
        ([(2, 2), (2, 2), (2, 2)], {"trans_a": True, "trans_b": True}),
    ],
)
def test_shapes_that_do_not_fit(shapes, options):
    A, B, C = map(np.ones, shapes)
    with pytest.raises(ValueError, match=r"op\(A\)|trans_a"):
        matmul(A, B, 1.0, 0.0, C, **options)
    assert (C == 1).all()


@pytest.mark.parametrize("shapes", [(2**31, 0, 0), (0, 2**31, 0), (0, 0, 2**31)])
def test_dimension_beyond_blas(shapes):
    m, k, n = shapes
    with pytest.raises(OverflowError, match="2147483648"):
        matmul(np.empty((m, k)), np.empty((k, n)), 1.0, 0.0, np.empty((m, n)))


def test_refuses_what_is_not_contiguous():
    A = np.ones((4, 4))
    with pytest.raises(ValueError, match="contiguous"):
        matmul(A.T[:, :2], np.ones((2, 2)), 1.0, 0.0, np.ones((4, 2)))
