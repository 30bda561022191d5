"""What ranks that share a fit must have alike: parameters, the form of their data, weights."""

import hashlib
import re
from typing import Any

from numpy.typing import NDArray

from mlpcore._levels import simd_level
from mlpcore._ranks import Ranks

# Each rank may have its own: seeds are those of rank 0.
_FREE = ("verbose", "n_threads", "random_state")


def check_alike(
    ranks: Ranks, estimator: Any, earlier: dict[str, Any], sample_weight: Any, validation: Any
) -> None:
    """Raise ValueError, on all ranks, unless all make the same call of the same estimator."""
    params = estimator.get_params(deep=False)
    # Functions have an address, which is nobody's business.
    texts = {
        name: re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
        for name, value in params.items() if name not in _FREE
    }  # fmt: skip
    check_same(
        ranks,
        texts | {
            "the estimator": type(estimator).__name__,
            "sample_weight": "None" if sample_weight is None else "given",
            "X_val": "None" if validation[0] is None else "given",
            "the digest of the weights to go on from": digest(earlier.get("_params")),
            # Its rounding is its own.
            "the instruction set (MLPCORE_SIMD names a lower one)": simd_level(),
        },
    )  # fmt: skip


def check_weights(ranks: Ranks, params: NDArray[Any]) -> None:
    """Raise ValueError, on all ranks, unless they have the same weights, bit by bit."""
    check_same(ranks, {"the digest of the weights": digest(params)})


def digest(params: NDArray[Any] | None) -> str:
    """Return a short digest of a vector."""
    return "" if params is None else hashlib.sha256(params.data).hexdigest()[:16]


def check_same(ranks: Ranks, values: dict[str, Any]) -> None:
    """Raise ValueError, on all ranks, unless they have the same values.

    Parameters
    ----------
    ranks : Ranks
    values : dict
        By name, as texts and numbers.
    """
    given = ranks.exchange(values)
    for name in {name: None for each in given for name in each}:
        found = [each.get(name) for each in given]
        other = next((i for i, value in enumerate(found) if value != found[0]), None)
        if other is not None:
            raise ValueError(
                f"{name} is {found[0]} on rank 0, and {found[other]} on rank {other}: needed is "
                "the same on all ranks"
            )


def filled(
    ranks: Ranks, data: tuple[NDArray[Any], NDArray[Any]] | None, names: Any
) -> tuple[tuple[NDArray[Any], NDArray[Any]], Any]:
    """Return X and y of a rank, without rows but of the others' form where it has none.

    Parameters
    ----------
    ranks : Ranks
    data : (X, y) or None
        None on a rank that has no rows.
    names : object
        Of the features; returned as the others have them.

    Raises
    ------
    ValueError
        If no rank has rows, or they are not of the same form.
    """
    own = None if data is None else (data[0][:0], data[1][:0], names)
    given = [(rank, form) for rank, form in enumerate(ranks.exchange(own)) if form is not None]
    if not given:
        raise ValueError(f"X has no rows on any of {ranks.size} ranks: needed is at least one")
    first_rank, (first_X, first_y, first_names) = given[0]
    for rank, (X, y, names_there) in given:
        pairs = {
            "the number of columns of X": (first_X.shape[1], X.shape[1]),
            "the dtype of X": (first_X.dtype, X.dtype),
            "the shape of y, but for its rows,": (first_y.shape[1:], y.shape[1:]),
            "y of strings": (first_y.dtype.kind in "OUS", y.dtype.kind in "OUS"),
            "feature_names_in_": (first_names, names_there),
        }
        for name, (here, there) in pairs.items():
            if here != there:
                raise ValueError(
                    f"{name} is {here} on rank {first_rank}, and {there} on rank {rank}: needed "
                    "is the same on all ranks that have rows"
                )
    return ((first_X, first_y) if data is None else data), first_names
