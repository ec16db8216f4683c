"""A residual network for single-cell crops: the shape He et al. gave theirs for small pictures.

He, Zhang, Ren and Sun, Deep Residual Learning, CVPR 2016, section 4.2: a 3 x 3 convolution,
three stages of basic blocks that halve the size and double the width, global average pooling,
one dense layer. A crop of one cell needs no stem for photographs of 224 pixels, whose first two
layers would take 15 of 16 pixels away. Averages, and not maxima, are pooled at the end: the
amount of a stain is a sum over the cell.

Where the stain itself is what differs between laboratories, ``standardised`` crops lose it at the
door: each channel less its mean over the crop, divided by its spread, as Reinhard, Ashikhmin, Gooch
and Shirley (IEEE Computer Graphics and Applications 21, 2001) match colours of two pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn

from cellwright.errors import ConfigError

SMALLEST_WIDTH = 8
"""With fewer channels, laid out channels last, PyTorch's own convolutions write beyond their memory
on some processors (seen with 2.15): the training dies without a word."""

DARK = 1e-4
"""Variance below which a channel counts as empty and is not stretched further."""


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a way around them."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(c_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(c_out),
        )
        same = stride == 1 and c_in == c_out
        self.around: nn.Module = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))
        )
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, c_in, H, W)`` to ``(N, c_out, H / stride, W / stride)``."""
        out: Tensor = self.act(self.body(x) + self.around(x))
        return out


def centred(x: Tensor) -> Tensor:
    """Values about 0, brightness and colour kept."""
    return x - 0.5


def standardised(x: Tensor) -> Tensor:
    """Each channel of each crop ``(N, C, H, W)`` to mean 0 and standard deviation 1."""
    apart = x - x.mean(dim=(2, 3), keepdim=True)
    return apart * (apart.square().mean(dim=(2, 3), keepdim=True) + DARK).rsqrt()


ENTRIES: dict[str, Callable[[Tensor], Tensor]] = {"centred": centred, "standardised": standardised}
"""What happens to a crop before the first layer."""


class CropResNet(nn.Module):
    """The whole network.

    Args:
        n_classes: classes.
        n_channels: image channels.
        crop_px: (height, width) of a crop; any size works.
        width: channels of the first stage.
        blocks: basic blocks of each stage.
        stem_stride: 2 halves the crop at once and costs a quarter.
        dropout: share of the pooled features that is silenced in training.
        entry: ``centred`` takes a half off every value; ``standardised`` brings each channel of
            each crop to mean 0 and spread 1, so that the lamp and the camera's gain do not matter.

    Raises:
        ConfigError: no such entry, no stage, no block, or a width below 8.
    """

    def __init__(
        self,
        n_classes: int,
        n_channels: int = 3,
        *,
        crop_px: tuple[int, int] = (64, 64),
        width: int = 32,
        blocks: tuple[int, ...] = (1, 1, 1),
        stem_stride: int = 2,
        dropout: float = 0.2,
        entry: Literal["centred", "standardised"] = "centred",
    ) -> None:
        super().__init__()
        if entry not in ENTRIES:
            raise ConfigError(
                f"there is no entry called {entry!r}", remedy=f"choose out of {', '.join(ENTRIES)}"
            )
        self.entry = entry
        if not blocks or min(blocks) < 1 or width < SMALLEST_WIDTH or min(crop_px) < 1:
            raise ConfigError(
                f"no residual network of blocks {tuple(blocks)} and width {width}",
                remedy=f"use at least one stage of one block and a width of {SMALLEST_WIDTH}",
            )
        layers: list[nn.Module] = [
            nn.Conv2d(n_channels, width, 3, stem_stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        channels = width
        for stage, count in enumerate(blocks):
            for index in range(count):
                stride = 2 if stage and not index else 1
                layers.append(Block(channels, width * 2**stage, stride))
                channels = width * 2**stage
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, n_classes)`` of ``(N, n_channels, H, W)`` in [0, 1]."""
        pooled = self.features(ENTRIES[self.entry](x)).mean(dim=(2, 3))
        logits: Tensor = self.head(self.dropout(pooled))
        return logits
