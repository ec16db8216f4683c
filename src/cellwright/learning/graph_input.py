"""What a network is fed, for whoever must run it once or export it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cellwright.bundles.export import export_network


@dataclass(frozen=True)
class GraphInput:
    """The size of a network's input.

    Attributes:
        channels: of the image.
        multiple: what height and width must divide by.
        size: the only (height, width) that is fed; None for any multiple.
    """

    channels: int
    multiple: int = 1
    size: tuple[int, int] | None = None

    def example(self) -> Tensor:
        """``(2, C, H, W)`` float32 in [0, 1], always the same noise."""
        height, width = self.size or (2 * self.multiple, 2 * self.multiple)
        generator = torch.Generator().manual_seed(0)
        return torch.rand((2, self.channels, height, width), generator=generator)

    def export(self, network: nn.Module, output_names: Sequence[str]) -> bytes:
        """ONNX bytes of ``network``; see :func:`cellwright.bundles.export.export_network`."""
        return export_network(
            network,
            channels=self.channels,
            output_names=output_names,
            multiple=self.multiple,
            size=self.size,
        )
