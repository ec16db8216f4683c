"""An 8-bit graph in the shape that both runtimes run fast; the answers are those of any other.

**Enlargements stay planar.** Runtimes keep the channels of 8-bit activations together, pixel by
pixel, which convolutions like and an enlargement to the nearest neighbour does not: in that order
it copies a few bytes at a time, and takes twenty times as long as plane by plane. A ``Reshape``
to the same shape changes no number and costs nothing, and no runtime carries its order of bytes
through it.

**What is joined is rounded once.** A ``Concat`` of integers needs one step for all. What leads
to it alone, as the way up in a U-Net does, is rounded by that step from the start, not by one
of its own and then again.
"""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper

from cellwright.bundles.onnx_graph import OnnxGraph, constant_values

_SAME_SHAPE = "same_shape"
_PAIR = ("QuantizeLinear", "DequantizeLinear")
_PASSED_THROUGH = (*_PAIR, "Resize", "Reshape", "MaxPool")


def with_planar_enlargements(graph: bytes) -> bytes:
    """``graph``, ONNX bytes still in float, with a ``Reshape`` before what enlarges images.

    Nodes must have names of their own (:func:`cellwright.bundles.onnx_graph.with_names`).
    """
    parsed = OnnxGraph(graph)
    enlargements = [node for node in parsed.nodes if _enlarges_images(node, parsed)]
    if not enlargements:
        return graph
    model = parsed.model
    # A zero copies the length of the same place; the last is what remains.
    shape = numpy_helper.from_array(np.array([0, 0, 0, -1]), _SAME_SHAPE)
    model.graph.initializer.append(shape)
    for node in enlargements:
        planar = f"{node.name}.planar"
        before = helper.make_node("Reshape", [node.input[0], _SAME_SHAPE], [planar], name=planar)
        model.graph.node.insert(list(model.graph.node).index(node), before)
        node.input[0] = planar
    return bytes(model.SerializeToString())


def with_joined_steps(graph: bytes) -> bytes:
    """``graph``, ONNX bytes with quantize/dequantize pairs, with one step for what is joined."""
    parsed = OnnxGraph(graph)
    for node in parsed.nodes:
        if node.op_type != "Concat":
            continue
        behind = parsed.users[node.output[0]]
        if [user.op_type for user in behind] != ["QuantizeLinear"]:
            continue
        for name in node.input:
            for pair in _pairs_that_lead_only_to(name, parsed):
                pair.input[1:] = behind[0].input[1:]
    _drop_unused(parsed.model)
    return bytes(parsed.model.SerializeToString())


def _enlarges_images(node: NodeProto, graph: OnnxGraph) -> bool:
    """Whether it enlarges ``(N, C, H, W)`` to the nearest neighbour, by known factors."""
    if node.op_type != "Resize" or len(node.input) < 3:
        return False
    mode = next((one.s for one in node.attribute if one.name == "mode"), b"nearest")
    factors = graph.weight(node.input[2])
    if mode != b"nearest" or factors is None:
        return False
    values = constant_values(factors).tolist()
    return len(values) == 4 and min(values[2:]) > 1


def _pairs_that_lead_only_to(name: str, graph: OnnxGraph) -> list[NodeProto]:
    """Quantize and dequantize nodes on the way to a tensor, as far back as nothing branches off."""
    found = []
    while (node := graph.makers.get(name)) is not None and node.op_type in _PASSED_THROUGH:
        if len(graph.users[name]) > 1:
            return []
        if node.op_type in _PAIR:
            found.append(node)
        name = node.input[0]
    return found


def _drop_unused(model: ModelProto) -> None:
    """Take out stored tensors that no node reads."""
    used = {name for node in model.graph.node for name in node.input}
    kept = [one for one in model.graph.initializer if one.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
