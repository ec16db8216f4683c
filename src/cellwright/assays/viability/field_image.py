"""One image of a field while its cells are counted, read region by region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cellwright.errors import ImageError
from cellwright.inference.source import PixelSource, thinned
from cellwright.types import Image

PICTURE_PX = 2000
"""Longest edge of the picture that results are drawn on."""


@dataclass(frozen=True, eq=False)
class FieldImage:
    """An open image.

    Attributes:
        path: its file.
        source: its pixels.
        pixel_size_um: micrometres, None if unknown.
    """

    path: Path
    source: PixelSource
    pixel_size_um: float | None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        _, height, width = self.source.shape
        return height, width

    @property
    def step(self) -> int:
        """Every how manieth pixel the thumbnail holds."""
        return max(1, max(self.size) // PICTURE_PX)

    def thumbnail(self) -> Image:
        """``(C, h, w)``: every ``step``-th pixel."""
        return thinned(self.source, self.step)

    def dye(self, channel: int) -> FieldImage:
        """The one channel of an RGB picture that holds a dye; other images as they are.

        Raises:
            ImageError: the channel is empty although others are not.
        """
        if self.source.shape[0] != 3:
            return self
        spread = np.ptp(self.thumbnail().reshape(3, -1), axis=1)
        if spread[channel] == 0 < spread.max():
            raise ImageError(
                f"the picture is in colour, but its {('red', 'green', 'blue')[channel]} is empty",
                where=self.path,
                remedy="swap the patterns if blue and red are confused, or save the dye in grey",
            )
        return replace(self, source=_OneChannel(self.source, channel))


def shared_pixel_size(images: Sequence[FieldImage]) -> float | None:
    """Micrometres a pixel of a field: what the first of its images that knows it says."""
    return next((one.pixel_size_um for one in images if one.pixel_size_um is not None), None)


class _OneChannel:
    """One channel of a source."""

    def __init__(self, source: PixelSource, channel: int) -> None:
        self._source, self._channel = source, channel

    @property
    def shape(self) -> tuple[int, int, int]:
        """(1, H, W)."""
        return (1, *self._source.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        return self._source.dtype

    def read_region(self, y0: int, x0: int, y1: int, x1: int) -> Image:
        """Pixels ``(1, y1 - y0, x1 - x0)``."""
        pixels = self._source.read_region(y0, x0, y1, x1)
        return pixels[self._channel : self._channel + 1]
