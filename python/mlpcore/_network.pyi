from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from mlpcore._activations import Activation

class Network:
    n_layers: int
    n_weights: int
    n_params: int
    n_units: int
    shared_bias: bool
    keeps_slopes: bool
    output: Activation
    def __init__(
        self,
        sizes: Sequence[int],
        hidden: Activation | Sequence[Activation],
        output: Activation,
        shared_bias: bool = False,
    ) -> None: ...
    @property
    def n_outputs(self) -> int: ...
    @property
    def n_first_units(self) -> int: ...
    def scaling_inputs(self, scale: float) -> Network: ...
    def coefs(self, params: NDArray[Any]) -> list[NDArray[Any]]: ...
    def own_biases(self, params: NDArray[Any]) -> list[NDArray[Any]]: ...
    def intercepts(self, params: NDArray[Any]) -> list[NDArray[Any]]: ...
