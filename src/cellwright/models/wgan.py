"""A generator and a critic for crops of single cells, for Wasserstein training.

Convolutions that double (generator) or halve (critic) the edge between 4 pixels and the crop's,
as in Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville, Improved training of Wasserstein GANs,
NeurIPS 2017, which paper 4 follows through Jin et al. for crops of 64 x 64 x 3. The critic has
no batch normalisation: its penalty is on the gradient at each crop alone (there, section 4).
"""

from __future__ import annotations

from math import log2

from torch import Tensor, nn

from cellwright.errors import ConfigError

FIRST_PX = 4


def doublings(edge_px: int) -> int:
    """How often 4 pixels are doubled to ``edge_px``.

    Raises:
        ConfigError: an edge that is not 8, 16, 32, 64 ...
    """
    steps = round(log2(edge_px / FIRST_PX)) if edge_px > 0 else 0
    if steps < 1 or FIRST_PX << steps != edge_px:
        raise ConfigError(f"crops of {edge_px} pixels", remedy="use 8, 16, 32, 64 or 128 pixels")
    return steps


class Generator(nn.Module):
    """Noise ``(N, latent)`` to crops ``(N, n_channels, edge_px, edge_px)`` in [0, 1]."""

    def __init__(
        self, n_channels: int = 3, *, edge_px: int = 64, latent: int = 128, width: int = 64
    ) -> None:
        super().__init__()
        steps = doublings(edge_px)
        self.latent = latent
        widest = width << (steps - 1)
        self.start = nn.Linear(latent, widest * FIRST_PX**2)
        layers: list[nn.Module] = []
        channels = widest
        for step in range(steps):
            narrower = max(width, channels // 2)
            layers += [
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
                nn.Upsample(scale_factor=2.0, mode="nearest"),
                nn.Conv2d(channels, n_channels if step == steps - 1 else narrower, 3, padding=1),
            ]
            channels = narrower
        self.grow = nn.Sequential(*layers, nn.Sigmoid())

    def forward(self, noise: Tensor) -> Tensor:
        """See the class."""
        first = self.start(noise)
        crops: Tensor = self.grow(first.view(len(noise), -1, FIRST_PX, FIRST_PX))
        return crops


class Critic(nn.Module):
    """Crops ``(N, n_channels, edge_px, edge_px)`` to ``(N,)``; larger is more like the real."""

    def __init__(self, n_channels: int = 3, *, edge_px: int = 64, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = n_channels
        for step in range(doublings(edge_px)):
            wider = width << step
            layers += [nn.Conv2d(channels, wider, 4, 2, 1), nn.LeakyReLU(0.2)]
            channels = wider
        self.shrink = nn.Sequential(*layers)
        self.score = nn.Linear(channels * FIRST_PX**2, 1)

    def forward(self, crops: Tensor) -> Tensor:
        """See the class."""
        scores: Tensor = self.score(self.shrink(crops - 0.5).flatten(1)).squeeze(1)
        return scores
