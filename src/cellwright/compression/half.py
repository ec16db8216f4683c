"""Weights kept in 16 bits, arithmetic as before: half the file, the same speed.

The large weights of the graph are stored as half-precision floats (IEEE 754 binary16: 11 bits
of precision, so each weight moves by at most one part in 2,048) with a cast behind each. A
runtime undoes the cast once, when it loads the graph, and computes in float32 from then on.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.onnx_graph import OnnxGraph
from cellwright.compression.method import Candidate, Material
from cellwright.errors import BundleError

SMALLEST = 256
"""Tensors with fewer numbers stay as they are: biases and statistics are sensitive and small."""

_LARGEST_HALF = float(np.finfo(np.float16).max)


def halve(bundle: Bundle, material: Material) -> Iterator[Candidate]:  # noqa: ARG001
    """One candidate, the bundle's graph with its large weights in 16 bits.

    Raises:
        BundleError: nothing in the graph is stored in 32 bits.
    """
    entry = bundle.card.graphs[0]
    graph = halved(bundle.graph(entry), where=bundle.path)
    return iter([Candidate(graph, entry.precision, {"weights": "float16"})])


def halved(graph: bytes, *, where: object = None) -> bytes:
    """``graph`` (ONNX bytes) with every large float32 weight stored as float16 and cast back.

    Raises:
        BundleError: nothing in it is stored in 32 bits.
    """
    model = OnnxGraph(graph).model
    large = [one for one in model.graph.initializer if _fits(one)]
    if not large:
        raise BundleError(
            "this graph stores no weights in 32 bits",
            where=where,
            remedy="it is as small as this method makes it",
        )
    casts = [_store_in_half(model, tensor) for tensor in large]
    for cast in reversed(casts):
        model.graph.node.insert(0, cast)
    return bytes(model.SerializeToString())


def _fits(tensor: TensorProto) -> bool:
    if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < SMALLEST:
        return False
    return bool(np.abs(numpy_helper.to_array(tensor)).max() <= _LARGEST_HALF)


def _store_in_half(model: ModelProto, tensor: TensorProto) -> object:
    """Replace ``tensor`` by its half; the node that gives it back under its own name."""
    name = tensor.name
    stored = f"{name}.half"
    values = numpy_helper.to_array(tensor).astype(np.float16)
    tensor.CopyFrom(numpy_helper.from_array(values, name=stored))
    declared = [one for one in model.graph.input if one.name == name]
    for one in declared:
        model.graph.input.remove(one)
    return helper.make_node("Cast", [stored], [name], name=f"{name}.float", to=TensorProto.FLOAT)
