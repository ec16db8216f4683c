"""The weights inside a graph, by the names that the network gave them.

``bundles.export`` keeps batch normalisation apart from the convolutions (the runtimes
join them when they load the graph), so a bundle is also a starting point for training.
The using half does not need this module, and the package onnx comes with the extra
``train``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper


def graph_weights(graph: bytes) -> dict[str, NDArray[np.float32]]:
    """Every named float tensor stored in an ONNX graph, as float32.

    Args:
        graph: ONNX model bytes.
    """
    model: Any = onnx.load_from_string(graph)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    # Tensors that happen to be equal are stored once, and the others point to them; those kept
    # in 16 bits have a cast behind them that bears their name.
    aliases = {
        node.output[0]: node.input[0]
        for node in model.graph.node
        if node.op_type in ("Identity", "Cast")
    }
    weights = {name: np.asarray(numpy_helper.to_array(t)) for name, t in stored.items()}
    for alias, name in aliases.items():
        if name in weights:
            weights[alias] = weights[name].astype(np.float32)
    return {name: array for name, array in weights.items() if array.dtype == np.float32}
