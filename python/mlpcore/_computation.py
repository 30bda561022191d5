"""How a fit is computed: what changes its time, and its numbers by rounding alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlpcore._first_layer import SPARSE_LEAST_UNITS, counted_density, max_density
from mlpcore._levels import has_bfloat16
from mlpcore._network import Network
from mlpcore._rows import Rows
from mlpcore._threads import available_threads


@dataclass(frozen=True)
class Computation:
    """The ways that a fit's products take.

    Parameters
    ----------
    sparse : bool
        Whether the first layer walks the non-zeros only.
    bfloat16 : bool
        Whether what is multiplied is rounded to bfloat16.
    n_threads : int
    """

    sparse: bool
    bfloat16: bool
    n_threads: int


def computation(estimator: Any, network: Network, rows: Rows, dtype: np.dtype[Any]) -> Computation:
    """Return how an estimator's parameters want a fit with this dtype to be computed.

    Raises
    ------
    ValueError
        If `compute_dtype` or `skip_zeros` asks for what there is not.
    """
    rounds = estimator.compute_dtype is not None
    if rounds:
        _check_bfloat16(estimator, dtype)
    return Computation(
        _skips_zeros(estimator, network, rows), rounds, estimator.n_threads or available_threads()
    )


def _check_bfloat16(estimator: Any, dtype: np.dtype[Any]) -> None:
    asked = f"compute_dtype={estimator.compute_dtype!r}"
    if estimator.solver == "lbfgs":
        raise ValueError(f"{asked} with solver='lbfgs': its line search needs exact losses")
    if dtype != np.float32:
        raise ValueError(f"{asked} with weights of {dtype}: pass dtype='float32', or X of float32")
    if not has_bfloat16():
        raise ValueError(
            f"{asked}: this processor, or the level set by MLPCORE_SIMD, has no AVX-512 BF16 "
            "instructions; see mlpcore.show_config()"
        )


def _skips_zeros(estimator: Any, network: Network, rows: Rows) -> bool:
    """Tell whether the first layer walks the non-zeros; prints what was counted."""
    wish: bool | None = estimator.skip_zeros
    if rows.n_samples == 0:  # on one of several ranks
        return False
    n_units = network.n_first_units
    if wish and n_units < SPARSE_LEAST_UNITS:
        raise ValueError(
            f"skip_zeros=True with {n_units} units in the first layer: needs "
            f"{SPARSE_LEAST_UNITS} or more"
        )
    if wish is not None:
        return wish
    density = counted_density(network, rows)
    if density is None:
        return False
    skips = density <= max_density(rows, estimator.compute_dtype is not None)
    if estimator.verbose:
        verb = "skips them" if skips else "computes with all values"
        print(f"Zeros: {1 - density:.1%} of X; the first layer {verb}.", flush=True)
    return skips
