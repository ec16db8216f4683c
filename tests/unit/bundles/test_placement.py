"""What stays in float, on graphs shaped like the heads that exist."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from cellwright.bundles.onnx_graph import OnnxGraph, with_names
from cellwright.bundles.placement import float_nodes


def a_graph(nodes, weights, *, outputs):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [value("image", TensorProto.FLOAT, ["N", 3, 16, 16])],
        [value(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def kept_in_float(data):
    graph = OnnxGraph(with_names(data))
    kept = float_nodes(graph)
    return [node.op_type for node in graph.nodes if node.name in kept]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_the_last_layer_of_each_branch_and_what_follows_it(rng):
    nodes = [
        helper.make_node("Conv", ["image", "stem"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "sides"], ["c"]),
        helper.make_node("Conv", ["b", "classes"], ["d"]),
        helper.make_node("Sigmoid", ["d"], ["e"]),
        helper.make_node("Concat", ["c", "e"], ["output0"], axis=1),
    ]
    weights = [
        ("stem", rng.normal(size=(8, 3, 1, 1))),
        ("sides", rng.normal(size=(4, 8, 1, 1))),
        ("classes", rng.normal(size=(2, 8, 1, 1))),
    ]
    found = kept_in_float(a_graph(nodes, weights, outputs=["output0"]))
    assert found == ["Conv", "Conv", "Sigmoid", "Concat"]


def test_the_bins_of_an_expectation_are_no_layer(rng):
    """Distances as ultralytics decodes them: a fixed convolution over softmax scores."""
    nodes = [
        helper.make_node("Conv", ["image", "stem"], ["a"]),
        helper.make_node("Conv", ["a", "sides"], ["b"]),
        helper.make_node("Softmax", ["b"], ["c"], axis=1),
        helper.make_node("Conv", ["c", "bins"], ["distance"]),
    ]
    weights = [
        ("stem", rng.normal(size=(8, 3, 1, 1))),
        ("sides", rng.normal(size=(16, 8, 1, 1))),
        ("bins", np.arange(16).reshape(1, 16, 1, 1)),
    ]
    found = kept_in_float(a_graph(nodes, weights, outputs=["distance"]))
    assert found == ["Conv", "Softmax", "Conv"]


def test_a_layer_that_feeds_an_output_and_another_layer_is_not_last(rng):
    nodes = [
        helper.make_node("Conv", ["image", "stem"], ["side_output"]),
        helper.make_node("Conv", ["side_output", "head"], ["output"]),
    ]
    weights = [
        ("stem", rng.normal(size=(8, 3, 1, 1))),
        ("head", rng.normal(size=(4, 8, 1, 1))),
    ]
    data = a_graph(nodes, weights, outputs=["side_output", "output"])
    assert kept_in_float(data) == ["Conv"]
    graph = OnnxGraph(with_names(data))
    assert graph.nodes[0].name not in float_nodes(graph)


def test_nodes_get_names_of_their_own(rng):
    nodes = [
        helper.make_node("Conv", ["image", "stem"], ["a"], name="same"),
        helper.make_node("Relu", ["a"], ["b"], name="same"),
        helper.make_node("Conv", ["b", "head"], ["c"]),
    ]
    weights = [("stem", rng.normal(size=(8, 3, 1, 1))), ("head", rng.normal(size=(4, 8, 1, 1)))]
    named = OnnxGraph(with_names(a_graph(nodes, weights, outputs=["c"])))
    names = [node.name for node in named.nodes]
    assert names[0] == "same"
    assert len(set(names)) == 3
    assert all(names)
