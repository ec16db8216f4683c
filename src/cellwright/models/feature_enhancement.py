"""Feature random enhancement: a few of the deepest maps are made large, in training only.

Ando and Hotta (paper 3, section 3.2): of the maps at the end of the encoder B, chosen at
random anew each epoch, are multiplied by X. They outweigh what the skips bring, so the
decoder has to use them and the gradient reaches the layers farthest from the loss. In
evaluation, and so in the exported graph, nothing is done.

Beside it stand the variants that the paper compares with, each a component for the bottom of
:class:`~cellwright.models.se_unet.SEUNet`: the same maps in every epoch (section 4.4), and
plain dropout at the rate B over the number of maps (section 4.3).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from cellwright.errors import ConfigError
from cellwright.models.se_unet import SEUNet, deepest_width


class RandomEnhancement(nn.Module):
    """Multiplies ``n_chosen`` of the maps by ``boost`` while training; the identity otherwise.

    Which maps is decided by :meth:`choose` alone, from seed and epoch: a run that goes on
    after a kill chooses as if it had not been killed. The choice is no weight: it is neither
    saved nor averaged.

    Args:
        n_maps: maps that come in.
        n_chosen: how many of them are made large (B).
        boost: the factor (X).

    Raises:
        ConfigError: more chosen than there are, or a factor that is not positive.
    """

    def __init__(self, n_maps: int, *, n_chosen: int, boost: float) -> None:
        super().__init__()
        _check(n_maps, n_chosen, boost)
        self.n_maps, self.n_chosen, self.boost = n_maps, n_chosen, boost
        self.chosen: tuple[int, ...] = ()
        self.choose(epoch=0, seed=0)

    def choose(self, *, epoch: int, seed: int) -> None:
        """Choose the maps of an epoch."""
        rng = np.random.default_rng((seed, epoch))
        picked = rng.choice(self.n_maps, self.n_chosen, replace=False)
        self.chosen = tuple(sorted(picked.tolist()))

    def forward(self, x: Tensor) -> Tensor:
        """``(N, n_maps, H, W)`` to the same shape."""
        return enlarged(x, self.chosen, self.boost) if self.training else x


class FixedEnhancement(nn.Module):
    """The first ``n_chosen`` maps in every epoch; arguments as :class:`RandomEnhancement`.

    Before training no map differs from another, so the first ones are as good as any.
    """

    def __init__(self, n_maps: int, *, n_chosen: int, boost: float) -> None:
        super().__init__()
        _check(n_maps, n_chosen, boost)
        self.chosen, self.boost = tuple(range(n_chosen)), boost

    def forward(self, x: Tensor) -> Tensor:
        """``(N, n_maps, H, W)`` to the same shape."""
        return enlarged(x, self.chosen, self.boost) if self.training else x


def enlarged(x: Tensor, chosen: tuple[int, ...], boost: float) -> Tensor:
    """``(N, C, H, W)`` with the chosen maps multiplied by ``boost``.

    A pruned network has fewer maps than it was built with; of those chosen at random, the same
    share is left.
    """
    factors = torch.ones(x.shape[1], dtype=x.dtype, device=x.device)
    factors[[number for number in chosen if number < x.shape[1]]] = boost
    return x * factors[None, :, None, None]


def choose_anew(network: nn.Module, *, epoch: int, seed: int) -> None:
    """Let every :class:`RandomEnhancement` of a network choose its maps for an epoch."""
    for part in network.modules():
        if isinstance(part, RandomEnhancement):
            part.choose(epoch=epoch, seed=seed)


def enhanced_se_unet(
    n_outputs: int,
    n_channels: int = 1,
    *,
    n_chosen: int = 8,
    boost: float = 250.0,
    base_width: int = 32,
    levels: int = 5,
) -> SEUNet:
    """SE-U-Net with maps chosen anew each epoch; defaults: the paper's best for Drosophila.

    Raises:
        ConfigError: as :class:`RandomEnhancement` and :class:`~cellwright.models.se_unet.SEUNet`.
    """
    n_maps = deepest_width(base_width, levels)
    bottom = RandomEnhancement(n_maps, n_chosen=n_chosen, boost=boost)
    return SEUNet(n_outputs, n_channels, base_width=base_width, levels=levels, bottom=bottom)


def fixed_se_unet(
    n_outputs: int,
    n_channels: int = 1,
    *,
    n_chosen: int = 10,
    boost: float = 10_000.0,
    base_width: int = 32,
    levels: int = 5,
) -> SEUNet:
    """SE-U-Net with the same maps enhanced throughout; defaults: section 4.4.

    Raises:
        ConfigError: as :func:`enhanced_se_unet`.
    """
    n_maps = deepest_width(base_width, levels)
    bottom = FixedEnhancement(n_maps, n_chosen=n_chosen, boost=boost)
    return SEUNet(n_outputs, n_channels, base_width=base_width, levels=levels, bottom=bottom)


def dropout_se_unet(
    n_outputs: int,
    n_channels: int = 1,
    *,
    n_chosen: int = 8,
    base_width: int = 32,
    levels: int = 5,
) -> SEUNet:
    """SE-U-Net with dropout on the deepest maps at the rate ``n_chosen`` over their number.

    Raises:
        ConfigError: as :func:`enhanced_se_unet`.
    """
    n_maps = deepest_width(base_width, levels)
    _check(n_maps, n_chosen, 1.0)
    bottom = nn.Dropout(n_chosen / n_maps)
    return SEUNet(n_outputs, n_channels, base_width=base_width, levels=levels, bottom=bottom)


def _check(n_maps: int, n_chosen: int, boost: float) -> None:
    if not 0 <= n_chosen <= n_maps or boost <= 0:
        raise ConfigError(
            f"{n_chosen} of {n_maps} maps cannot be multiplied by {boost:g}",
            remedy=f"choose from 0 to {n_maps} maps and a factor above 0",
        )
