"""Cellwright's own detector: anchor-free, for many small, round, touching cells.

A cross-stage-partial backbone (Wang et al., CSPNet, CVPRW 2020), a two-way feature
pyramid (Lin et al., FPN, CVPR 2017; Liu et al., PANet, CVPR 2018) and a decoupled
head that gives, at every position of every level, class logits and the four
distances to the sides of a box as distributions (Li et al., Generalized Focal
Loss, NeurIPS 2020). The finest level has stride 4 or 8 and the coarsest 16: cells
are not giants, so no level is spent on them; a stride-32 stage with pooled context
only feeds the pyramid.

Everything is a plain convolution, so the graph exports, prunes and quantizes
without special cases.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from cellwright.errors import ConfigError


def conv_block(c_in: int, c_out: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, SiLU; keeps H and W when ``stride`` is 1."""
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(c_out, eps=1e-3),
        nn.SiLU(inplace=True),
    )


class Residual(nn.Module):
    """Two 3x3 blocks with a skip around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv_block(channels, channels), conv_block(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` to the same shape."""
        out: Tensor = x + self.body(x)
        return out


class CrossStage(nn.Module):
    """CSP block: half the channels pass through ``depth`` residuals, every stage is kept."""

    def __init__(self, c_in: int, c_out: int, depth: int) -> None:
        super().__init__()
        self.hidden = hidden = c_out // 2
        self.enter = conv_block(c_in, 2 * hidden, kernel=1)
        self.residuals = nn.ModuleList(Residual(hidden) for _ in range(depth))
        self.leave = conv_block((2 + depth) * hidden, c_out, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, c_in, H, W)`` to ``(N, c_out, H, W)``."""
        # Not in chunks: their size would be computed anew in the exported graph.
        kept = list(self.enter(x).split(self.hidden, dim=1))
        for residual in self.residuals:
            kept.append(residual(kept[-1]))
        out: Tensor = self.leave(torch.cat(kept, dim=1))
        return out


class PooledContext(nn.Module):
    """Spatial pyramid pooling (He et al., TPAMI 2015) as three chained 5x5 max pools."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // 2
        self.enter = conv_block(channels, hidden, kernel=1)
        self.pool = nn.MaxPool2d(5, stride=1, padding=2)
        self.leave = conv_block(4 * hidden, channels, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` to the same shape."""
        kept = [self.enter(x)]
        for _ in range(3):
            kept.append(self.pool(kept[-1]))
        out: Tensor = self.leave(torch.cat(kept, dim=1))
        return out


class Backbone(nn.Module):
    """Features at strides 4, 8, 16 and 32."""

    def __init__(self, n_channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        w4, w8, w16, w32 = widths
        self.stride4 = nn.Sequential(
            conv_block(n_channels, w4 // 2, stride=2),
            conv_block(w4 // 2, w4, stride=2),
            CrossStage(w4, w4, depth=1),
        )
        self.stride8 = nn.Sequential(conv_block(w4, w8, stride=2), CrossStage(w8, w8, depth=2))
        self.stride16 = nn.Sequential(conv_block(w8, w16, stride=2), CrossStage(w16, w16, depth=2))
        self.stride32 = nn.Sequential(
            conv_block(w16, w32, stride=2), CrossStage(w32, w32, depth=1), PooledContext(w32)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """``(N, C, H, W)`` to one map a stride, finest first."""
        x4 = self.stride4(x)
        x8 = self.stride8(x4)
        x16 = self.stride16(x8)
        return [x4, x8, x16, self.stride32(x16)]


class Pyramid(nn.Module):
    """Top-down then bottom-up mixing; gives the maps of the wanted strides.

    Args:
        widths: channels of the backbone maps at strides 4, 8, 16, 32.
        finest: index of the finest wanted map (0: stride 4, 1: stride 8).
    """

    def __init__(self, widths: Sequence[int], *, finest: int) -> None:
        super().__init__()
        self.finest = finest
        self.widths = [max(32, width * 4 // 5 // 8 * 8) for width in widths[finest:3]]
        above = [*self.widths[1:], widths[3]]
        self.down = nn.ModuleList(
            CrossStage(here + coarse, out, depth=1)
            for here, coarse, out in zip(widths[finest:3], above, self.widths, strict=True)
        )
        self.shrink = nn.ModuleList(conv_block(w, w, stride=2) for w in self.widths[:-1])
        self.up = nn.ModuleList(
            CrossStage(fine + here, here, depth=1)
            for fine, here in zip(self.widths[:-1], self.widths[1:], strict=True)
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Backbone maps (strides 4..32) to mixed maps, finest first."""
        coarse = maps[3]
        mixed: list[Tensor] = []
        for index in reversed(range(len(self.down))):
            grown = functional.interpolate(coarse, scale_factor=2.0, mode="nearest")
            coarse = self.down[index](torch.cat([maps[self.finest + index], grown], dim=1))
            mixed.insert(0, coarse)
        for index, (shrink, up) in enumerate(zip(self.shrink, self.up, strict=True)):
            mixed[index + 1] = up(torch.cat([shrink(mixed[index]), mixed[index + 1]], dim=1))
        return mixed


class Head(nn.Module):
    """Decoupled head of one level: side distributions and class logits."""

    def __init__(self, c_in: int, hidden: int, n_classes: int, n_bins: int) -> None:
        super().__init__()
        self.sides = nn.Sequential(
            conv_block(c_in, hidden), conv_block(hidden, hidden), nn.Conv2d(hidden, 4 * n_bins, 1)
        )
        self.classes = nn.Sequential(
            conv_block(c_in, hidden), conv_block(hidden, hidden), nn.Conv2d(hidden, n_classes, 1)
        )

    def start_at(self, prior: float) -> None:
        """Begin with every class probability at ``prior`` (Lin et al., Focal Loss, section 4.1)."""
        last = self.classes[-1]
        nn.init.constant_(last.bias, math.log(prior / (1 - prior)))  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """``(N, c_in, H, W)`` to ``(N, 4 * n_bins + n_classes, H, W)``."""
        return torch.cat([self.sides(x), self.classes(x)], dim=1)


class CellDetector(nn.Module):
    """The whole network.

    Args:
        n_classes: cell classes.
        n_channels: image channels.
        strides: ``(8, 16)``, or ``(4, 8, 16)`` for cells below about 12 network pixels.
        width: channels at stride 4; the deeper stages follow from it.
        n_bins: bins a side; a side reaches at most ``n_bins - 1`` strides.

    Raises:
        ConfigError: strides other than the two above.
    """

    def __init__(
        self,
        n_classes: int,
        n_channels: int = 3,
        *,
        strides: Sequence[int] = (8, 16),
        width: int = 48,
        n_bins: int = 16,
    ) -> None:
        super().__init__()
        finest = {(4, 8, 16): 0, (8, 16): 1}.get(tuple(strides))
        if finest is None:
            raise ConfigError(f"strides {tuple(strides)}", remedy="use (8, 16) or (4, 8, 16)")
        widths = (width, 2 * width, width * 10 // 3 // 8 * 8, 4 * width)
        self.n_classes = n_classes
        self.n_bins = n_bins
        self.strides = tuple(strides)
        self.backbone = Backbone(n_channels, widths)
        self.pyramid = Pyramid(widths, finest=finest)
        hidden = max(32, width * 4 // 3 // 8 * 8)
        self.heads = nn.ModuleList(Head(c, hidden, n_classes, n_bins) for c in self.pyramid.widths)
        for head, stride in zip(self.heads, self.strides, strict=True):
            # About ten cells on a 640 px image, spread over the level's positions.
            head.start_at(10 / n_classes / (640 / stride) ** 2)  # type: ignore[operator]

    def forward(self, x: Tensor) -> list[Tensor]:
        """Raw head outputs.

        Args:
            x: ``(N, C, H, W)`` float in [0, 1], H and W multiples of 32.

        Returns:
            One ``(N, 4 * n_bins + n_classes, H / stride, W / stride)`` tensor a stride.
        """
        maps = self.pyramid(self.backbone(x - 0.5))
        return [head(m) for head, m in zip(self.heads, maps, strict=True)]


class DenseBoxesGraph(nn.Module):
    """What is exported: side distributions become their expectations (GFL, equation 5).

    Output ``level_<stride>``: ``(N, 4 + K, H / stride, W / stride)``; distances left, top,
    right, bottom in strides, then class logits.
    """

    def __init__(self, network: CellDetector) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """``(N, C, H, W)`` to one dense map a stride."""
        return tuple(dense_level(raw, n_bins=self.network.n_bins) for raw in self.network(x))


def dense_level(raw: Tensor, *, n_bins: int) -> Tensor:
    """Head output ``(N, 4 * n_bins + K, H, W)`` to distances and logits ``(N, 4 + K, H, W)``."""
    # A side at a time: reshaped to (N, 4, bins, H, W), the exported graph would compute H and W,
    # and OpenVINO fuses less of a graph that does.
    bins = torch.arange(n_bins, dtype=raw.dtype, device=raw.device).view(1, n_bins, 1, 1)
    sides = torch.split(raw[:, : 4 * n_bins], n_bins, dim=1)
    distances = [(side.softmax(dim=1) * bins).sum(dim=1, keepdim=True) for side in sides]
    return torch.cat([*distances, raw[:, 4 * n_bins :]], dim=1)
