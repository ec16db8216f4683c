"""Where a predictor takes its pixels from: an array in memory, or a file read region by region."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cellwright.images.normalise import Normalisation, channel_limits
from cellwright.images.resample import axis_taps, method_for
from cellwright.images.resize import adapt_channels
from cellwright.types import Image, check_image

BAND_PIXELS = 16 << 20
"""Pixels read at once when a whole image is looked through."""


class PixelSource(Protocol):
    """An image whose regions can be read; ``images.read.LazyImage`` is one."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8, uint16 or float32."""
        ...

    def read_region(self, y0: int, x0: int, y1: int, x1: int) -> Image:
        """Pixels ``(C, y1 - y0, x1 - x0)``."""
        ...


class ArraySource:
    """An image that is already in memory."""

    def __init__(self, image: Image) -> None:
        check_image(image)
        self._image = image

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        channels, height, width = self._image.shape
        return channels, height, width

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        return self._image.dtype

    def read_region(self, y0: int, x0: int, y1: int, x1: int) -> Image:
        """A view, no copy."""
        return self._image[:, y0:y1, x0:x1]


class AdaptedSource:
    """A source seen with the number of channels a network wants."""

    def __init__(self, source: PixelSource, channels: int) -> None:
        self._source, self._channels = source, channels

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return (self._channels, *self._source.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        return self._source.dtype

    def read_region(self, y0: int, x0: int, y1: int, x1: int) -> Image:
        """Pixels; raises ImageError where the channels cannot be adapted without loss."""
        pixels = self._source.read_region(y0, x0, y1, x1)
        return adapt_channels(pixels, self._channels, where=None)


class ResizedSource:
    """A source seen at another size; every region holds what the whole would hold there."""

    def __init__(self, source: PixelSource, height: int, width: int) -> None:
        self._source, self._size = source, (height, width)
        self._old = source.shape[1:]
        self._method = method_for(self._old, self._size)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) at the new size."""
        return (self._source.shape[0], *self._size)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels; integers are rounded."""
        return self._source.dtype

    def read_region(self, y0: int, x0: int, y1: int, x1: int) -> Image:
        """Pixels ``(C, y1 - y0, x1 - x0)`` of the resized image."""
        if self._size == self._old:
            return self._source.read_region(y0, x0, y1, x1)
        rows = axis_taps(self._old[0], self._size[0], (y0, y1), method=self._method)
        columns = axis_taps(self._old[1], self._size[1], (x0, x1), method=self._method)
        (top, bottom), (left, right) = rows.span, columns.span
        pixels = self._source.read_region(top, left, bottom, right)
        resized = columns.apply(rows.apply(pixels, axis=1, first=top), axis=2, first=left)
        return resized if self.dtype == np.float32 else np.rint(resized).astype(self.dtype)


def as_source(image: Image | PixelSource) -> PixelSource:
    """``image`` itself if it can read regions, else a source around the array."""
    return ArraySource(image) if isinstance(image, np.ndarray) else image


def thinned(source: PixelSource, step: int) -> Image:
    """Every ``step``-th row and column, as ``image[:, ::step, ::step]``, read in bands."""
    _, height, width = source.shape
    rows = max(1, BAND_PIXELS // width // step) * step
    bands = [
        source.read_region(y, 0, min(y + rows, height), width)[:, ::step, ::step]
        for y in range(0, height, rows)
    ]
    return bands[0] if len(bands) == 1 else np.concatenate(bands, axis=1)


def source_limits(source: PixelSource, spec: Normalisation) -> NDArray[np.float32]:
    """:func:`~cellwright.images.normalise.channel_limits` without holding the whole image.

    A float32 source larger than about a million pixels is judged by the same evenly spaced
    sample its percentiles come from.
    """
    channels, height, width = source.shape
    if spec.kind == "full_range" and source.dtype != np.float32:
        return channel_limits(np.zeros((channels, 1, 1), source.dtype), spec)
    return channel_limits(thinned(source, max(1, int(np.sqrt(height * width / 1e6)))), spec)


def adapted_limits(source: PixelSource, channels: int, spec: Normalisation) -> NDArray[np.float32]:
    """:func:`source_limits` of ``source`` seen with ``channels`` channels.

    Raises:
        ImageError: the channels cannot be adapted without loss.
    """
    if (source.shape[0], channels) == (1, 3):
        return np.repeat(source_limits(source, spec), 3, axis=0)
    return source_limits(AdaptedSource(source, channels), spec)
