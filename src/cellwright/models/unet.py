"""U-Net: an encoder, a decoder, and a skip at every level between them.

Ronneberger, Fischer and Brox, MICCAI 2015, with what paper 2 (Polisi, Uka, Avdiu and
Karras, 2025, section 3.1) changes: five levels, ReLU, batch normalisation. Convolutions
keep their size, so a mask is as large as its image. The paper's "up-convolution" (enlarge,
then convolve and halve the channels) is written as a 1x1 convolution before a nearest-pixel
enlargement: the two commute, the convolution costs a quarter there, and the graph holds
nothing but plain convolutions, which prune, quantize and export without special cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from cellwright.errors import ConfigError, ImageError


def double_conv(c_in: int, c_out: int) -> nn.Sequential:
    """Twice: 3x3 convolution, batch norm, ReLU; keeps H and W."""
    layers: list[nn.Module] = []
    for first, second in ((c_in, c_out), (c_out, c_out)):
        layers += [
            nn.Conv2d(first, second, 3, padding=1, bias=False),
            nn.BatchNorm2d(second),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


class Up(nn.Module):
    """One step of the decoder: enlarge twofold, put the skip beside it, convolve.

    Args:
        c_below: channels of the coarser map.
        c_skip: channels of the encoder's map at this level, and of the result.
    """

    def __init__(self, c_below: int, c_skip: int) -> None:
        super().__init__()
        self.halve = nn.Conv2d(c_below, c_skip, 1)
        self.mix = double_conv(2 * c_skip, c_skip)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        """``(N, c_below, H, W)`` and ``(N, c_skip, 2H, 2W)`` to ``(N, c_skip, 2H, 2W)``."""
        grown = functional.interpolate(self.halve(below), scale_factor=2.0, mode="nearest")
        out: Tensor = self.mix(torch.cat([skip, grown], dim=1))
        return out


def encode(blocks: nn.ModuleList, x: Tensor) -> list[Tensor]:
    """The way down: a block a level, each on half the resolution of the one before.

    Args:
        blocks: keep height and width; any number, also none.
        x: ``(N, C, H, W)``, of which H and W can be halved once less than there are blocks.

    Returns:
        What each block gave, finest first.
    """
    maps: list[Tensor] = []
    for block in blocks:
        x = block(functional.max_pool2d(x, 2) if maps else x)
        maps.append(x)
    return maps


def decode(steps: nn.ModuleList, maps: Sequence[Tensor]) -> Tensor:
    """The way up: the coarsest map through every step, with the map of its level beside it.

    Args:
        steps: finest first, as :class:`Up`: a map and the skip at twice its resolution to a map.
        maps: finest first, one more than steps, each at half the resolution of the one before.

    Returns:
        The result of the last step, as large as the finest map.
    """
    *skips, x = maps
    for step, skip in zip(reversed(steps), reversed(skips), strict=True):
        x = step(x, skip)
    return x


class UNet(nn.Module):
    """The whole network.

    Args:
        n_outputs: channels of the result: 1 for one class against the background, one a class
            (background first) for several, 2 or more for foreground and distance.
        n_channels: image channels.
        base_width: channels of the first level; each level below has twice as many.
        levels: resolutions, the first one included.
        widths: channels of every level, as a pruned network has them; they take the place of
            ``base_width`` and ``levels``.

    Attributes:
        multiple: what height and width of the input must divide by.

    Raises:
        ConfigError: fewer than 1 output, fewer than 2 levels, or a width below 1.
    """

    def __init__(
        self,
        n_outputs: int,
        n_channels: int = 1,
        *,
        base_width: int = 16,
        levels: int = 5,
        widths: Sequence[int] = (),
    ) -> None:
        super().__init__()
        widths = tuple(widths) or tuple(base_width * 2**level for level in range(levels))
        if n_outputs < 1 or len(widths) < 2 or min(widths) < 1:
            raise ConfigError(
                f"no U-Net of {n_outputs} outputs, {len(widths)} levels and widths {widths}",
                remedy="use at least 1 output, 2 levels and a width of 1",
            )
        self.multiple = 2 ** (len(widths) - 1)
        self.down = nn.ModuleList(double_conv(a, b) for a, b in pairwise([n_channels, *widths]))
        self.up = nn.ModuleList(Up(below, skip) for skip, below in pairwise(widths))
        self.head = nn.Conv2d(widths[0], n_outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits as large as the image.

        Args:
            x: ``(N, n_channels, H, W)`` float in [0, 1], H and W multiples of ``multiple``;
                whoever calls pads.

        Returns:
            ``(N, n_outputs, H, W)``.

        Raises:
            ImageError: H or W is no multiple, for instance smaller than it.
        """
        check_multiple(x, self.multiple)
        out: Tensor = self.head(decode(self.up, encode(self.down, x - 0.5)))
        return out


def check_multiple(x: Tensor, multiple: int) -> None:
    """Refuse a batch that cannot be halved at every level.

    Raises:
        ImageError: H or W is no multiple of ``multiple``.
    """
    height, width = x.shape[-2:]
    if height % multiple or width % multiple:
        raise ImageError(
            f"{height} x {width} pixels are no multiple of {multiple}",
            remedy="pad the image; inference and training do",
        )


def reach_px(levels: int) -> int:
    """How far, in pixels, an output pixel looks: half the width of its receptive field.

    The two 3x3 convolutions of a level look two of its pixels further, on the way down and
    (but for the lowest) on the way up; pooling adds what lies beside a pixel in its block.

    >>> reach_px(5)
    107
    """
    down = sum(2 << level for level in range(levels))
    up = sum(2 << level for level in range(levels - 1))
    return down + up + (1 << (levels - 1)) - 1
