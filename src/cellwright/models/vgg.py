"""VGG16, which paper 5 carries over from ImageNet to smears.

Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR
2015, Table 1, column D: thirteen 3 x 3 convolutions in five blocks, each block ended by a pool
that halves. Layers are named as torchvision names them, so its files fit. Of their three dense
layers, 120 of 138 million weights that want 224 x 224 pixels, nothing is kept: the maps are
averaged, and two small dense layers with dropout between them give the classes.
"""

from __future__ import annotations

from torch import Tensor, nn

from cellwright.errors import ConfigError
from cellwright.models.imagenet import begin_with

PLAN = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Filters of each convolution, block by block."""

ARCHITECTURES = ("vgg16", "vgg16_bn")
SMALLEST_PX = 32


class VGG(nn.Module):
    """The whole network.

    Args:
        n_classes: classes.
        n_channels: image channels.
        crop_px: (height, width) of a crop; any size of at least 32 pixels works.
        architecture: ``vgg16``, or ``vgg16_bn`` with a batch norm after each convolution.
        weights: ``imagenet`` or a file to begin with; empty begins with chance.
        hidden: units of the dense layer before the classes.
        dropout: share of them that is silenced in training.

    Raises:
        ConfigError: no such architecture, a crop that is too small, or weights that are not there.
    """

    def __init__(
        self,
        n_classes: int,
        n_channels: int = 3,
        *,
        crop_px: tuple[int, int] = (224, 224),
        architecture: str = "vgg16",
        weights: str = "",
        hidden: int = 256,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if architecture not in ARCHITECTURES:
            raise ConfigError(
                f"there is no VGG called {architecture!r}",
                where="classification.settings.architecture",
                remedy=f"choose out of {', '.join(ARCHITECTURES)}",
            )
        if min(crop_px) < SMALLEST_PX:
            raise ConfigError(
                f"crops of {crop_px[1]} x {crop_px[0]} pixels are too small for {architecture}",
                remedy=f"use at least {SMALLEST_PX} pixels, or the model resnet",
            )
        normed = architecture == "vgg16_bn"
        self.features = nn.Sequential(*_layers(n_channels, normed=normed))
        self.dense = nn.Sequential(
            nn.Linear(PLAN[-1][-1], hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, n_classes),
        )
        for layer in self.features:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        if weights:
            begin_with(self, weights, architecture=architecture)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, n_classes)`` of ``(N, n_channels, H, W)`` in [0, 1]."""
        logits: Tensor = self.dense(self.features(x).mean(dim=(2, 3)))
        return logits


def _layers(n_channels: int, *, normed: bool) -> list[nn.Module]:
    layers: list[nn.Module] = []
    c_in = n_channels
    for block in PLAN:
        for c_out in block:
            layers.append(nn.Conv2d(c_in, c_out, 3, padding=1))
            layers += [nn.BatchNorm2d(c_out)] if normed else []
            layers.append(nn.ReLU(inplace=True))
            c_in = c_out
        layers.append(nn.MaxPool2d(2))
    return layers
