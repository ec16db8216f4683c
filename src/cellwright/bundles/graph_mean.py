"""Several ONNX graphs as one that answers with the mean of their outputs.

Every tensor and node of a member is renamed to ``members.<number>.<name>``, the names that a
committee made in training has (:mod:`cellwright.models.committee`), so that its weights are
found again. Only the picture is shared.

Merging needs the package ``onnx``, which comes with the extra ``train``; without it, importing
this module says so in a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from cellwright.errors import BundleError, MissingExtraError

if find_spec("onnx") is None:
    raise MissingExtraError("onnx", "train")

from onnx import ModelProto, NodeProto, helper
from onnx.compose import add_prefix

from cellwright.bundles.onnx_graph import OnnxGraph


def mean_graph(graphs: Sequence[bytes]) -> bytes:
    """ONNX bytes of the graph that feeds its input to all ``graphs`` and gives their mean.

    Args:
        graphs: with inputs and outputs of the same names and shapes.

    Raises:
        BundleError: names, operator sets or shapes of outputs differ, or a graph takes more
            than one input.
    """
    parsed = [OnnxGraph(graph) for graph in graphs]
    first = parsed[0]
    if len(first.input_names) != 1:
        raise BundleError(f"a graph takes {len(first.input_names)} inputs instead of a picture")
    for other in parsed[1:]:
        if _interface(other) != _interface(first):
            raise BundleError(
                f"graphs differ in what they take and give: {_interface(first)} beside "
                f"{_interface(other)}"
            )
    merged = ModelProto()
    merged.CopyFrom(first.model)
    merged.ir_version = max(one.model.ir_version for one in parsed)
    for field in ("node", "initializer", "sparse_initializer", "value_info"):
        merged.graph.ClearField(field)
    for number, one in enumerate(parsed):
        member = _renamed(one, f"members.{number}.")
        merged.graph.node.extend(member.graph.node)
        merged.graph.initializer.extend(member.graph.initializer)
        merged.graph.sparse_initializer.extend(member.graph.sparse_initializer)
    merged.graph.node.extend(_mean(name, len(parsed)) for name in first.output_names)
    return bytes(merged.SerializeToString())


def _interface(graph: OnnxGraph) -> tuple[object, ...]:
    """What graphs must share: names and shapes of what goes in and out, and operator sets."""
    model = graph.model
    ends = [one for one in model.graph.input if one.name in graph.input_names]
    shapes = [
        (one.name, *(axis.dim_value or "any" for axis in one.type.tensor_type.shape.dim))
        for one in (*ends, *model.graph.output)
    ]
    opsets = sorted((one.domain or "ai.onnx", one.version) for one in model.opset_import)
    return (*shapes, *opsets)


def _renamed(graph: OnnxGraph, prefix: str) -> ModelProto:
    """The graph with ``prefix`` before every name but that of its input."""
    model: ModelProto = add_prefix(graph.model, prefix, rename_inputs=False)
    return model


def _mean(output: str, n_members: int) -> NodeProto:
    inputs = [f"members.{number}.{output}" for number in range(n_members)]
    return helper.make_node("Mean", inputs, [output], name=f"mean.{output}")
