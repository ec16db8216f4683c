"""What a network is fed: how large an image is drawn, which tiles, how many at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.card import InputSpec
from cellwright.errors import ConfigError, ImageError
from cellwright.images.normalise import apply_limits
from cellwright.inference.blend import Span, plan_spans
from cellwright.inference.source import AdaptedSource, PixelSource, ResizedSource, source_limits

MAX_BATCH = 4
BATCH_PIXELS = 640 * 640
"""Tiles that go through the network together, and their pixels: on a processor a batch only
saves the overhead of a call, which large tiles do not feel, and its memory adds up."""

SCALE_RANGE = (1 / 8, 8.0)


def check_pixel_size(pixel_size_um: float | None) -> None:
    """Refuse a pixel size that cannot be; None is unknown.

    Raises:
        ConfigError: it is not above 0, or not finite.
    """
    if pixel_size_um is not None and not 0 < pixel_size_um < float("inf"):
        raise ConfigError(f"pixel size must be above 0 µm and finite, not {pixel_size_um}")


def check_scale(scale: float) -> None:
    """Refuse a scale that would draw cells too small to see or too large for a tile.

    Raises:
        ConfigError: it is outside 1/8 to 8.
    """
    low, high = SCALE_RANGE
    if not low <= scale <= high:
        raise ConfigError(
            f"scale must lie between {low:g} and {high:g}, not {scale:g}",
            remedy="give 2 where the cells are half as large as in training",
        )


def network_factor(
    spec: InputSpec, *, pixel_size_um: float | None = None, scale: float | None = None
) -> float:
    """Network pixels per image pixel.

    The card's factor, times ``scale`` where given, else times the ratio of the pixel sizes
    where both are known.

    Raises:
        ImageError: the pixel sizes differ more than eightfold.
        ConfigError: ``scale`` is outside 1/8 to 8.
    """
    if scale is not None:
        check_scale(scale)
        return spec.resize_factor * scale
    if pixel_size_um is None or spec.pixel_size_um is None:
        return spec.resize_factor
    ratio = pixel_size_um / spec.pixel_size_um
    low, high = SCALE_RANGE
    if not low <= ratio <= high:
        raise ImageError(
            f"pixels of {pixel_size_um:g} µm; the model was trained at {spec.pixel_size_um:g} µm",
            remedy="give the true pixel size, or a scale, if the file is wrong about itself",
        )
    return spec.resize_factor * ratio


class NetworkView:
    """An image as its network sees it: magnification, tiles, batches of normalised pixels.

    Attributes:
        size: height and width in network pixels.
        rows: tiles along the vertical axis.
        columns: tiles along the horizontal axis.
    """

    def __init__(self, source: PixelSource, spec: InputSpec, factor: float) -> None:
        adapted = AdaptedSource(source, spec.channels)
        _, height, width = source.shape
        self.size = (max(1, round(height * factor)), max(1, round(width * factor)))
        self.rows, self.columns = (
            plan_spans(
                length,
                tile_px=spec.tile_px,
                overlap_px=spec.overlap_px,
                multiple=spec.multiple,
            )
            for length in self.size
        )
        self._limits = source_limits(adapted, spec.normalisation)
        self._source = ResizedSource(adapted, *self.size)

    def batches(self, row: Span) -> Iterator[NDArray[np.float32]]:
        """Batches ``(N, C, h, w)`` of the tiles of one row, from the left."""
        pixels = (row.stop - row.start) * (self.columns[0].stop - self.columns[0].start)
        size = max(1, min(MAX_BATCH, BATCH_PIXELS // pixels))
        for start in range(0, len(self.columns), size):
            tiles = [self._tile(row, column) for column in self.columns[start : start + size]]
            yield np.stack(tiles)

    def _tile(self, row: Span, column: Span) -> NDArray[np.float32]:
        """float32 ``(C, h, w)`` of one tile; mirrored where it reaches beyond the image."""
        height, width = self.size
        bottom, right = min(row.stop, height), min(column.stop, width)
        pixels = self._source.read_region(row.start, column.start, bottom, right)
        tile = apply_limits(pixels, self._limits)
        beyond = ((0, 0), (0, row.stop - bottom), (0, column.stop - right))
        return np.pad(tile, beyond, mode="symmetric") if any(map(any, beyond)) else tile
