from typing import Any

from numpy.typing import NDArray

from mlpcore._network import Network

class ForwardPass:
    network: Network
    params: NDArray[Any]
    input_scale: float
    n_threads: int
    def __init__(
        self,
        network: Network,
        params: NDArray[Any],
        input_scale: float = 1.0,
        n_threads: int = 1,
    ) -> None: ...
    def __call__(self, X: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]: ...
