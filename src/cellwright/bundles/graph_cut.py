"""A classifier's graph cut in two at its last maps: image to maps, maps to logits.

With both halves at hand one can ask how the logits change with the maps without a framework
that differentiates. The cut is the last place that everything passes through, from image to
logits, and that still is a picture: rank 4, more than one pixel, behind a convolution, and
before whatever pools it away.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from cellwright.bundles.openvino_core import openvino_core
from cellwright.bundles.openvino_graph import clipping_instead_of_rounding
from cellwright.bundles.sessions import Batch
from cellwright.errors import BundleError

_CONVOLUTIONS = ("Convolution", "GroupConvolution")
_POOLS = (
    *("MaxPool", "AvgPool", "AdaptiveMaxPool", "AdaptiveAvgPool"),
    *("ReduceMean", "ReduceMax", "ReduceSum", "ReduceL2"),
)


class GraphPart:
    """One half of a cut graph, in float32; may be called by several threads, one at a time."""

    def __init__(self, model: Any, *, threads: int | None) -> None:
        settings: dict[str, object] = {
            "INFERENCE_PRECISION_HINT": "f32",
            "ENABLE_CPU_PINNING": False,
        }
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
        self._request = openvino_core().compile_model(model, "CPU", settings).create_infer_request()
        self._lock = Lock()

    def __call__(self, batch: Batch) -> Batch:
        """The half's one output for one batch."""
        with self._lock:
            return np.array(self._request.infer([np.ascontiguousarray(batch)])[0])


@dataclass(frozen=True, eq=False)
class CutGraph:
    """Both halves.

    Attributes:
        trunk: ``(N, C, H, W)`` images to ``(N, K, h, w)`` maps.
        head: maps to ``(N, classes)`` logits.
        layer: name of the maps in the graph.
    """

    trunk: GraphPart
    head: GraphPart
    layer: str


def cut_at_last_maps(graph: bytes, *, output: str, threads: int | None = None) -> CutGraph:
    """Cut ``graph`` where its last maps are.

    A graph in 8 bits is cut with its clipping but without its rounding, since a staircase has
    no slope.

    Args:
        graph: ONNX bytes of one input ``(N, C, H, W)``.
        output: name of the logits.
        threads: processor threads; None lets OpenVINO choose.

    Raises:
        BundleError: the graph cannot be read, or no maps stand between image and logits.
    """
    import openvino as ov  # noqa: PLC0415  half a second that nobody else should pay

    try:
        model = openvino_core().read_model(model=graph)
        clipping_instead_of_rounding(model)
        cut = _last_maps(model, output)
        if cut is None:
            raise BundleError(
                "no layer of this graph holds maps that all of its answer comes from",
                remedy="only networks that end convolution, pooling, classes can be explained",
            )
        trunk = GraphPart(ov.Model([cut.output(0)], model.get_parameters()), threads=threads)
        maps = ov.opset13.parameter(cut.output(0).get_partial_shape(), np.float32)
        for place in cut.output(0).get_target_inputs():
            place.replace_source_output(maps.output(0))
        head = GraphPart(ov.Model([_logits(model, output)], [maps]), threads=threads)
    except RuntimeError as error:
        raise BundleError(f"OpenVINO cannot cut the graph in two ({error})") from error
    return CutGraph(trunk, head, str(cut.get_friendly_name()))


def _logits(model: Any, output: str) -> Any:
    """The value that is put out as ``output``."""
    return model.output(output).get_node().input_value(0)


def _last_maps(model: Any, output: str) -> Any | None:
    """The last node with maps that every way from the image to the logits passes through."""
    way = _way(model, output)
    place = {node.get_name(): index for index, node in enumerate(way)}
    open_until = 0
    seen_convolution, found = False, None
    for index, node in enumerate(way):
        seen_convolution |= node.get_type_name() in _CONVOLUTIONS
        only_way = open_until <= index
        if only_way and seen_convolution and _holds_maps(node):
            found = node
        users = (place.get(user.get_name(), 0) for user in _users(node))
        open_until = max(open_until, *users, 0)
    return found


def _way(model: Any, output: str) -> list[Any]:
    """Nodes between image and logits in order; what only looks at shapes is left out."""
    nodes = [node for node in model.get_ordered_ops() if node.get_type_name() != "ShapeOf"]
    ahead = {parameter.get_name() for parameter in model.get_parameters()}
    for node in nodes:
        if any(value.get_node().get_name() in ahead for value in node.input_values()):
            ahead.add(node.get_name())
    behind = {_logits(model, output).get_node().get_name()}
    for node in reversed(nodes):
        if any(user.get_name() in behind for user in _users(node)):
            behind.add(node.get_name())
    return [node for node in nodes if node.get_name() in ahead & behind]


def _users(node: Any) -> list[Any]:
    return [place.get_node() for value in node.outputs() for place in value.get_target_inputs()]


def _holds_maps(node: Any) -> bool:
    shape = node.output(0).get_partial_shape()
    if node.get_type_name() in _POOLS or shape.rank.is_dynamic or len(shape) != 4:
        return False
    return all(edge.is_dynamic or edge.get_length() > 1 for edge in list(shape)[2:])
