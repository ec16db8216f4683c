"""Structured pruning: whole channels of a trained network go, and a narrower network is left.

Li, Kadav, Durdanovic, Samet and Graf, Pruning Filters for Efficient ConvNets, ICLR 2017: the
filters of a layer are ranked by the sum of their absolute weights (section 3.1), the smallest
go, and with them their batch norm and what the next layers read of them; then the rest is
trained again. Where a batch norm follows, the filter is taken as the network applies it, times
the norm's factor: the size of the bare weights says nothing there, the norm undoes it.

Which layers share a channel is found by torch-pruning (Fang et al., DepGraph, CVPR 2023), which
follows the gradient backwards: a skip's channels are chosen where it starts, and of layers
that are added up, the same ones go in all, ranked by the sum over the layers. Every layer keeps
the same share but the last ones, whose channels are the answer. The network stays what it was,
with fewer channels, and any runtime executes it faster.

A bundle holds each tensor under its layer's name, so its shapes say how narrow it is:
:func:`narrowed_like` cuts a network that was built anew to them, and nothing else need be kept.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cellwright.errors import ConfigError, MissingExtraError

LEAST_CHANNELS = 8
"""Of a layer; narrower ones stay as they are. Fewer gain no time, as processors compute eight
together, and with fewer, channels last, PyTorch's convolutions can crash in training (see
:data:`cellwright.models.crop_resnet.SMALLEST_WIDTH`)."""

LEARNED = (nn.Conv2d, nn.Linear)

Goes = Callable[[str, Tensor], Tensor]
"""Name of a layer and the strength of its channels, to the indices of those that go."""


def narrowed(network: nn.Module, example: Tensor, *, keep: float) -> nn.Module:
    """A network with the strongest channels of ``network``, weights and all.

    Args:
        network: trained; it is not changed.
        example: an input ``(N, C, H, W)`` of a size that it takes.
        keep: share of the channels that stay in every layer, in (0, 1).

    Raises:
        ConfigError: its channels cannot be followed, or there are none that could go.
        MissingExtraError: torch-pruning is not installed.
    """

    def weakest(_name: str, strength: Tensor) -> Tensor:
        width = len(strength)
        stay = min(width, max(LEAST_CHANNELS, round(keep * width)))
        return strength.argsort(descending=True, stable=True)[stay:]

    small = _without(network, example, weakest)
    if _size(small) == _size(network):
        raise ConfigError(
            f"a {type(network).__name__} as narrow as this has no channels that could go: every "
            f"layer but the last keeps at least {LEAST_CHANNELS}",
            where="pruning.keep",
            remedy="keep less, prune a wider network, or use pruning.kind: magnitude",
        )
    return small


def narrowed_like(
    network: nn.Module, example: Tensor, shapes: Mapping[str, tuple[int, ...]]
) -> nn.Module:
    """``network`` cut to the widths of a pruned one of its kind; its weights are to be replaced.

    Args:
        network: built as the other one was before it was pruned.
        example: an input ``(N, C, H, W)`` of a size that it takes.
        shapes: of the other's tensors, by name.

    Raises:
        ConfigError: the other has other layers, or wider ones.
        MissingExtraError: torch-pruning is not installed.
    """

    def beyond(name: str, strength: Tensor) -> Tensor:
        width = shapes.get(f"{name}.weight", (0,))[0]
        if not 0 < width <= len(strength):
            raise ConfigError(
                f"the pruned bundle has {width} channels in layer {name}, this network "
                f"{len(strength)}",
                where="start_from",
                remedy="give the settings of the network that the bundle was pruned from",
            )
        return torch.arange(width, len(strength))

    return _without(network, example, beyond)


def _size(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def _without(network: nn.Module, example: Tensor, goes: Goes) -> nn.Module:
    """A copy of ``network`` without some channels, which still answers in the same shape."""
    small = copy.deepcopy(network)
    try:
        graph = _dependencies(small, example)
        names = {module: name for name, module in small.named_modules()}
        # All are chosen before any goes: strength is that of the whole network.
        chosen = [
            (layer, goes(names[layer], _strength(graph, group)))
            for group in graph.get_all_groups(_last_layers(graph), LEARNED)
            for layer in [group[0].dep.target.module]
        ]
        for layer, indices in chosen:
            if len(indices):
                prune = graph.get_pruner_of_module(layer).prune_out_channels
                graph.get_pruning_group(layer, prune, indices.tolist()).prune()
        with torch.no_grad():
            same = small.eval()(example).shape == copy.deepcopy(network).eval()(example).shape
    except (
        AssertionError,
        AttributeError,
        IndexError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise ConfigError(_cannot(network, str(error)), where="pruning", remedy=_REMEDY) from error
    if not same:
        raise ConfigError(_cannot(network, "its answer changed"), where="pruning", remedy=_REMEDY)
    return small.train(network.training)


_REMEDY = "use pruning.kind: magnitude, or compress the bundle with --method ptq"


def _cannot(network: nn.Module, why: str) -> str:
    kind = type(network).__name__
    return f"which layers of a {kind} share their channels cannot be found out, so none go ({why})"


def _dependencies(network: nn.Module, example: Tensor) -> Any:
    """torch-pruning's graph of a network, of what only a training asks of it too."""
    try:
        import torch_pruning  # noqa: PLC0415 - imports much that only pruning needs
    except ImportError as error:
        raise MissingExtraError("torch-pruning", "train") from error

    def forward(module: nn.Module, batch: Tensor) -> Any:
        # A deep head is asked in training only. The flag of the whole says so; its parts stay in
        # evaluation, where nothing is random and batch norms do not move.
        module.training = True
        return module(batch)

    with torch.enable_grad():
        return torch_pruning.DependencyGraph().build_dependency(
            network, example, forward_fn=forward, verbose=False
        )


def _last_layers(graph: Any) -> list[nn.Module]:
    """Layers behind which no other one with weights comes: their channels are the answer."""
    learned = [node for node in graph.module2node.values() if isinstance(node.module, LEARNED)]
    return [node.module for node in learned if not _leads_to_layer(node)]


def _leads_to_layer(node: Any) -> bool:
    ahead, seen = list(node.outputs), set()
    while ahead:
        one = ahead.pop()
        if isinstance(one.module, LEARNED):
            return True
        if one not in seen:
            seen.add(one)
            ahead.extend(one.outputs)
    return False


def _strength(graph: Any, group: Any) -> Tensor:
    """``(channels,)`` sums of absolute weights, over all layers that put the channels out."""
    total = torch.zeros(len(group[0].idxs))
    for item in group:
        layer = item.dep.target.module
        if isinstance(layer, LEARNED) and graph.is_out_channel_pruning_fn(item.dep.handler):
            own, channel = torch.tensor(item.idxs), torch.tensor(item.root_idxs)
            total.index_add_(0, channel, _filter_sizes(graph, layer)[own])
    return total


def _filter_sizes(graph: Any, layer: nn.Conv2d | nn.Linear) -> Tensor:
    """``(out,)`` sums of absolute weights, as a batch norm right behind the layer applies them."""
    size = layer.weight.detach().abs().flatten(1).sum(dim=1)
    behind = [node.module for node in graph.module2node[layer].outputs]
    norm = behind[0] if len(behind) == 1 else None
    if isinstance(norm, nn.BatchNorm2d) and norm.running_var is not None:
        size = size * norm.weight.detach().abs() / (norm.running_var + norm.eps).sqrt()
    return size
