"""How the first layer is computed: the one place that decides.

Over all values of X or over those that are not zero, how many rows at a time, and whether
a step on the weights of absent features waits. Measured in benchmarks/bench_sparse.py.
"""

from mlpcore._network cimport Network
from mlpcore._optimizers cimport Optimizer, SGD
from mlpcore._rows cimport count_groups, density, PAIR, Rows
from mlpcore._sparse cimport SPARSE_BLOCK_ROWS, SparseBlock
from mlpcore._team cimport Team

from mlpcore._levels import may_use_tiles

cdef enum:
    # Rows that pass through the network at a time: more gain nothing, and the scratch of
    # 784-1000-10 is 11 MiB in float64.
    BLOCK_ROWS = 512
    # Of CSR rows that are written out, 16 MiB in float64.
    CSR_BLOCK_VALUES = 1 << 21
    SAMPLED_ROWS = 500

# Walking non-zeros wins where a large first layer does most of the work and most of its
# input is zero.
SPARSE_MAX_DENSITY = 0.25
# Where all values are multiplied in tiles, which takes a fifth of the time.
SPARSE_MAX_DENSITY_BESIDE_TILES = 0.08
SPARSE_MIN_UNITS = 48
SPARSE_MIN_SHARE = 0.8
# Pairs of adjoining features, for each non-zero: up to so many it pays to walk them.
PAIRS_MAX_SHARE = 0.7
# Of a feature, in a batch: where steps that wait still win.
WAITING_MAX_ENTRIES = 1.0


def counted_density(Network network, Rows rows):
    """Return the share of non-zeros in up to 500 rows; None if none would be worth walking.

    Dense rows must be worth a search for them: the first layer needs SPARSE_MIN_UNITS units
    and SPARSE_MIN_SHARE of all weights.
    """
    if network.sizes[1] < SPARSE_LEAST_UNITS or rows.n_samples == 0:
        return None
    if not rows.is_csr and (network.sizes[1] < SPARSE_MIN_UNITS
                            or network.weights[1] < SPARSE_MIN_SHARE * network.n_weights):
        return None
    return density(rows, sampling_step(rows))


def max_density(Rows rows, bint bfloat16=False):
    """Return up to which share of non-zeros it pays to walk them.

    CSR rows would have to be written out first, whatever they are multiplied with then.
    """
    if bfloat16 and not rows.is_csr and may_use_tiles():
        return SPARSE_MAX_DENSITY_BESIDE_TILES
    return SPARSE_MAX_DENSITY


def prefers_sparse(Network network, Rows rows):
    """Whether to walk the non-zeros of the rows, without bfloat16."""
    share = counted_density(network, rows)
    return share is not None and share <= max_density(rows)


cdef bint steps_may_wait(Optimizer optimizer, Rows rows, double alpha, Py_ssize_t n_rows):
    """Whether Adam should leave features alone until a row has them again.

    It pays if most features are in no row of a batch. With L2 each step needs all weights.
    """
    return (optimizer.solver != SGD and alpha == 0
            and density(rows, sampling_step(rows)) * n_rows <= WAITING_MAX_ENTRIES)


cdef Py_ssize_t sampling_step(Rows rows) noexcept nogil:
    """Return how far the rows lie apart that tell the density of all."""
    return max(1, rows.n_samples // SAMPLED_ROWS)


cdef Py_ssize_t rows_of_a_block(Rows rows, bint sparse, Py_ssize_t n) noexcept nogil:
    """Return how many of n rows, a batch or all, pass through the network at a time."""
    cdef Py_ssize_t most = BLOCK_ROWS
    if sparse:
        most = SPARSE_BLOCK_ROWS
    elif rows.is_csr:
        # Written out, they must not be much longer than what they came from.
        most = max(1, min(BLOCK_ROWS, CSR_BLOCK_VALUES // max(1, rows.n_features)))
    return min(n, most)


cdef SparseBlock new_block(bint sparse, Network network, Rows rows, Py_ssize_t n_rows, dtype,
                           Team team, bint is_backward=True):
    """Return room for the non-zeros of n_rows at a time, or None if they are not to be walked.

    Only in the gradient there is something to be gained by pairs.
    """
    if not sparse:
        return None
    return SparseBlock(rows, n_rows, network.sizes[1], dtype, team,
                       PAIR if is_backward and prefers_pairs(rows) else 1, is_backward)


def prefers_pairs(Rows rows):
    """Whether two adjoining features are walked together: where most non-zeros have a neighbour.

    In images they have; where zeros lie anywhere, or one of several features is set, they have not.
    """
    if rows.is_csr:
        return False
    step = sampling_step(rows)
    return count_groups(rows, step, PAIR) <= PAIRS_MAX_SHARE * count_groups(rows, step, 1)
