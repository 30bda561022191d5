"""ONNX Runtime: predictions only."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from workloads import Task, mean_loss

VERSION = f"onnxruntime {onnxruntime.__version__}"
VARIANTS = ("session",)


class Peer:
    """A session with the network as matrix products and activations."""

    def __init__(self, task: Task, variant: str) -> None:
        if not task.workload.rows:
            raise NotImplementedError("training")
        self.task, nodes, weights, x = task, [], [], "x"
        for i, (W, b) in enumerate(zip(task.coefs, task.intercepts, strict=True)):
            weights += [numpy_helper.from_array(W, f"W{i}"), numpy_helper.from_array(b, f"b{i}")]
            nodes.append(helper.make_node("Gemm", [x, f"W{i}", f"b{i}"], [f"z{i}"]))
            nodes.append(helper.make_node("Tanh", [f"z{i}"], [x := f"a{i}"]))
        graph = helper.make_graph(
            nodes, "mlp",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, W0.shape[0]])
             for W0 in task.coefs[:1]],
            [helper.make_tensor_value_info(x, TensorProto.FLOAT, [None, len(b)])], weights,
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 9
        self.session = onnxruntime.InferenceSession(model.SerializeToString())

    def loss(self) -> float:
        """Return the mean loss of all rows."""
        return mean_loss(self.task, np.asarray(self.session.run(None, {"x": self.task.X})[0]))

    def predict(self, times: int) -> None:
        """Compute the outputs of rows that lie in NumPy, some times."""
        for _ in range(times):
            self.session.run(None, {"x": self.task.X})
