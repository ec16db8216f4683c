"""An open image that is read region by region, whatever kind of file lies behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cellwright.errors import ImageError
from cellwright.images.picture import Picture
from cellwright.types import Image

ReadRegion = Callable[[int, int, int, int], Image]


@dataclass(frozen=True, eq=False)
class LazyImage:
    """An open image; use it in a ``with`` block, which closes its file.

    Attributes:
        shape: ``(C, H, W)``.
        dtype: uint8, uint16 or float32.
        read: region ``y0, x0, y1, x1`` to pixels, without checks.
        close: closes the file; reading afterwards is an error.
        pixel_size_um: edge length of a pixel in micrometres, None if unknown.
        channel_names: one name a channel, or empty.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    read: ReadRegion
    close: Callable[[], None]
    pixel_size_um: float | None = None
    channel_names: tuple[str, ...] = ()

    def read_region(self, y0: int, x0: int, y1: int, x1: int) -> Image:
        """``(C, y1 - y0, x1 - x0)`` pixels of rows y0..y1 and columns x0..x1, ends excluded.

        Raises:
            ImageError: the region is empty or not inside the image, or its pixels are damaged.
        """
        _, height, width = self.shape
        if not (0 <= y0 < y1 <= height and 0 <= x0 < x1 <= width):
            raise ImageError(
                f"rows {y0}..{y1}, columns {x0}..{x1} are no region of an image of "
                f"{height} rows and {width} columns",
                remedy="plan regions with cellwright.images.tiles.plan_tiles",
            )
        return self.read(y0, x0, y1, x1)

    def __enter__(self) -> LazyImage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def whole_image(picture: Picture) -> LazyImage:
    """A picture that is already in memory, seen as a :class:`LazyImage`."""
    channels, height, width = picture.pixels.shape
    return LazyImage(
        shape=(channels, height, width),
        dtype=picture.pixels.dtype,
        read=lambda y0, x0, y1, x1: picture.pixels[:, y0:y1, x0:x1],
        close=lambda: None,
        pixel_size_um=picture.pixel_size_um,
        channel_names=picture.channel_names,
    )
