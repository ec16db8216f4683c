"""A segmentation network made smaller while it is trained: what the recipe asks at each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from cellwright.bundles.bundle import TEST_INPUT, graph_entry
from cellwright.bundles.card import GraphEntry, InputSpec
from cellwright.bundles.export import export_network
from cellwright.bundles.probe import disc_picture
from cellwright.bundles.sessions import open_session
from cellwright.errors import ConfigError
from cellwright.inference.segmenter import OUTPUT
from cellwright.learning.config import TrainConfig
from cellwright.learning.magnitude_pruning import MagnitudePruner, zero_share
from cellwright.learning.quantization_aware import AwareUNet, RangesSettle, int8_graph
from cellwright.learning.run_record import test_tensors
from cellwright.learning.starting_weights import Start
from cellwright.learning.structured_pruning import narrowed
from cellwright.learning.training_compression import TrainingCompression
from cellwright.models.unet import UNet


def to_train(network: nn.Module, config: TrainConfig, *, anew: Sequence[str]) -> nn.Module:
    """The network that is trained: narrower, or rounded, where the config says so.

    Args:
        network: with the weights it starts from.
        config: of the run.
        anew: tensors of ``network`` that did not come from the start.

    Raises:
        ConfigError: the network cannot be made smaller, or is not the trained one.
    """
    if config.pruning is not None and config.pruning.kind == "structured":
        if anew:
            raise ConfigError(
                f"only a trained network can be pruned, but {len(anew)} of its tensors are not in "
                f"the bundle, for instance {anew[0]}",
                where="start_from",
                remedy="give segmentation.settings as that bundle was trained with, and its data",
            )
        network = narrowed(network, config.pruning.keep)
    return network if config.quantization is None else AwareUNet(network)


def compressions_of(config: TrainConfig) -> tuple[TrainingCompression, ...]:
    """What watches over the training."""
    found: list[TrainingCompression] = []
    if config.pruning is not None and config.pruning.kind == "magnitude":
        found.append(MagnitudePruner(config.pruning))
    if config.quantization is not None:
        found.append(RangesSettle(config.quantization))
    return tuple(found)


def shipped_graph(fitted: nn.Module, spec: InputSpec) -> tuple[GraphEntry, bytes]:
    """The graph of a trained network and its entry in the card: int8 if it learned in 8 bits."""
    if isinstance(fitted, AwareUNet):
        graph = int8_graph(fitted, channels=spec.channels, output_name=OUTPUT)
        return graph_entry("graphs/int8.onnx", graph, "int8"), graph
    graph = export_network(
        fitted, channels=spec.channels, output_names=[OUTPUT], multiple=spec.multiple
    )
    return graph_entry("graphs/fp32.onnx", graph), graph


def replays(fitted: nn.Module, graph: bytes, spec: InputSpec) -> dict[str, NDArray[np.float32]]:
    """Test tensors: the network's own answer, or an int8 graph's to the picture such carry."""
    if not isinstance(fitted, AwareUNet):
        return test_tensors(lambda image: (fitted(image),), [OUTPUT], spec)
    picture = disc_picture(spec)
    return {TEST_INPUT: picture, **open_session(graph, runtime="onnxruntime").run(picture)}


def how_made(config: TrainConfig, fitted: nn.Module, start: Start | None) -> dict[str, Any]:
    """Fields of the card's training record that say what was made smaller."""
    found: dict[str, Any] = {}
    plain = fitted.plain() if isinstance(fitted, AwareUNet) else fitted
    if config.pruning is not None:
        words = {name: str(value) for name, value in config.pruning.model_dump().items()}
        if isinstance(plain, UNet) and config.pruning.kind == "structured":
            words["widths"] = ", ".join(map(str, plain.widths))
        if start is not None:
            words["parent"] = start.source
        words["zeros"] = f"{zero_share(plain):.1%}"
        found["pruning"] = words
    if config.quantization is not None:
        words = {name: str(value) for name, value in config.quantization.model_dump().items()}
        found["quantization"] = words
    return found
