from mlpcore._network import Network
from mlpcore._rows import Rows

SPARSE_MAX_DENSITY: float
SPARSE_MIN_UNITS: int
SPARSE_MIN_SHARE: float
SPARSE_LEAST_UNITS: int
WAITING_MAX_ENTRIES: float

def counted_density(network: Network, rows: Rows) -> float | None: ...
def max_density(rows: Rows, bfloat16: bool = False) -> float: ...
def prefers_sparse(network: Network, rows: Rows) -> bool: ...
