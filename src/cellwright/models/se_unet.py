"""U-Net with squeeze-and-excitation: each block weighs its maps by what the whole picture holds.

The network of paper 3 (Ando and Hotta, Cell Image Segmentation by Feature Random Enhancement
Module, figure 4): the U-Net of :mod:`cellwright.models.unet` with the block of Hu, Shen and
Sun (CVPR 2018, section 3) behind every pair of convolutions, and 512 maps at the bottom. The
paper prints neither the number of levels nor the reduction; five levels from 32 maps lead to
its 512, and 16 is the reduction of Hu et al. Its "U-Net + SE block without deep layers" is
this network with one level fewer.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from cellwright.errors import ConfigError
from cellwright.models.unet import Up, check_multiple, double_conv, encode

LEAST_HIDDEN = 4
"""Fewer units than this between squeeze and excitation say next to nothing."""


class SqueezeExcite(nn.Module):
    """Hu et al., equations 2 to 4: mean of each map, two small layers, a factor for each map.

    Args:
        channels: maps in and out.
        reduction: how many times fewer units stand between.
    """

    def __init__(self, channels: int, *, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(LEAST_HIDDEN, channels // reduction)
        self.squeeze = nn.Conv2d(channels, hidden, 1)
        self.excite = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` to the same shape."""
        means = x.mean(dim=(2, 3), keepdim=True)
        factors: Tensor = self.excite(self.squeeze(means).relu()).sigmoid()
        return x * factors


class SEUNet(nn.Module):
    """The whole network.

    Args:
        n_outputs: channels of the result, as for :class:`~cellwright.models.unet.UNet`.
        n_channels: image channels.
        base_width: maps of the first level; each level below has twice as many.
        levels: resolutions, the first one included.
        reduction: of the squeeze-and-excitation blocks.
        bottom: what is done to the deepest maps before they go up; nothing by default.

    Raises:
        ConfigError: fewer than 1 output, fewer than 2 levels, a width or reduction below 1.
    """

    def __init__(
        self,
        n_outputs: int,
        n_channels: int = 1,
        *,
        base_width: int = 32,
        levels: int = 5,
        reduction: int = 16,
        bottom: nn.Module | None = None,
    ) -> None:
        super().__init__()
        if n_outputs < 1 or levels < 2 or base_width < 1 or reduction < 1:
            raise ConfigError(
                f"no SE-U-Net of {n_outputs} outputs, {levels} levels, base width {base_width} "
                f"and reduction {reduction}",
                remedy="use at least 1 output, 2 levels, a width and a reduction of 1",
            )
        widths = [base_width * 2**level for level in range(levels)]
        self.multiple = 2 ** (levels - 1)
        self.down = nn.ModuleList(
            nn.Sequential(double_conv(a, b), SqueezeExcite(b, reduction=reduction))
            for a, b in pairwise([n_channels, *widths])
        )
        self.bottom = nn.Identity() if bottom is None else bottom
        self.up = nn.ModuleList(Up(below, skip) for skip, below in pairwise(widths))
        self.weigh = nn.ModuleList(
            SqueezeExcite(width, reduction=reduction) for width in widths[:-1]
        )
        self.head = nn.Conv2d(base_width, n_outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits as large as the image.

        Args:
            x: ``(N, n_channels, H, W)`` float in [0, 1], H and W multiples of ``multiple``;
                whoever calls pads.

        Returns:
            ``(N, n_outputs, H, W)``.

        Raises:
            ImageError: H or W is no multiple.
        """
        return self.decode(self.encode(x))

    def encode(self, x: Tensor) -> list[Tensor]:
        """The maps of every level, finest first; the last ones are the bottom's.

        Raises:
            ImageError: H or W is no multiple of ``multiple``.
        """
        check_multiple(x, self.multiple)
        *finer, deepest = encode(self.down, x - 0.5)
        return [*finer, self.bottom(deepest)]

    def decode(self, maps: list[Tensor]) -> Tensor:
        """Logits from the maps of :meth:`encode`."""
        *skips, x = maps
        for skip, up, weigh in zip(
            reversed(skips), reversed(self.up), reversed(self.weigh), strict=True
        ):
            x = weigh(up(x, skip))
        out: Tensor = self.head(x)
        return out


def deepest_width(base_width: int, levels: int) -> int:
    """Maps at the bottom: 512 at the defaults.

    >>> deepest_width(32, 5)
    512
    """
    return int(base_width * 2 ** (levels - 1))


class Supervised(NamedTuple):
    """What a deeply supervised network says while it is trained.

    Attributes:
        logits: ``(N, K, H, W)``, as the network says them in use.
        deep: the same shape, from the deepest maps alone.
    """

    logits: Tensor
    deep: Tensor


class SupervisedSEUNet(nn.Module):
    """The paper's "SuperVision": the deepest maps are asked for the answer too.

    A 1x1 convolution turns them into classes, enlarged to the image (section 4.3; after Lee et
    al., Deeply-Supervised Nets, AISTATS 2015). Only in training: in use and in the exported
    graph it is :class:`SEUNet` alone.

    Args:
        n_outputs: as for :class:`SEUNet`, and so are the others.
        n_channels: image channels.
        deep_weight: lambda of equation 1; the paper's search gave 0.2781 for Drosophila.
        base_width: maps of the first level.
        levels: resolutions.

    Raises:
        ConfigError: a weight outside of [0, 1], or as :class:`SEUNet`.
    """

    def __init__(
        self,
        n_outputs: int,
        n_channels: int = 1,
        *,
        deep_weight: float = 0.2781,
        base_width: int = 32,
        levels: int = 5,
    ) -> None:
        super().__init__()
        if not 0 <= deep_weight <= 1:
            raise ConfigError(
                f"deep_weight {deep_weight:g} is no share", remedy="use a number from 0 to 1"
            )
        self.deep_weight = deep_weight
        self.inner = SEUNet(n_outputs, n_channels, base_width=base_width, levels=levels)
        self.multiple = self.inner.multiple
        self.deep_head = nn.Conv2d(deepest_width(base_width, levels), n_outputs, 1)

    def forward(self, x: Tensor) -> Tensor | Supervised:
        """Logits as :class:`SEUNet`; while training, those of the deepest maps beside them."""
        maps = self.inner.encode(x)
        logits = self.inner.decode(maps)
        if not self.training:
            return logits
        deep = functional.interpolate(
            self.deep_head(maps[-1]), size=x.shape[-2:], mode="bilinear", align_corners=False
        )
        return Supervised(logits, deep)


def balanced(final: Tensor, deep: Tensor, deep_weight: float) -> Tensor:
    """Equation 1: ``(1 - lambda) loss1 + lambda loss2``."""
    return torch.lerp(final, deep, deep_weight)
