"""Where the integer graph of a network rounds, in the words of the network itself.

The quantizer of :mod:`cellwright.bundles.qdq` decides on the ONNX graph which activations become
integers: it folds batch norms and rectifications into the layers before them and leaves the last
layers in float. A training in 8 bits must round in exactly these places. So the network is
exported with every result of every function as one more output, which gives the tensors of the
graph the names of :mod:`cellwright.learning.function_calls`; the outputs are taken off again, and
the quantizer is asked.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from cellwright.bundles.export import INPUT_NAME
from cellwright.bundles.onnx_graph import LAYERS, OnnxGraph, with_names
from cellwright.bundles.placement import float_nodes
from cellwright.bundles.qdq import prepared, rounded_tensors
from cellwright.errors import BundleError, ConfigError
from cellwright.learning.function_calls import INPUT, run_named
from cellwright.learning.graph_input import GraphInput


@dataclass(frozen=True)
class NamedGraph:
    """The float graph of a network.

    Attributes:
        graph: ONNX bytes with one output.
        result_of: tensor name to the name of the result that it is.
    """

    graph: bytes
    result_of: Mapping[str, str]


@dataclass(frozen=True)
class Places:
    """Where a network is rounded.

    Attributes:
        results: names of the results that are rounded, by a step of their own.
        layers: names of the layers whose weights are.
    """

    results: tuple[str, ...]
    layers: tuple[str, ...]


def named_graph(network: nn.Module, fed: GraphInput, output_name: str) -> NamedGraph:
    """Export ``network`` so that each of its results can be found in the graph."""
    marked = _Marked(copy.deepcopy(network).cpu().eval())
    names = marked.names(fed.example())
    tensors = {f"result_{number}": name for number, name in enumerate(names)}
    graph = OnnxGraph(fed.export(marked, [output_name, *tensors]))
    # What is done in place leaves a copy behind, and the copy bears the name.
    copied = {node.output[0]: node.input[0] for node in graph.nodes if node.op_type == "Identity"}
    behind = {copied[tensor]: name for tensor, name in tensors.items() if tensor in copied}
    del graph.model.graph.output[1:]
    whole = bytes(graph.model.SerializeToString())
    return NamedGraph(whole, {**behind, **tensors, INPUT_NAME: INPUT})


def places(network: nn.Module, fed: GraphInput) -> Places:
    """Where the integer graph of ``network`` rounds.

    Raises:
        ConfigError: there is nothing to round, or the graph rounds within a function of PyTorch,
            where a training cannot.
    """
    named = named_graph(network, fed, "answer")
    graph = OnnxGraph(with_names(named.graph))
    try:
        ready = prepared(named.graph, where=type(network).__name__)
    except BundleError as error:
        raise ConfigError(
            f"a {type(network).__name__} cannot be trained in 8 bits ({error.what})",
            where="quantization",
            remedy="choose a network with more layers",
        ) from error
    rounded = rounded_tensors(ready, [fed.example().numpy()])
    within = sorted(rounded - named.result_of.keys())
    if within:
        raise ConfigError(
            f"a {type(network).__name__} cannot be trained in 8 bits: its integer graph rounds "
            f"within functions of PyTorch, for instance at {within[0]}",
            where="quantization",
            remedy="compress the bundle with --method ptq, or choose a network with ReLU",
        )
    layers = {_layer(graph, tensor): result for tensor, result in named.result_of.items()}
    in_float = float_nodes(graph)
    return Places(
        results=tuple(named.result_of[tensor] for tensor in sorted(rounded)),
        layers=tuple(
            result.partition(":")[0]
            for node, result in layers.items()
            if node is not None and node not in in_float
        ),
    )


class _Marked(nn.Module):
    """A network that gives every result of its functions beside its answer."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def names(self, x: Tensor) -> tuple[str, ...]:
        """What the results are called, in the order of :meth:`forward`."""
        return tuple(self._results(x)[1])

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        answer, results = self._results(x)
        return (answer, *results.values())

    def _results(self, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        seen: dict[str, Tensor] = {}

        def keep(name: str, result: Tensor) -> Tensor:
            if name == INPUT:
                return result
            seen[name] = result
            # What is done in place behind it must not change what was seen.
            return result.clone()

        return run_named(self.network, x, keep), seen


def _layer(graph: OnnxGraph, tensor: str) -> str | None:
    """Name of the node with weights that makes ``tensor``, its bias added; None if none does."""
    node = graph.makers.get(tensor)
    if node is not None and node.op_type == "Add":
        made_by = [graph.makers.get(name) for name in node.input]
        node = next((one for one in made_by if one is not None and one.op_type == "MatMul"), None)
    if node is None or node.op_type not in LAYERS or graph.weight(node.input[1]) is None:
        return None
    return str(node.name)
