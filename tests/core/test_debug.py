"""The debug build, MLPCORE_DEBUG=1 when it was built, checks every index."""

import os
import sys

import numpy as np
import pytest

from mlpcore._activations import slope_backward


@pytest.mark.skipif(not os.environ.get("MLPCORE_DEBUG"), reason="not the debug build")
def test_index_out_of_bounds(monkeypatch):
    caught = []
    # A kernel cannot raise: its error is printed, and everywhere else in these tests fatal.
    monkeypatch.setattr(sys, "unraisablehook", lambda hooked: caught.append(hooked.exc_type))
    slope_backward(np.ones((1, 1)), np.ones((1, 2)))
    assert caught == [IndexError]
