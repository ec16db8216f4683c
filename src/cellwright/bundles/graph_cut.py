"""A classifier's graph cut in two at its last maps: image to maps, maps to logits.

With both halves at hand one can ask how the logits change with the maps without a framework
that differentiates. The cut is the last place that everything passes through, from image to
logits, and that still is a picture: rank 4, more than one pixel, behind a convolution, and
before whatever pools it away. Where several networks answer together, each has such a place;
their maps are put side by side as the channels of one.
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
        end = model.output(output).get_node().input_value(0)
        cuts = [node.output(0) for node in _last_maps(model, end.get_node())]
        shapes = [cut.get_partial_shape() for cut in cuts]
        if not cuts or len({str(list(shape)[2:]) for shape in shapes}) > 1:
            raise BundleError(
                "no layer of this graph holds maps that all of its answer comes from",
                remedy="only networks that end convolution, pooling, classes can be explained",
            )
        side_by_side = ov.opset13.concat(cuts, axis=1)
        trunk = GraphPart(ov.Model([side_by_side], model.get_parameters()), threads=threads)
        maps = ov.opset13.parameter(side_by_side.output(0).get_partial_shape(), np.float32)
        lengths = [list(shape)[1].get_length() for shape in shapes]
        apart = ov.opset13.variadic_split(maps, 1, lengths)
        for index, cut in enumerate(cuts):
            for place in cut.get_target_inputs():
                if place.get_node().get_name() != side_by_side.get_name():
                    place.replace_source_output(apart.output(index))
        head = GraphPart(ov.Model([end], [maps]), threads=threads)
    except RuntimeError as error:
        raise BundleError(f"OpenVINO cannot cut the graph in two ({error})") from error
    name = str(cuts[0].get_node().get_friendly_name())
    return CutGraph(trunk, head, name if len(cuts) == 1 else f"{name}, in each of {len(cuts)}")


def _last_maps(model: Any, end: Any) -> list[Any]:
    """The last node with maps that every way from the image to ``end`` passes through.

    Where there is none, but several ways meet before ``end``, one for each of those; none where
    one of them has none, or two share theirs.
    """
    way = _way(model, end)
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
    if found is not None:
        return [found]
    parts = [_last_maps(model, node) for node in _meeting(end, place)]
    nodes = [node for part in parts for node in part]
    apart = len({node.get_name() for node in nodes}) == len(nodes)
    return nodes if all(parts) and apart else []


def _meeting(end: Any, place: dict[str, int]) -> list[Any]:
    """The nodes that come together where ways last meet before ``end``; empty if they never do."""
    node = end
    while True:
        before = {value.get_node().get_name(): value.get_node() for value in node.input_values()}
        on_way = [one for name, one in before.items() if name in place]
        if len(on_way) != 1:
            return on_way
        node = on_way[0]


def _way(model: Any, end: Any) -> list[Any]:
    """Nodes from the image to ``end`` in order; what only looks at shapes is left out."""
    nodes = [node for node in model.get_ordered_ops() if node.get_type_name() != "ShapeOf"]
    ahead = {parameter.get_name() for parameter in model.get_parameters()}
    for node in nodes:
        if any(value.get_node().get_name() in ahead for value in node.input_values()):
            ahead.add(node.get_name())
    behind = {end.get_name()}
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
