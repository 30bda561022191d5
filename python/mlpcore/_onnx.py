"""A network as an ONNX graph, from X to labels."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlpcore._activations import Activation
from mlpcore._classes import Labels
from mlpcore._predictor import Predictor
from mlpcore._version import __version__

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

# Of 2022: what reads it is in use everywhere, and nothing needs a later one.
_OPSET, _IR_VERSION = 18, 8
# A protobuf message is shorter than 2 GiB; the rest of the graph fits beside the weights.
_MOST_BYTES = 2**31 - 2**20

_ONE_NODE: dict[Activation, tuple[str, dict[str, Any]]] = {
    Activation.RELU: ("Relu", {}),
    Activation.LOGISTIC: ("Sigmoid", {}),
    Activation.TANH: ("Tanh", {}),
    Activation.LEAKY_RELU: ("LeakyRelu", {"alpha": 0.01}),
    Activation.SOFTMAX: ("Softmax", {"axis": 1}),
    Activation.EXP: ("Exp", {}),
}


def onnx_model(predictor: Predictor, scores: str) -> "ModelProto":
    """Return a trained network as an ONNX model.

    Parameters
    ----------
    predictor : Predictor
    scores : str
        What the outputs of a classifier's network are called.

    Raises
    ------
    ImportError
        If onnx is not installed.
    ValueError
        If the weights are too many for one ONNX file.
    """
    try:
        from onnx import helper
    except ImportError as error:
        raise ImportError(f"to_onnx needs onnx (pip install 'mlpcore[onnx]'): {error}") from error
    if predictor.params.nbytes > _MOST_BYTES:
        raise ValueError(
            f"the weights take {predictor.params.nbytes} bytes: an ONNX file has room for "
            f"{_MOST_BYTES}"
        )
    graph = _Graph(predictor.params.dtype)
    outputs = _network_outputs(graph, predictor)
    if predictor.labels is None:
        graph.returns("variable", outputs, predictor.network.n_outputs)
    else:
        _add_labels(graph, predictor.labels, outputs, predictor.network.n_outputs)
        graph.returns(scores, *_scores(graph, predictor, outputs, scores))
    n_features = predictor.network.coefs(predictor.params)[0].shape[0]
    X = helper.make_tensor_value_info("X", graph.real, ["n_samples", n_features])
    made = helper.make_graph(graph.nodes, "mlp", [X], graph.outputs, graph.constants)
    return helper.make_model(
        made, producer_name="mlpcore", producer_version=__version__, ir_version=_IR_VERSION,
        opset_imports=[helper.make_opsetid("", _OPSET)],
    )  # fmt: skip


class _Graph:
    """Nodes and constants of a graph, under names that are numbered.

    Parameters
    ----------
    dtype : dtype
        Of the weights: everything is computed in it.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        from onnx import helper

        self.dtype, self.real = dtype, helper.np_dtype_to_tensor_dtype(dtype)
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.outputs: list[ValueInfoProto] = []

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; returns the name of its result."""
        from onnx import helper

        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, value: Any, dtype: Any = None) -> str:
        """Add a constant, by default of the dtype of the weights; returns its name."""
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        array = np.ascontiguousarray(value, dtype=self.dtype if dtype is None else dtype)
        self.constants.append(numpy_helper.from_array(array.reshape(np.shape(value)), name))
        return name

    def cast(self, x: str, dtype: Any) -> str:
        """Add a conversion; returns the name of its result."""
        from onnx import helper

        return self.add("Cast", x, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def returns(self, name: str, x: str, *columns: int, dtype: Any = None) -> None:
        """Make x, of so many columns, an output of the graph with this name."""
        from onnx import helper

        kind = self.real if dtype is None else helper.np_dtype_to_tensor_dtype(dtype)
        self.nodes.append(helper.make_node("Identity", [x], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, kind, ["n_samples", *columns]))


def _network_outputs(graph: _Graph, predictor: Predictor) -> str:
    """Add the forward pass; returns the name of the output layer's activations."""
    network, params = predictor.network, predictor.params
    made_of: Any = network.__reduce__()
    _, hidden, output, _ = made_of[1]
    x = "X"
    if predictor.input_scale != 1:
        x = graph.add("Mul", x, graph.constant(predictor.input_scale))
    layers = zip(network.coefs(params), network.intercepts(params), [*hidden, output], strict=True)
    for W, b, kind in layers:
        z = graph.add("Gemm", x, graph.constant(W), graph.constant(b))
        x = _activated(graph, Activation(kind), z)
    return x


def _activated(graph: _Graph, kind: Activation, z: str) -> str:
    """Add f(z); returns its name."""
    if kind in _ONE_NODE:
        name, attributes = _ONE_NODE[kind]
        return graph.add(name, z, **attributes)
    if kind == Activation.SILU:
        return graph.add("Mul", z, graph.add("Sigmoid", z))
    if kind == Activation.GELU:
        # z (1 + erf(z / sqrt(2))) / 2. ONNX Runtime has erf in float32 only.
        scaled = graph.add("Mul", z, graph.constant(np.sqrt(0.5)))
        erf = graph.cast(graph.add("Erf", graph.cast(scaled, np.float32)), graph.dtype)
        twice = graph.add("Mul", z, graph.add("Add", erf, graph.constant(1)))
        return graph.add("Mul", twice, graph.constant(0.5))
    return z


def _add_labels(graph: _Graph, labels: Labels, outputs: str, n_outputs: int) -> None:
    """Add what `Labels.decode` does with the outputs, as the output "label"."""
    if labels.is_multilabel:
        is_there = graph.add("Greater", outputs, graph.constant(labels.threshold))
        label = graph.cast(is_there, np.int64)
        graph.returns("label", label, n_outputs, dtype=np.dtype(np.int64))
        return
    classes = _onnx_classes(labels.classes)
    if n_outputs == 1:
        second = graph.add("Greater", outputs, graph.constant(labels.threshold))
        column = graph.constant([1], np.int64)
        index = graph.add("Squeeze", graph.cast(second, np.int64), column)
    else:
        index = graph.add("ArgMax", outputs, axis=1, keepdims=0)
    label = graph.add("Gather", graph.constant(classes, classes.dtype), index)
    graph.returns("label", label, dtype=classes.dtype)


def _onnx_classes(classes: Any) -> NDArray[Any]:
    """Return class labels in one of the types that ONNX has for them."""
    labels: NDArray[Any] = np.asarray(classes)
    if labels.dtype.kind in "iu":
        return labels.astype(np.uint64 if labels.max() > np.iinfo(np.int64).max else np.int64)
    if labels.dtype.kind == "f":
        return labels.astype(np.float64)
    if labels.dtype.kind == "b":
        return labels
    return labels.astype(str).astype(object)


def _scores(graph: _Graph, predictor: Predictor, outputs: str, scores: str) -> tuple[str, int]:
    """Return the name of what a classifier gives beside labels, and its number of columns."""
    n_outputs = predictor.network.n_outputs
    if scores != "probabilities" or n_outputs > 1:
        return outputs, n_outputs
    first = graph.add("Sub", graph.constant(1), outputs)
    return graph.add("Concat", first, outputs, axis=1), 2
