"""Which parts of a network stay in float when the rest becomes integers.

Two kinds. What follows the last learned layer is arithmetic on results: the expectation of a
distribution, boxes in pixels beside scores in [0, 1] in one tensor. Eight bits for both at
once would leave a score no bits at all. And the last learned layers themselves: their
outputs are what is thresholded and measured, they are a hundredth of the work, and an error
there is passed on by nothing that could even it out.
"""

from __future__ import annotations

import numpy as np
from onnx import NodeProto

from cellwright.bundles.onnx_graph import LAYERS, OnnxGraph, constant_values


def float_nodes(graph: OnnxGraph) -> frozenset[str]:
    """Names of the nodes that stay in float: the last learned layers, and all behind them.

    Nodes must have names of their own (:func:`cellwright.bundles.onnx_graph.with_names`).
    """
    leads_to_layer: dict[str, bool] = {}
    kept = set()
    for node in reversed(graph.nodes):
        users = [user for name in node.output for user in graph.users[name]]
        leads_on = any(leads_to_layer[user.name] or _is_learned(user, graph) for user in users)
        leads_to_layer[node.name] = leads_on
        if not leads_on:
            kept.add(node.name)
    return frozenset(kept)


def _is_learned(node: NodeProto, graph: OnnxGraph) -> bool:
    """A layer whose weights were learned; the fixed bins of an expectation were not."""
    if node.op_type not in LAYERS:
        return False
    weight = graph.weight(node.input[1])
    if weight is None:
        return False
    values = constant_values(weight).ravel()
    return not np.array_equal(values, np.arange(values.size))
