"""Fast, exact multi-layer perceptrons on a CPU, with scikit-learn's API."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlpcore._levels import check_simd_wish
from mlpcore._version import __version__

if TYPE_CHECKING:
    from mlpcore import datasets
    from mlpcore._classifier import MLPClassifier
    from mlpcore._config import show_config
    from mlpcore._loading import load
    from mlpcore._open_stream import stream
    from mlpcore._predictor import Predictor
    from mlpcore._regressor import MLPRegressor
    from mlpcore._safetensors import ModelFormatError

    MLP = MLPClassifier

__all__ = [
    "MLP",
    "MLPClassifier",
    "MLPRegressor",
    "ModelFormatError",
    "Predictor",
    "__version__",
    "datasets",
    "load",
    "show_config",
    "stream",
]

# Loaded when first asked for: a Predictor needs none of scikit-learn.
_HOME = {
    "MLP": "_classifier",
    "MLPClassifier": "_classifier",
    "MLPRegressor": "_regressor",
    "ModelFormatError": "_safetensors",
    "Predictor": "_predictor",
    "load": "_loading",
    "show_config": "_config",
    "stream": "_open_stream",
}

check_simd_wish()


def __getattr__(name: str) -> Any:
    if name == "datasets":
        return import_module("mlpcore.datasets")
    if name not in _HOME:
        raise AttributeError(f"module 'mlpcore' has no attribute {name!r}")
    home = import_module(f"mlpcore.{_HOME[name]}")
    value = getattr(home, "MLPClassifier" if name == "MLP" else name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
