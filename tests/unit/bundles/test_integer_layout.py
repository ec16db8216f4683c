"""Rewritten graphs against those they came from: the same answers, fewer roundings."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from cellwright.bundles.export import export_network
from cellwright.bundles.integer_layout import with_joined_steps, with_planar_enlargements
from cellwright.bundles.onnx_graph import OnnxGraph, with_names
from cellwright.bundles.qdq import ActivationRanges, prepared, quantized
from cellwright.bundles.sessions import RUNTIMES, open_session
from cellwright.models.unet import UNet

STEP = {"own": 0.01, "joined": 0.03}


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    coarse = [rng.normal(size=(1, 1, 8, 12)) for _ in range(4)]
    return [np.kron(one, np.ones((1, 1, 8, 8))).astype(np.float32) for one in coarse]


@pytest.fixture(scope="module")
def network() -> bytes:
    """A small U-Net with weights drawn by chance, as it comes to the quantizer."""
    torch.manual_seed(0)
    unet = UNet(2, 1, widths=(8, 8, 16)).eval()
    return prepared(export_network(unet, channels=1, output_names=["logits"]), where="a U-Net")


def answer(graph: bytes, image: np.ndarray, runtime: str = "onnxruntime") -> np.ndarray:
    return open_session(graph, runtime=runtime).run(image)["logits"]


def kinds(graph: bytes) -> list[str]:
    return [node.op_type for node in OnnxGraph(graph).nodes]


def test_every_enlargement_is_planar_and_nothing_else_changes(network, images):
    planar = with_planar_enlargements(network)
    graph = OnnxGraph(planar)
    enlargements = [node for node in graph.nodes if node.op_type == "Resize"]
    assert len(enlargements) == 2
    assert all(graph.makers[node.input[0]].op_type == "Reshape" for node in enlargements)
    assert [one for one in kinds(planar) if one != "Reshape"] == kinds(network)
    np.testing.assert_array_equal(answer(planar, images[0]), answer(network, images[0]))


@pytest.mark.parametrize("runtime", sorted(RUNTIMES))
def test_the_integers_are_the_same_with_it(runtime, network, images, monkeypatch):
    with_it = quantized(network, ActivationRanges(images))
    monkeypatch.setattr("cellwright.bundles.qdq.with_planar_enlargements", bytes)
    without = quantized(network, ActivationRanges(images))
    assert "Reshape" in kinds(with_it)
    assert "Reshape" not in kinds(without)
    np.testing.assert_array_equal(
        answer(with_it, images[0], runtime), answer(without, images[0], runtime)
    )


def an_enlargement(mode: str, factors: list[float] | None) -> bytes:
    """A graph that enlarges its input; by factors of its own, or by some that are fed to it."""
    value = helper.make_tensor_value_info
    inputs = [value("image", TensorProto.FLOAT, ["N", 3, "H", "W"])]
    stored = []
    if factors is None:
        inputs.append(value("factors", TensorProto.FLOAT, [4]))
    else:
        stored.append(numpy_helper.from_array(np.array(factors, np.float32), "factors"))
    node = helper.make_node("Resize", ["image", "", "factors"], ["logits"], mode=mode)
    outputs = [value("logits", TensorProto.FLOAT, None)]
    graph = helper.make_graph([node], "g", inputs, outputs, stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return with_names(model.SerializeToString())


@pytest.mark.parametrize(
    ("mode", "factors"),
    [
        ("linear", [1, 1, 2, 2]),
        ("nearest", [1, 1, 0.5, 0.5]),
        ("nearest", None),
    ],
)
def test_what_is_no_enlargement_by_known_factors_is_left_alone(mode, factors):
    graph = an_enlargement(mode, factors)
    assert with_planar_enlargements(graph) == graph


def joined(*, shared: bool) -> bytes:
    """Two inputs, rounded by a step of their own and joined; ``shared``: one is used twice."""
    value = helper.make_tensor_value_info
    nodes = []
    for name in ("first", "second"):
        nodes += [
            helper.make_node("QuantizeLinear", [name, "own", "zero"], [f"{name}.q"]),
            helper.make_node("DequantizeLinear", [f"{name}.q", "own", "zero"], [f"{name}.d"]),
        ]
    nodes += [
        helper.make_node("Concat", ["first.d", "second.d"], ["both"], axis=1),
        helper.make_node("QuantizeLinear", ["both", "joined", "zero"], ["both.q"]),
        helper.make_node("DequantizeLinear", ["both.q", "joined", "zero"], ["logits"]),
    ]
    outputs = ["logits"]
    if shared:
        nodes.append(helper.make_node("Relu", ["first.d"], ["skipped"]))
        outputs.append("skipped")
    stored = [
        numpy_helper.from_array(np.array(step, np.float32), name) for name, step in STEP.items()
    ]
    stored.append(numpy_helper.from_array(np.array(0, np.uint8), "zero"))
    graph = helper.make_graph(
        nodes,
        "g",
        [value(name, TensorProto.FLOAT, ["N", 1]) for name in ("first", "second")],
        [value(name, TensorProto.FLOAT, ["N", "C"]) for name in outputs],
        stored,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def steps(graph: bytes) -> dict[str, str]:
    """The step by which each input is rounded, and given back."""
    return {
        node.input[0]: node.input[1]
        for node in OnnxGraph(graph).nodes
        if node.op_type in ("QuantizeLinear", "DequantizeLinear") and "both" not in node.input[0]
    }


def test_what_is_joined_is_rounded_by_one_step():
    found = with_joined_steps(joined(shared=False))
    assert set(steps(found).values()) == {"joined"}
    stored = {one.name for one in OnnxGraph(found).model.graph.initializer}
    assert stored == {"joined", "zero"}


def test_what_is_used_elsewhere_keeps_its_step():
    found = steps(with_joined_steps(joined(shared=True)))
    assert found == {"first": "own", "first.q": "own", "second": "joined", "second.q": "joined"}


def rounding_steps(graph: OnnxGraph, name: str) -> list[float]:
    """The steps by which a tensor was rounded on its way, from its maker on."""
    found = []
    while graph.makers[name].op_type != "Conv":
        node = graph.makers[name]
        if node.op_type == "QuantizeLinear":
            found.append(float(numpy_helper.to_array(graph.weight(node.input[1]))))
        name = node.input[0]
    return found[::-1]


def roundings_before_joins(graph: bytes) -> list[tuple[list[float], list[float]]]:
    """Of every join, the steps of what is skipped and of what was enlarged, its own behind each."""
    parsed = OnnxGraph(graph)
    found = []
    for node in parsed.nodes:
        if node.op_type == "Concat":
            (behind,) = parsed.users[node.output[0]]
            own = float(numpy_helper.to_array(parsed.weight(behind.input[1])))
            skipped, enlarged = (rounding_steps(parsed, name) for name in node.input)
            found.append(([*skipped, own], [*enlarged, own]))
    return found


def test_the_way_up_of_a_unet_is_rounded_by_one_step(network, images):
    joins = roundings_before_joins(quantized(network, ActivationRanges(images)))
    assert len(joins) == 2
    for skipped, enlarged in joins:
        assert len(set(enlarged)) == 1
        assert len(set(skipped)) == 2


def test_a_range_that_was_given_is_kept(network, images):
    """A training has rounded by it."""
    parsed = OnnxGraph(network)
    ranges = {"Conv": (-1.0, 1.0), "Relu": (-1.0, 1.0), "Concat": (-2.0, 2.0)}
    given = {
        name: ranges[node.op_type]
        for node in parsed.nodes
        if node.op_type in ranges
        for name in node.output
    }
    for _, enlarged in roundings_before_joins(
        quantized(network, ActivationRanges(images, given=given))
    ):
        *before, own = enlarged
        assert before == pytest.approx([2 / 255] * len(before))
        assert own == pytest.approx(4 / 255)
