"""Fast, exact multi-layer perceptrons on a CPU, with scikit-learn's API."""

from mlpcore import datasets
from mlpcore._classifier import MLPClassifier
from mlpcore._config import show_config
from mlpcore._regressor import MLPRegressor
from mlpcore._version import __version__

MLP = MLPClassifier

__all__ = ["MLP", "MLPClassifier", "MLPRegressor", "__version__", "datasets", "show_config"]
