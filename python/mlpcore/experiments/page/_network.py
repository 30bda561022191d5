"""The best network itself: its weights and its mistakes, for the page."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore.experiments._data import Split
from mlpcore.experiments._results import Row, canonical
from mlpcore.experiments._training import Training, train
from mlpcore.experiments.page._svg import mosaic, png

WEIGHTS_FILE = "best-network.npz"
UNITS_SHOWN, UNITS_A_ROW = 60, 10
MISTAKES_SHOWN = 24


@dataclass(frozen=True)
class Network:
    """What the page shows of a network: its first layer, and its outputs on the test half."""

    first_layer: NDArray[Any]
    outputs: NDArray[Any]


def best_network(directory: Path, training: Training, split: Split) -> Network:
    """Return the network of a training: the one kept in a directory, or trained and kept."""
    path = directory / WEIGHTS_FILE
    identity = json.dumps(canonical(training.settings), sort_keys=True)
    if path.exists():
        try:
            with np.load(path) as kept:
                if str(kept["settings"]) == identity:
                    return Network(kept["first_layer"], kept["outputs"])
        except (OSError, ValueError, KeyError):
            pass  # whatever it is, it is not that network
    _, model = train(training, split)
    outputs = model.decision_function(split.test[0])
    network = Network(model.coefs_[0].astype(np.float32), outputs.astype(np.float32))
    np.savez(path, settings=identity, first_layer=network.first_layer, outputs=network.outputs)
    return network


def confusion(rows: Sequence[Row]) -> NDArray[np.int64]:
    """Return the sum of the confusion matrices of some trainings."""
    return np.sum([row["confusion"] for row in rows], axis=0)


def weight_images(network: Network) -> str:
    """Return the first layer's weights, a square a unit, as a data URL.

    The units with the largest weights; blue is negative, red positive, on each unit's
    own scale.
    """
    W = network.first_layer.T
    order = np.argsort(-np.linalg.norm(W, axis=1))[:UNITS_SHOWN]
    images = W[order].reshape(len(order), 28, 28)
    images = images / np.abs(images).max(axis=(1, 2), keepdims=True)
    return png(mosaic(images, UNITS_A_ROW), cmap="RdBu_r", vmin=-1, vmax=1)


def mistakes(network: Network, split: Split) -> list[dict[str, str]]:
    """Return the test digits that the network is surest of and wrong about."""
    X, y = split.test
    called = network.outputs.argmax(axis=1)
    surest = network.outputs.max(axis=1)
    wrong = np.flatnonzero(called != y)
    order = wrong[np.argsort(-surest[wrong], kind="stable")][:MISTAKES_SHOWN]
    return [
        {
            "image": png(255 - X[i].reshape(28, 28), cmap="gray", vmin=0, vmax=255),
            "truth": str(y[i]),
            "called": str(called[i]),
            "output": f"{surest[i]:.3f}",
        }
        for i in order
    ]
