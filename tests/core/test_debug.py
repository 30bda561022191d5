"""The debug build, MLPCORE_DEBUG=1 when it was built, checks every index."""

import os

import numpy as np
import pytest

from mlpcore._activations import relu_backward


@pytest.mark.skipif(not os.environ.get("MLPCORE_DEBUG"), reason="not the debug build")
@pytest.mark.filterwarnings("default")
def test_index_out_of_bounds(capfd):
    with pytest.warns(pytest.PytestUnraisableExceptionWarning, match="relu_backward") as caught:
        relu_backward(np.ones((1, 1)), np.ones((1, 2)))
    assert "Out of bounds on buffer access" in str(caught[0].message)
