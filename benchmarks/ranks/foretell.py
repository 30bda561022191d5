"""From what was measured of a network to what its steps take on any number of ranks."""

from model import Computing, Link, fitted_computing, fitted_link, step
from networks import NETWORKS

CORES = 2
RANKS = [2**k for k in range(11)]
# Not measured: what a data centre's Ethernet of 25 Gbit/s may do.
ETHERNET = Link(20e-6, 2.5e9)


def foretold(network, seconds):
    """Return the model of a network, its errors, and its steps on up to 1,024 ranks."""
    how = NETWORKS[network]
    batch, n_bytes = how.batch_size, how.n_bytes
    computing = fitted_computing((batch // 5, seconds["alone, a fifth"]), (batch, seconds["alone"]))
    link = fitted_link(seconds["latency of 2"], n_bytes, seconds["allreduce of 2"])
    steps = {"shared by 2": step(computing, link, 2, batch / 2, n_bytes)}
    if "shared by 2, twice the batch" in seconds:
        steps["shared by 2, twice the batch"] = step(computing, link, 2, batch, n_bytes)
    if "shared by 4" in seconds:
        # Ranks that share a core: what they wait for each other is in the sum measured so.
        steps["shared by 4"] = 4 / CORES * computing.seconds(batch / 4) + seconds["allreduce of 4"]
    return {
        "fixed_seconds": computing.fixed,
        "gflops_a_core": how.flops_a_row / computing.row / 1e9,
        "latency_us": 1e6 * link.alpha,
        "gigabytes_a_second": link.beta / 1e9,
        "steps": steps,
        "errors": {name: steps[name] / seconds[name] - 1 for name in steps},
        "curves": {
            "this machine's link": curves(how, computing, link),
            "Ethernet, assumed": curves(how, computing, ETHERNET),
        },
    }


def curves(how, computing: Computing, link: Link):
    """Return how many times as fast as one rank p are: with one batch, and with p batches.

    One batch pays as long as p ranks are p / 2 times as fast.
    """
    one = computing.seconds(how.batch_size)
    strong, weak = [], []
    for p in RANKS:
        # A rank may have no row of a batch; some rank has one.
        rows = max(1.0, how.batch_size / p)
        strong.append(one / step(computing, link, p, rows, how.n_bytes))
        weak.append(p * one / step(computing, link, p, how.batch_size, how.n_bytes))
    pays = max(p for p, faster in zip(RANKS, strong, strict=True) if faster >= p / 2)
    return {"ranks": RANKS, "one batch": strong, "a batch a rank": weak, "pays": pays}
