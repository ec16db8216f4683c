"""A float ONNX graph in 8 bits: quantize/dequantize pairs that both runtimes turn into integers.

Weights become signed integers with a scale a channel, activations unsigned integers with a
scale and zero point a tensor (Jacob et al., Quantization and Training of Neural Networks,
CVPR 2018, section 2). The range of an activation is learned from inputs, or given where a
training has settled it. Written with ONNX Runtime's quantizer; loading a bundle does not need
this module, and the package onnx comes with the extra ``train``.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from cellwright.bundles.integer_layout import with_joined_steps, with_planar_enlargements
from cellwright.bundles.onnx_graph import LAYERS, OnnxGraph, with_names, with_short_tensor_names
from cellwright.bundles.placement import float_nodes
from cellwright.bundles.sessions import Batch
from cellwright.errors import BundleError

Progress = Callable[[int, int], None]
"""Called with (done, total) after every input."""

Range = tuple[float, float]
"""Least and greatest value that an activation can take."""

STEPS = 255
"""Between the least and the greatest of 256 integers."""

RANGES: dict[str, tuple[CalibrationMethod, dict[str, Any]]] = {
    "minmax": (CalibrationMethod.MinMax, {}),
    "percentile": (CalibrationMethod.Percentile, {"CalibPercentile": 99.99}),
    "entropy": (CalibrationMethod.Entropy, {}),
}
"""How the range of an activation is chosen: all that was seen; all but one in ten thousand;
or what loses least information (Migacz, 8-bit Inference with TensorRT, GTC 2017)."""

_QUANTIZED = (
    *("Conv", "ConvTranspose", "Gemm", "MatMul"),
    *("Add", "Mul", "Sigmoid", "Relu", "LeakyRelu", "Clip"),
    *("MaxPool", "AveragePool", "GlobalAveragePool", "Resize"),
    *("Concat", "Slice", "Split", "Pad", "Reshape", "Transpose", "Squeeze", "Unsqueeze"),
)
"""Operators that have an integer form. ONNX Runtime gains only where whole chains of them
stay integers; softmax and normalisations are left out, they need more than eight bits."""


def _silent(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class ActivationRanges:
    """Where the range of each activation comes from.

    Attributes:
        inputs: of the network, to learn ranges from.
        rule: row of :data:`RANGES`.
        given: tensor name -> its range, where nothing is to be learned.
        progress: called after each input.
    """

    inputs: Sequence[Batch]
    rule: str = "minmax"
    given: Mapping[str, Range] = field(default_factory=dict)
    progress: Progress = _silent


def quantized(graph: bytes, ranges: ActivationRanges) -> bytes:
    """``graph``, ONNX bytes with node names, in 8 bits; parts of it stay in float.

    Raises:
        BundleError: the inputs do not show the range of every activation.
    """
    parsed = OnnxGraph(with_planar_enlargements(graph))
    paired = _paired(parsed, ranges)
    # Ranges that were given are kept: a training has rounded by each of them.
    return _tidied(paired if ranges.given else with_joined_steps(paired), parsed)


def rounded_tensors(graph: bytes, inputs: Sequence[Batch]) -> frozenset[str]:
    """Names of the activations that :func:`quantized` rounds by a range of their own.

    Those that only pass values on, as pools do, take over the range of what they pass on.

    Args:
        graph: as :func:`prepared` leaves it.
        inputs: anything the network takes.
    """
    paired = OnnxGraph(_paired(OnnxGraph(graph), ActivationRanges(inputs)))
    pairs = [node for node in paired.nodes if node.op_type == "QuantizeLinear"]
    return frozenset(
        node.input[0]
        for node in pairs
        if paired.weight(node.input[0]) is None and node.input[1].startswith(node.input[0])
    )


def _paired(parsed: OnnxGraph, ranges: ActivationRanges) -> bytes:
    """The graph with quantize/dequantize pairs, as ONNX Runtime's quantizer writes it.

    Raises:
        BundleError: the rule wants a histogram of an activation that has one value.
    """
    try:
        return _written(parsed, ranges)
    except ValueError as error:
        if ranges.rule == "minmax":
            raise
        raise BundleError(
            f"ranges by {ranges.rule} cannot be learned: something in the network has the same "
            f"value in all the images ({error})",
            remedy="give images of cells and a model that was trained, or --ranges minmax",
        ) from error


def _written(parsed: OnnxGraph, ranges: ActivationRanges) -> bytes:
    method, options = RANGES[ranges.rule]
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        target = Path(folder) / "int8.onnx"
        quantize_static(
            parsed.model,
            target,
            _Reader(ranges.inputs, parsed.input_names[0], ranges.progress),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_QUANTIZED),
            nodes_to_exclude=sorted(float_nodes(parsed)),
            per_channel=True,
            # Unsigned activations: signed ones are slower, x86 multiplies unsigned by signed.
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=method,
            extra_options={
                # One batch after the other: their activations together would fill the memory.
                "CalibStridedMinMax": 1,
                # Products of two activations, as in attention, lose too much in eight bits.
                "MatMulConstBOnly": True,
                "TensorQuantOverrides": {name: [_step(one)] for name, one in ranges.given.items()},
                **options,
            },
        )
        return target.read_bytes()


def _tidied(graph: bytes, like: OnnxGraph) -> bytes:
    """The graph without what its makers noted for themselves, and with what its origin noted.

    Notes of shapes, operator sets that no node uses and long names of tensors are a fifth of a
    small graph. The layers keep their names.
    """
    model = OnnxGraph(with_short_tensor_names(graph)).model
    del model.graph.value_info[:]
    used = {node.domain for node in model.graph.node}
    kept = [one for one in model.opset_import if one.domain in used]
    del model.opset_import[:], model.metadata_props[:]
    model.opset_import.extend(kept)
    model.metadata_props.extend(
        one for one in like.model.metadata_props if not one.key.startswith("onnx.")
    )
    for node in model.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            node.name = ""
    return bytes(model.SerializeToString())


def step_of(given: Range) -> tuple[float, int]:
    """Scale and zero point of the 256 steps over a range, which is widened to hold 0.

    >>> step_of((-1.0, 254.0))
    (1.0, 1)
    """
    low, high = min(given[0], 0.0), max(given[1], 0.0)
    scale = (high - low) / STEPS or 1.0
    return scale, round(-low / scale)


def _step(given: Range) -> dict[str, Any]:
    scale, zero_point = step_of(given)
    return {"scale": np.array(scale, np.float32), "zero_point": np.array(zero_point, np.uint8)}


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """The inputs as the quantizer asks for them: a range of them at a time."""

    def __init__(self, inputs: Sequence[Batch], name: str, progress: Progress) -> None:
        self._inputs, self._name, self._progress = inputs, name, progress
        self._next, self._stop = 0, len(inputs)

    def __len__(self) -> int:
        return len(self._inputs)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._next, self._stop = start_index, end_index

    def get_next(self) -> dict[str, Batch] | None:
        if self._next >= self._stop:
            return None
        self._next += 1
        self._progress(self._next, len(self._inputs))
        return {self._name: self._inputs[self._next - 1]}


def prepared(graph: bytes, *, where: object) -> bytes:
    """The graph with batch norms folded, shapes noted and names for its nodes.

    Raises:
        BundleError: it is quantized already, or holds nothing to quantize.
    """
    parsed = OnnxGraph(with_names(graph))
    kinds = {node.op_type for node in parsed.nodes}
    if kinds & {"QuantizeLinear", "DequantizeLinear"}:
        raise BundleError("its graph is quantized already", where=where)
    inner = {node.name for node in parsed.nodes if node.op_type in LAYERS} - float_nodes(parsed)
    if not inner:
        raise BundleError(
            "its graph holds no layer that could run in 8 bits: only its last one",
            where=where,
        )
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        target = Path(folder) / "prepared.onnx"
        # ONNX Runtime's own preparation: batch norms go into the convolutions, constants are
        # computed, shapes noted. Symbolic shapes would need one more package, for attention.
        quant_pre_process(parsed.model, target, skip_symbolic_shape=True)
        return with_names(target.read_bytes())
