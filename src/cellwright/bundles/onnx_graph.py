"""An ONNX graph as a reader needs it: who makes a tensor, who uses it, which weights it holds.

A quantized graph keeps its weights as integers behind ``DequantizeLinear``, and
:meth:`OnnxGraph.weight` looks through that: a layer is the same layer before and after.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import (
    AttributeProto,
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    helper,
    numpy_helper,
)

from cellwright.errors import BundleError

LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators that multiply activations with weights: where the arithmetic of a network is."""

_SEEN_THROUGH = ("DequantizeLinear", "QuantizeLinear", "Identity", "Cast")


class OnnxGraph:
    """One parsed graph; nothing in it is changed.

    Attributes:
        model: the parsed file.
    """

    def __init__(self, data: bytes) -> None:
        """Parse ``data``.

        Raises:
            BundleError: it is no ONNX model.
        """
        try:
            self.model: ModelProto = onnx.load_from_string(data)
        except Exception as error:  # of a package that need not be installed to be named
            raise BundleError(f"this is no ONNX model ({error})") from error
        if not self.model.graph.node or not self.input_names:
            raise BundleError("this is no ONNX model: it has no nodes, or no input")

    @property
    def nodes(self) -> list[NodeProto]:
        """All nodes, each after those whose output it uses."""
        return list(self.model.graph.node)

    @cached_property
    def input_names(self) -> list[str]:
        """Inputs that a caller feeds."""
        return [one.name for one in self.model.graph.input if one.name not in self._initializers]

    @cached_property
    def output_names(self) -> list[str]:
        """Outputs that a caller gets."""
        return [one.name for one in self.model.graph.output]

    @cached_property
    def makers(self) -> dict[str, NodeProto]:
        """Tensor name -> the node that makes it."""
        return {name: node for node in self.nodes for name in node.output}

    @cached_property
    def users(self) -> dict[str, list[NodeProto]]:
        """Tensor name -> the nodes that use it."""
        found: dict[str, list[NodeProto]] = defaultdict(list)
        for node in self.nodes:
            for name in node.input:
                found[name].append(node)
        return found

    @cached_property
    def _initializers(self) -> dict[str, TensorProto]:
        return {one.name: one for one in self.model.graph.initializer}

    def weight(self, name: str) -> TensorProto | None:
        """The stored tensor behind ``name``, or None where it is computed from the input."""
        while name not in self._initializers:
            node = self.makers.get(name)
            if node is None:
                return None
            if node.op_type == "Constant":
                return next((one.t for one in node.attribute if one.name == "value"), None)
            if node.op_type not in _SEEN_THROUGH:
                return None
            name = node.input[0]
        return self._initializers[name]

    def shapes(self, names: Iterable[str], input_shape: tuple[int, ...]) -> dict[str, list[int]]:
        """Shapes of some tensors when the graph is fed ``input_shape``.

        A ``Shape`` node is put behind each tensor and ONNX Runtime asked for these alone: where
        a shape follows from the input's, nothing else is computed; where it does not, as behind
        slices with computed ends, the graph runs once on zeros.

        Raises:
            BundleError: the graph does not run on such an input.
        """
        probe = ModelProto()
        probe.CopyFrom(self.model)
        wanted = sorted(set(names))
        del probe.graph.output[:]
        for index, name in enumerate(wanted):
            probe.graph.node.append(helper.make_node("Shape", [name], [f"shape_of_{index}"]))
            info = helper.make_tensor_value_info(f"shape_of_{index}", TensorProto.INT64, [None])
            probe.graph.output.append(info)
        fed = next(one for one in probe.graph.input if one.name == self.input_names[0])
        _check_fits(fed, input_shape)
        del fed.type.tensor_type.shape.dim[:]
        for length in input_shape:
            fed.type.tensor_type.shape.dim.add().dim_value = length
        found = _run_once(probe, fed.name, input_shape)
        return dict(zip(wanted, (shape.tolist() for shape in found), strict=True))


def with_names(data: bytes) -> bytes:
    """The same graph with a name of its own for every node that has none, or a doubled one."""
    model = OnnxGraph(data).model
    seen: set[str] = set()
    for index, node in enumerate(model.graph.node):
        if not node.name or node.name in seen:
            node.name = f"{node.op_type}.{index}"
        seen.add(node.name)
    return bytes(model.SerializeToString())


def with_short_tensor_names(data: bytes) -> bytes:
    """The same graph with ``t0``, ``t1`` … for all tensors but its inputs and outputs.

    A graph that holds graphs of its own, which may use outer names, is left as it is.
    """
    graph = OnnxGraph(data)
    model = graph.model
    if any(one.type == AttributeProto.GRAPH for node in graph.nodes for one in node.attribute):
        return data
    ends = {"", *graph.input_names, *graph.output_names}
    stored = [one.name for one in model.graph.initializer]
    used = [name for node in graph.nodes for name in (*node.input, *node.output)]
    inner = dict.fromkeys(name for name in (*stored, *used) if name not in ends)
    short = {name: f"t{index}" for index, name in enumerate(inner)}
    if ends & set(short.values()):
        return data
    del model.graph.value_info[:]
    for tensor in model.graph.initializer:
        tensor.name = short.get(tensor.name, tensor.name)
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [short.get(name, name) for name in names]
    return bytes(model.SerializeToString())


def attribute(node: NodeProto, name: str, default: int) -> int:
    """An integer attribute of a node."""
    return next((int(one.i) for one in node.attribute if one.name == name), default)


def constant_values(tensor: TensorProto) -> NDArray[np.generic]:
    """The numbers of a stored tensor."""
    return numpy_helper.to_array(tensor)


def _check_fits(declared: ValueInfoProto, shape: tuple[int, ...]) -> None:
    dims = declared.type.tensor_type.shape.dim
    fixed = [one.dim_value if one.HasField("dim_value") else None for one in dims]
    agree = (one is None or one == length for one, length in zip(fixed, shape, strict=False))
    if len(fixed) != len(shape) or not all(agree):
        wanted = " x ".join("any" if one is None else str(one) for one in fixed)
        raise BundleError(f"the graph takes an input of {wanted}, not of {shape}")


def _run_once(
    model: ModelProto, input_name: str, input_shape: tuple[int, ...]
) -> list[NDArray[np.int64]]:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    try:
        session = ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        found: list[NDArray[np.int64]] = session.run(
            None, {input_name: np.zeros(input_shape, np.float32)}
        )
    except Exception as error:  # its exceptions share no public base class
        raise BundleError(f"the graph does not run at input {input_shape} ({error})") from error
    return found
