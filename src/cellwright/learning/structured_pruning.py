"""Structured pruning: whole channels of a trained U-Net go, and a narrower U-Net is left.

Li, Kadav, Durdanovic, Samet and Graf, Pruning Filters for Efficient ConvNets, ICLR 2017: the
filters of a layer are ranked by the sum of their absolute weights (section 3.1), the smallest
go, and with them their batch norm and what the next layers read of them; then the rest is
trained again. Where a batch norm follows, the filter is taken as the network applies it, times
the norm's factor: the size of the bare weights says nothing there, the norm undoes it.

Every level keeps the same share, so that the result is a :class:`~cellwright.models.unet.UNet`
with other widths, which any runtime executes faster. A skip's channels are chosen where it
starts, in the encoder, and the decoder reads the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cellwright.errors import ConfigError
from cellwright.models.unet import UNet

LEAST_CHANNELS = 2
"""Of a level; with a single one the skip would carry one picture."""


def narrowed(network: nn.Module, keep: float) -> UNet:
    """A U-Net with the strongest channels of ``network``, weights and all.

    Args:
        network: a trained U-Net; it is not changed.
        keep: share of the channels that stay in every level, in (0, 1).

    Raises:
        ConfigError: no U-Net.
    """
    if not isinstance(network, UNet):
        raise ConfigError(
            f"channels of a {type(network).__name__} cannot be pruned yet, only of a U-Net",
            where="pruning",
            remedy="use segmentation.model: unet, or pruning.kind: magnitude",
        )
    widths = tuple(max(LEAST_CHANNELS, round(keep * width)) for width in network.widths)
    first: nn.Conv2d = network.down[0][0]  # type: ignore[index]
    small = UNet(network.head.out_channels, first.in_channels, widths=widths)
    skips: list[Tensor] = []
    read = torch.arange(first.in_channels)
    for block, less, width in zip(network.down, small.down, widths, strict=True):
        read = _shrink_block(block, less, read, width)
        skips.append(read)
    skips.pop()
    for level in reversed(range(len(skips))):
        up, less_up = network.up[level], small.up[level]
        halved = _strongest(up.halve, None, widths[level])  # type: ignore[arg-type]
        _copy(up.halve, less_up.halve, halved, read)  # type: ignore[arg-type]
        # Beside the skip's channels stand those from below, behind as many as the skip had.
        read = torch.cat([skips[level], halved + network.widths[level]])
        read = _shrink_block(up.mix, less_up.mix, read, widths[level])  # type: ignore[arg-type]
    _copy(network.head, small.head, torch.arange(network.head.out_channels), read)
    return small


def _shrink_block(block: nn.Module, less: nn.Module, read: Tensor, width: int) -> Tensor:
    """Copy what stays of two convolutions with their norms; indices of the channels put out."""
    layers: Sequence[nn.Module] = list(block.children())
    smaller: Sequence[nn.Module] = list(less.children())
    for place in (0, 3):
        convolution, norm = layers[place], layers[place + 1]
        if not (isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)):
            raise TypeError("a U-Net's block is convolution, norm, ReLU, twice")
        kept = _strongest(convolution, norm, width)
        _copy(convolution, smaller[place], kept, read)
        state = norm.state_dict()
        smaller[place + 1].load_state_dict(
            {name: value[kept] if value.ndim else value for name, value in state.items()}
        )
        read = kept
    return read


def _strongest(convolution: nn.Conv2d, norm: nn.BatchNorm2d | None, number: int) -> Tensor:
    """Indices, rising, of the ``number`` filters with the largest sums of absolute weights."""
    size = convolution.weight.detach().abs().sum(dim=(1, 2, 3))
    if norm is not None and norm.running_var is not None:
        size = size * norm.weight.detach().abs() / (norm.running_var + norm.eps).sqrt()
    return size.argsort(descending=True, stable=True)[:number].sort().values


def _copy(convolution: nn.Conv2d, less: nn.Module, kept: Tensor, read: Tensor) -> None:
    """Filters ``kept`` of a convolution, of each what it reads of the channels ``read``."""
    state = {"weight": convolution.weight.detach()[kept][:, read]}
    if convolution.bias is not None:
        state["bias"] = convolution.bias.detach()[kept]
    less.load_state_dict(state)
