"""The small network of paper 4 for cell cycle phases: two convolutions, two dense layers.

Duque-Vazquez, Cepeda-Negrete, López-Meza, Saldana-Robles and Sanchez-Yanez, Convolutional
Neural Network for Classifying the Stages of the Cell Cycle, section 2.2: 64 filters of
10 x 10, max pooling, 32 filters of 5 x 5, max pooling, flattening, 32 dense units, dropout,
16 dense units, one output a class. ReLU throughout; convolutions without padding. The softmax
belongs to the loss and to the decoding, so the network gives logits. The paper does not say
how large its pools and its dropout are: 2 x 2 and a half here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cellwright.errors import ConfigError

SMALLEST_PX = 20
"""Edge of the smallest crop that leaves a pixel after both convolutions and pools."""


class PhaseCNN(nn.Module):
    """The whole network.

    Args:
        n_classes: phases.
        n_channels: image channels.
        crop_px: (height, width) of a crop; the paper's are 66 x 66.
        dropout: share of the first dense layer that is silenced in training.

    Raises:
        ConfigError: a crop below 20 pixels.
    """

    def __init__(
        self,
        n_classes: int,
        n_channels: int = 3,
        *,
        crop_px: tuple[int, int] = (66, 66),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if min(crop_px) < SMALLEST_PX:
            raise ConfigError(
                f"crops of {crop_px[1]} x {crop_px[0]} pixels are too small for phase-cnn",
                remedy=f"use at least {SMALLEST_PX} pixels, or the model resnet",
            )
        self.features = nn.Sequential(
            nn.Conv2d(n_channels, 64, 10),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 32, 5),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        rows, columns = (((edge - 9) // 2 - 4) // 2 for edge in crop_px)
        self.grid = (rows, columns)
        self.dense = nn.Sequential(
            nn.Linear(32 * rows * columns, 32),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(32, 16),
            nn.ReLU(inplace=True),
            nn.Linear(16, n_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, n_classes)`` of ``(N, n_channels, H, W)`` in [0, 1].

        Crops of another size than ``crop_px`` are pooled to its grid.
        """
        maps = self.features(x - 0.5)
        if tuple(maps.shape[-2:]) != self.grid:
            maps = functional.adaptive_avg_pool2d(maps, self.grid)
        logits: Tensor = self.dense(torch.flatten(maps, 1))
        return logits
