"""A network made smaller while it is trained: what the recipes ask at each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cellwright.bundles.bundle import TEST_INPUT, graph_entry
from cellwright.bundles.card import GraphEntry
from cellwright.bundles.sessions import open_session
from cellwright.errors import ConfigError
from cellwright.learning.config import TrainConfig
from cellwright.learning.graph_input import GraphInput
from cellwright.learning.magnitude_pruning import MagnitudePruner, zero_share
from cellwright.learning.quantization_aware import AwareNetwork, RangesSettle, int8_graph
from cellwright.learning.starting_weights import Start, begin_with
from cellwright.learning.structured_pruning import narrowed
from cellwright.learning.training_compression import TrainingCompression


def as_begun(
    network: nn.Module, config: TrainConfig, fed: GraphInput, start: Start | None
) -> nn.Module:
    """The network as its training begins: with the weights of ``start``, if any, and made smaller.

    Raises:
        ConfigError: those weights do not fit, or the network cannot be made smaller.
    """
    anew: Sequence[str] = ()
    if start is not None:
        network, anew = begin_with(network, start, fed.example())
    return to_train(network, config, fed, anew=anew)


def to_train(
    network: nn.Module, config: TrainConfig, fed: GraphInput, *, anew: Sequence[str]
) -> nn.Module:
    """The network that is trained: narrower, or rounded, where the config says so.

    Args:
        network: with the weights it starts from.
        config: of the run.
        fed: the size of its input.
        anew: tensors of ``network`` that did not come from the start.

    Raises:
        ConfigError: the network cannot be made smaller, or is not the trained one.
    """
    if config.pruning is not None and config.pruning.kind == "structured":
        silent = _only_in_training(network, fed) if anew else set()
        missing = [name for name in anew if name not in silent]
        if missing:
            raise ConfigError(
                f"only a trained network can be pruned, but {len(missing)} of its tensors are not "
                f"in the bundle, for instance {missing[0]}",
                where="start_from",
                remedy="give the settings of the network as that bundle was trained with, and its "
                "data",
            )
        network = narrowed(network, fed.example(), keep=config.pruning.keep)
    return network if config.quantization is None else AwareNetwork(network, fed)


def _only_in_training(network: nn.Module, fed: GraphInput) -> set[str]:
    """Weights that say nothing in use, as those of a deep head: no bundle holds them."""
    was = network.training
    with torch.enable_grad():
        network.eval()(fed.example()).sum().backward()
    silent = {name for name, weight in network.named_parameters() if weight.grad is None}
    network.zero_grad(set_to_none=True)
    network.train(was)
    return silent


def compressions_of(config: TrainConfig) -> tuple[TrainingCompression, ...]:
    """What watches over the training."""
    found: list[TrainingCompression] = []
    if config.pruning is not None and config.pruning.kind == "magnitude":
        found.append(MagnitudePruner(config.pruning))
    if config.quantization is not None:
        found.append(RangesSettle(config.quantization))
    return tuple(found)


def shipped_graph(fitted: nn.Module, fed: GraphInput, output: str) -> tuple[GraphEntry, bytes]:
    """The graph of a trained network and its entry in the card: int8 if it learned in 8 bits."""
    if isinstance(fitted, AwareNetwork):
        graph = int8_graph(fitted, output)
        return graph_entry("graphs/int8.onnx", graph, "int8"), graph
    graph = fed.export(fitted, [output])
    return graph_entry("graphs/fp32.onnx", graph), graph


def int8_replays(graph: bytes, picture: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Test tensors of an int8 graph: its own answer to a picture that wakes it up."""
    return {TEST_INPUT: picture, **open_session(graph, runtime="onnxruntime").run(picture)}


def how_made(
    config: TrainConfig, fitted: nn.Module, start: Start | None, *, epochs: Sequence[int]
) -> dict[str, Any]:
    """Fields of the card's training record that are known when the training is over.

    Args:
        config: of the run.
        fitted: the network that ships.
        start: what it began with.
        epochs: whose weights ship, one for each network of a committee.
    """
    found: dict[str, Any] = {"shipped_epochs": tuple(epochs)}
    plain = fitted.plain() if isinstance(fitted, AwareNetwork) else fitted
    if start is not None:
        found["started_from"] = start.source
        if start.pruning:
            found["pruning"] = dict(start.pruning)
    if config.pruning is not None:
        words = {name: str(value) for name, value in config.pruning.model_dump().items()}
        words["parameters"] = f"{sum(weight.numel() for weight in plain.parameters()):,}"
        if start is not None:
            words["parent"] = start.source
        words["zeros"] = f"{zero_share(plain):.1%}"
        found["pruning"] = words
    if config.quantization is not None:
        words = {name: str(value) for name, value in config.quantization.model_dump().items()}
        found["quantization"] = words
    return found
