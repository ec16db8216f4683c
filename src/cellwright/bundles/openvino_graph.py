"""A quantized ONNX graph in the shape that OpenVINO runs fast and exactly.

ONNX Runtime computes a convolution in integers only if its output is rounded to 8 bits too,
so our quantized graphs round before every SiLU, ``x * sigmoid(x)``. OpenVINO needs no such
rounding: it applies the activation inside the convolution, in float32, and rounds once
behind it. Rounding in between keeps it from fusing the two, which costs a third of its
speed, and adds error. So the pairs before and within a SiLU are taken out; all others stay,
since they may be the clipping of a ReLU, or what feeds the next layer its integers.

Where slopes are asked for, all of them become the clipping that they also are.
"""

from __future__ import annotations

from typing import Any

_DEQUANTIZE = ("Convert", "Subtract")


def without_rounding_in_activations(model: Any) -> int:
    """Take the quantize/dequantize pairs before and within SiLUs out of an ``openvino.Model``.

    Args:
        model: as read from ONNX; changed in place.

    Returns:
        How many pairs were taken out; 0 for a float graph.
    """
    roundings: dict[str, Any] = {}
    for node in model.get_ordered_ops():
        if node.get_type_name() == "FakeQuantize":
            end = _dequantized(node)
            if end is not None:
                roundings[end.get_name()] = (end, node.input_value(0))
    unrounded = {name: source.get_node() for name, (_, source) in roundings.items()}
    needless = [
        (end, source)
        for end, source in roundings.values()
        if (users := _users(end)) and all(_is_silu(user, unrounded) for user in users)
    ]
    for end, source in needless:
        for place in end.output(0).get_target_inputs():
            place.replace_source_output(source)
    if needless:
        model.validate_nodes_and_infer_types()
    return len(needless)


def clipping_instead_of_rounding(model: Any) -> int:
    """Let every quantize/dequantize pair of an ``openvino.Model`` clip to its range and no more.

    What is left has the slope that the straight-through estimator gives rounding (Bengio,
    Léonard and Courville, arXiv 1308.3432): one within the range, zero outside.

    Args:
        model: as read from ONNX; changed in place.

    Returns:
        How many pairs were replaced; 0 for a float graph.
    """
    import openvino as ov  # noqa: PLC0415  half a second that nobody else should pay

    replaced = 0
    for node in model.get_ordered_ops():
        if node.get_type_name() != "FakeQuantize" or (end := _dequantized(node)) is None:
            continue
        low, high = (float(node.input_value(i).get_node().data.item()) for i in (1, 2))
        clipped = ov.opset13.clamp(node.input_value(0), low, high)
        clipped.set_friendly_name(node.get_friendly_name())
        for place in end.output(0).get_target_inputs():
            place.replace_source_output(clipped.output(0))
        replaced += 1
    if replaced:
        model.validate_nodes_and_infer_types()
    return replaced


def _dequantized(rounding: Any) -> Any | None:
    """The last node of the chain that turns the integers behind ``rounding`` into floats."""
    node = rounding
    while len(users := _users(node)) == 1:
        node = users[0]
        if node.get_type_name() == "Multiply":
            return node
        if node.get_type_name() not in _DEQUANTIZE:
            return None
    return None


def _users(node: Any) -> list[Any]:
    return [place.get_node() for place in node.output(0).get_target_inputs()]


def _is_silu(node: Any, unrounded: dict[str, Any]) -> bool:
    """Whether ``node`` is a sigmoid, or the product of ``x * sigmoid(x)``."""
    if node.get_type_name() == "Sigmoid":
        return True
    if node.get_type_name() != "Multiply":
        return False
    factors = [node.input_value(index).get_node() for index in (0, 1)]
    for one, other in (factors, factors[::-1]):
        gate = unrounded.get(one.get_name(), one)
        if gate.get_type_name() == "Sigmoid":
            return bool(gate.input_value(0).get_node().get_name() == other.get_name())
    return False
