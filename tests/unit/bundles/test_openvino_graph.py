"""Quantized graphs in OpenVINO: roundings within a SiLU go, the clipping of a ReLU stays."""

from __future__ import annotations

import numpy as np
import openvino as ov
import pytest
from onnx import TensorProto, helper, numpy_helper

from cellwright.bundles.openvino_graph import without_rounding_in_activations
from cellwright.bundles.sessions import open_session

STEP = 0.25


def rounded(name: str) -> list:
    """Nodes that round ``name`` to multiples of a quarter in [0, 63.75] as ``name``_r."""
    return [
        helper.make_node("QuantizeLinear", [name, "step", "zero"], [f"{name}_q"]),
        helper.make_node("DequantizeLinear", [f"{name}_q", "step", "zero"], [f"{name}_r"]),
    ]


def a_graph(activation: list, end: str) -> bytes:
    """``image -> 1x1 convolution -> activation``, that begins at ``y`` and ends at ``end``."""
    nodes = [helper.make_node("Conv", ["image", "weight"], ["y"]), *activation]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [value("image", TensorProto.FLOAT, ["N", 1, "H", "W"])],
        [value(end, TensorProto.FLOAT, ["N", 1, "H", "W"])],
        [
            numpy_helper.from_array(np.ones((1, 1, 1, 1), np.float32), "weight"),
            numpy_helper.from_array(np.float32(STEP), "step"),
            numpy_helper.from_array(np.uint8(0), "zero"),
        ],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


SILU = [
    *rounded("y"),
    helper.make_node("Sigmoid", ["y_r"], ["s"]),
    *rounded("s"),
    helper.make_node("Mul", ["y_r", "s_r"], ["z"]),
    *rounded("z"),
]


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 4, (1, 1, 8, 8)).astype(np.float32)


def test_a_silu_is_rounded_once_behind_it(image):
    graph = a_graph(SILU, "z_r")
    model = ov.Core().read_model(model=graph)
    assert without_rounding_in_activations(model) == 2
    exact = image / (1 + np.exp(-image))
    found = open_session(graph, runtime="openvino").run(image)["z_r"]
    assert np.allclose(found, np.round(exact / STEP) * STEP, atol=1e-6)
    # As it is written, and as ONNX Runtime does it, the input is rounded first.
    early = np.round(image / STEP) * STEP
    gate = np.round(1 / (1 + np.exp(-early)) / STEP) * STEP
    reference = open_session(graph, runtime="onnxruntime").run(image)["z_r"]
    assert np.allclose(reference, np.round(early * gate / STEP) * STEP, atol=STEP * 1.01)
    assert not np.allclose(reference, found)


def test_what_clips_or_feeds_another_layer_stays(image):
    # A quantizer drops a ReLU whose work the rounding's lower end does.
    nodes = [*rounded("y"), helper.make_node("Conv", ["y_r", "weight"], ["z"])]
    graph = a_graph(nodes, "z")
    assert without_rounding_in_activations(ov.Core().read_model(model=graph)) == 0
    found = open_session(graph, runtime="openvino").run(-image)["z"]
    assert np.array_equal(found, np.zeros_like(image))


def test_a_product_with_another_gate_is_no_silu():
    nodes = [
        *rounded("y"),
        helper.make_node("Sigmoid", ["image"], ["s"]),
        helper.make_node("Mul", ["y_r", "s"], ["z"]),
    ]
    model = ov.Core().read_model(model=a_graph(nodes, "z"))
    assert without_rounding_in_activations(model) == 0


def test_a_float_graph_is_left_alone():
    nodes = [
        helper.make_node("Sigmoid", ["y"], ["s"]),
        helper.make_node("Mul", ["y", "s"], ["z"]),
    ]
    assert without_rounding_in_activations(ov.Core().read_model(model=a_graph(nodes, "z"))) == 0
