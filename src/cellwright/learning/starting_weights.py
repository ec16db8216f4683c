"""Starting from a network that already knows cells, instead of from chance.

A few hundred labels are learned faster and better from weights that have seen other
cells (Yosinski et al., How transferable are features in deep neural networks?, NeurIPS
2014). Any bundle trained by Cellwright is such a start: layers of the same name and
shape are taken, the class layers of other classes begin anew, and the first layer is
adapted to the number of channels. Where the network is the same but wider throughout, its
channels begin as copies of the start's (:mod:`cellwright.learning.wider_network`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, ParamSpec, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.card import TrainingRecord
from cellwright.bundles.weights import graph_weights
from cellwright.errors import ConfigError
from cellwright.learning.structured_pruning import narrowed_like
from cellwright.learning.wider_network import ratio_of, widened

SMALLEST_SHARE = 0.5
"""A start that fits less than this part of the network's weights is another network."""

Rest = ParamSpec("Rest")
Fitted = TypeVar("Fitted")


SEED = 0
"""Of the shares that the copies of a channel have in a wider network."""


class Start(NamedTuple):
    """What a training begins with.

    Attributes:
        weights: by name.
        source: where they are from, in words.
        pruning: how channels were taken out of the network they are from; empty for none.
        training: how they were made; None where they are no bundle's.
    """

    weights: Mapping[str, NDArray[np.float32]]
    source: str
    pruning: Mapping[str, str] = {}
    training: TrainingRecord | None = None

    def member(self, number: int) -> Start:
        """The weights of one of several networks that answer together; of a single one, all."""
        count = len({name.split(".")[1] for name in self.weights if name.startswith("members.")})
        if not count:
            return self
        own = f"members.{number % count}."
        weights = {
            name.removeprefix(own): array
            for name, array in self.weights.items()
            if name.startswith(own)
        }
        return self._replace(weights=weights)


def read_start(model: str) -> Start:
    """Weights of a bundle file or zoo model.

    Raises:
        UnknownNameError: neither a file nor a zoo name.
        BundleError: no bundle, or one of several graphs that holds no weights by name.
    """
    bundle = open_bundle(model)
    card = bundle.card
    pruning = card.training.pruning
    return Start(
        graph_weights(bundle.graph()),
        f"{card.name} ({card.training.data}, {card.licence})",
        pruning if pruning.get("kind") == "structured" else {},
        card.training,
    )


def begin_with(
    network: nn.Module, start: Start, example: Tensor
) -> tuple[nn.Module, tuple[str, ...]]:
    """A network with the weights of ``start``, as narrow as the one that those are from.

    Args:
        network: as its settings make it.
        start: what it begins with.
        example: an input of a size that it takes.

    Returns:
        The network, and the names of the tensors that begin anew.

    Raises:
        ConfigError: less than half of the network's weights fit, or other channels were pruned.
    """
    start = start.member(0)
    if start.pruning:
        shapes = {_own_name(name): array.shape for name, array in start.weights.items()}
        network = narrowed_like(network, example, shapes)
    return network, take_over(network, start)


def _own_name(name: str) -> str:
    """A tensor's name in the network; the graphs of detectors hold it under ``network``."""
    return name.removeprefix("network.")


def take_over(network: nn.Module, start: Start) -> tuple[str, ...]:
    """Load what fits of ``start`` into ``network``; of a committee, of its first member.

    Returns:
        Names of the layers' tensors that begin anew.

    Raises:
        ConfigError: less than half of the network's weights fit.
    """
    given = {_own_name(name): array for name, array in start.member(0).weights.items()}
    state = network.state_dict()
    ratio = ratio_of(
        (given[name].shape, tuple(mine.shape)) for name, mine in state.items() if name in given
    )
    rng = np.random.default_rng(SEED)
    taken: dict[str, Tensor] = {}
    for name, mine in state.items():
        if name not in given:
            continue
        fitted = _fitted(given[name], tuple(mine.shape))
        if fitted is None and ratio > 1:
            fitted = widened(given[name], tuple(mine.shape), ratio, rng)
        if fitted is not None:
            taken[name] = torch.from_numpy(fitted).to(mine.dtype)
    sizes = {name: mine.numel() for name, mine in state.items() if mine.is_floating_point()}
    share = sum(sizes[name] for name in taken) / sum(sizes.values())
    if share < SMALLEST_SHARE:
        raise ConfigError(
            f"{start.source} fits only {share:.0%} of this network's weights",
            where="start_from",
            remedy="start from a bundle of the same detector and settings, or leave start_from out",
        )
    network.load_state_dict(state | taken)
    return tuple(name for name in sizes if name not in taken)


def _fitted(array: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32] | None:
    """The array where the shape is the same, or a first layer seen with other channels."""
    if array.shape == shape:
        return array.copy()
    same_but_channels = array.ndim == 4 and (array.shape[0], *array.shape[2:]) == (
        shape[0],
        *shape[2:],
    )
    if same_but_channels and array.shape[1] <= 4 and shape[1] <= 4:
        # The mean over the old channels for each new one keeps the size of what comes out.
        mean = array.mean(axis=1, keepdims=True) * array.shape[1] / shape[1]
        return np.repeat(mean, shape[1], axis=1).astype(np.float32)
    return None


def starting_from(start: Start, fit: Callable[Rest, Fitted]) -> Callable[Rest, Fitted]:
    """``fit`` with its first argument, the network, loaded with ``start`` before."""

    def fit_from_start(*args: Rest.args, **kwargs: Rest.kwargs) -> Fitted:
        network = args[0]
        if not isinstance(network, nn.Module):
            raise TypeError(f"fit takes a network first, not {type(network).__name__}")
        take_over(network, start)
        return fit(*args, **kwargs)

    return fit_from_start
