"""What a network costs whatever it runs on: parameters, multiply-accumulates, bytes of its file.

Counted on the ONNX graph that ships, so the counts of a pruned or quantized graph are its own.
Where batch norms are folded into the convolutions before them, as in a quantized graph, they
leave one number a channel instead of two, and no work. One multiply-accumulate is two floating
point operations, as papers count GFLOPs; additions of biases, activations and pooling are left
out, as they are there.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

from onnx import NodeProto, TensorProto

from cellwright.bundles.onnx_graph import LAYERS, OnnxGraph, attribute, constant_values

_WEIGHTS = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm"), (1, 2)),
    "MatMul": (0, 1),
    "PRelu": (1,),
    **dict.fromkeys(("BatchNormalization", "InstanceNormalization", "LayerNormalization"), (1, 2)),
}
"""Operator -> inputs that hold what was learned; means and variances are measured, not learned."""


@dataclass(frozen=True)
class GraphCost:
    """Cost of one pass.

    Attributes:
        parameters: learned numbers.
        macs: multiply-accumulates of one pass at ``input_shape``.
        bytes: size of the ONNX file.
        zipped_bytes: of the same file deflated, as a bundle stores it where that helps.
        weights: numbers that the layers multiply with.
        zero_weights: how many of them are exactly zero, in float or in 8 bits.
        input_shape: ``(N, C, H, W)`` that ``macs`` holds for.
    """

    parameters: int
    macs: int
    bytes: int
    zipped_bytes: int
    weights: int
    zero_weights: int
    input_shape: tuple[int, ...]

    @property
    def gflops(self) -> float:
        """Billions of floating point operations of one pass: two a multiply-accumulate."""
        return 2 * self.macs / 1e9

    @property
    def sparsity(self) -> float:
        """Share of zeros among the weights; dense runtimes multiply with them all the same."""
        return self.zero_weights / self.weights if self.weights else 0.0


def graph_cost(onnx_bytes: bytes, input_shape: tuple[int, ...]) -> GraphCost:
    """Count a graph's parameters, multiply-accumulates at ``input_shape``, and bytes.

    Args:
        onnx_bytes: the ONNX file, float or quantized (QDQ).
        input_shape: ``(N, C, H, W)``, sizes the graph accepts.

    Raises:
        BundleError: no ONNX model, or it does not run at that shape.
    """
    graph = OnnxGraph(onnx_bytes)
    layers = [node for node in graph.nodes if node.op_type in LAYERS]
    stored = _weights_of(layers, graph)
    shapes = graph.shapes((name for node in layers for name in _sized_by(node)), input_shape)
    return GraphCost(
        parameters=sum(prod(tensor.dims) for tensor in _learned(graph).values()),
        macs=sum(_macs(node, graph, shapes) for node in layers),
        bytes=len(onnx_bytes),
        zipped_bytes=len(zlib.compress(onnx_bytes)),
        weights=sum(prod(tensor.dims) for tensor in stored),
        zero_weights=sum(int((constant_values(tensor) == 0).sum()) for tensor in stored),
        input_shape=tuple(input_shape),
    )


def _learned(graph: OnnxGraph) -> dict[str, TensorProto]:
    """Learned tensors by name: one that two layers share counts once."""
    names = [
        node.input[index]
        for node in graph.nodes
        for index in _WEIGHTS.get(node.op_type, ())
        if index < len(node.input)
    ]
    names += [name for node in graph.nodes for name in _bias_behind_matmul(node, graph)]
    tensors = (graph.weight(name) for name in names)
    return {tensor.name: tensor for tensor in tensors if tensor is not None}


def _weights_of(layers: Iterable[NodeProto], graph: OnnxGraph) -> list[TensorProto]:
    """What the layers multiply with, without their biases, each tensor once."""
    sides = {"MatMul": (0, 1)}
    names = (node.input[index] for node in layers for index in sides.get(node.op_type, (1,)))
    tensors = (graph.weight(name) for name in names)
    return list({one.name: one for one in tensors if one is not None}.values())


def _bias_behind_matmul(node: NodeProto, graph: OnnxGraph) -> list[str]:
    """A linear layer is exported as ``MatMul`` and ``Add``: the vector added is its bias."""
    if node.op_type != "Add":
        return []
    made_by = [getattr(graph.makers.get(name), "op_type", "") for name in node.input]
    return [
        name
        for name, other in zip(node.input, reversed(made_by), strict=True)
        if other == "MatMul"
        and (stored := graph.weight(name)) is not None
        and len(stored.dims) == 1
    ]


def _sized_by(node: NodeProto) -> tuple[str, ...]:
    """The tensors whose shapes say how often a layer's weights are used."""
    if node.op_type == "MatMul":
        return (node.input[0], node.output[0])
    return (node.input[0] if node.op_type == "ConvTranspose" else node.output[0],)


def _macs(node: NodeProto, graph: OnnxGraph, shapes: Mapping[str, list[int]]) -> int:
    if node.op_type == "MatMul":
        return prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    weight = graph.weight(node.input[1])
    if weight is None:
        return 0
    uses = prod(shapes[_sized_by(node)[0]])
    if node.op_type == "Gemm":
        return uses * int(weight.dims[1 if attribute(node, "transB", 0) else 0])
    # Conv: (C_out, C_in / groups, k, k) for each output value; ConvTranspose:
    # (C_in, C_out / groups, k, k) for each input value.
    return uses * prod(int(length) for length in weight.dims[1:])
