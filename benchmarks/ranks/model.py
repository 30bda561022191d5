"""What a step takes on p ranks: computing, and the sum of the gradient.

    T(p, m) = rounds (t_0 + m t_1) + a(p, s)

m rows a rank, s bytes. t_0 is what every rank does whatever its rows, above all the step
itself; t_1 is a row's operations over the rate at which a core does them while the others
compute as well; rounds is the number of ranks that share a core, which take turns.

    a(p, s) = min(log2(p) (alpha + s / beta), 2 log2(p) alpha + 2 (1 - 1/p) s / beta)

is the time of recursive doubling or of reduce-scatter and allgather, whichever is shorter
(R. Thakur, R. Rabenseifner, W. Gropp, "Optimization of collective communication operations in
MPICH", 2005), with latency alpha and bandwidth beta.
"""

from dataclasses import dataclass
from math import ceil, log2


@dataclass(frozen=True)
class Link:
    """What a message takes: latency in seconds, bandwidth in bytes a second."""

    alpha: float
    beta: float


@dataclass(frozen=True)
class Computing:
    """What a rank's part of a step takes: by itself, and for each row, in seconds."""

    fixed: float
    row: float

    def seconds(self, rows: float) -> float:
        """Return the time of so many rows."""
        return self.fixed + rows * self.row


def fitted_computing(small: tuple[int, float], large: tuple[int, float]) -> Computing:
    """Return the line through two measurements: rows, seconds."""
    row = (large[1] - small[1]) / (large[0] - small[0])
    return Computing(large[1] - large[0] * row, row)


def fitted_link(of_a_value: float, n_bytes: int, of_all: float) -> Link:
    """Return the link of two ranks that sum 4 bytes and n_bytes in these times."""
    return Link(of_a_value, n_bytes / (of_all - of_a_value))


def allreduce(link: Link, ranks: int, n_bytes: int) -> float:
    """Return the seconds of a sum over ranks."""
    steps, moved = log2(ranks), n_bytes / link.beta
    doubling = steps * (link.alpha + moved)
    return min(doubling, 2 * steps * link.alpha + 2 * (1 - 1 / ranks) * moved)


def step(
    computing: Computing, link: Link, ranks: int, rows: float, n_bytes: int, cores: int = 0
) -> float:
    """Return the seconds of a step with so many rows a rank; cores=0 has one for each rank."""
    rounds = ceil(ranks / cores) if cores else 1
    return rounds * computing.seconds(rows) + allreduce(link, ranks, n_bytes)
