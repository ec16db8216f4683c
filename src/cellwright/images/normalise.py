"""Pixel values to what a network sees, the same way in training and in every bundle.

A microscope stores 12-bit counts in 16-bit files: dividing by 65535 would turn
them black. ``percentile`` scaling stretches each channel between two of its own
percentiles; ``full_range`` divides by the type's largest value and suits 8-bit
colour pictures whose absolute colour matters; ``fixed`` stretches every image between
the same values, where brightness itself is the measurement (a DNA stain says how much
DNA there is). All are kept in a bundle's card.
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from cellwright.errors import ImageError
from cellwright.types import Image

PADDING = 114 / 255
"""What stands beside an image in network input: neither background nor signal."""


_LEVELS = np.arange(256, dtype=np.uint8)


class Normalisation(BaseModel):
    """How pixel values become float32 near [0, 1].

    Attributes:
        kind: ``full_range``, ``percentile`` or ``fixed``.
        low: lower percentile, mapped to 0 (percentile only).
        high: upper percentile, mapped to 1 (percentile only).
        floor: smallest spread between the percentiles, as a fraction of the image's own
            full range, below which a channel counts as empty and is not stretched further,
            so that the noise of a dark channel does not become cells.
        limits: the values mapped to 0 and 1, a pair a channel (fixed only).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["full_range", "percentile", "fixed"] = "full_range"
    low: float = Field(default=0.5, ge=0, lt=100)
    high: float = Field(default=99.8, gt=0, le=100)
    floor: float = Field(default=0.004, ge=0, lt=1)
    limits: tuple[tuple[float, float], ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> Normalisation:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        if (self.kind == "fixed") != bool(self.limits):
            raise ValueError("limits go with kind fixed, and only with it")
        if any(low >= high for low, high in self.limits):
            raise ValueError("the lower of two limits must be below the upper")
        return self


def full_scale(image: Image) -> float:
    """Largest value of the image's type; for float32 1.0, or the largest pixel if above."""
    if image.dtype == np.float32:
        return max(1.0, float(image.max()))
    return float(np.iinfo(image.dtype).max)


def channel_limits(image: Image, spec: Normalisation) -> NDArray[np.float32]:
    """``(C, 2)`` pixel values that map to 0 and 1.

    Taken over the whole image, never over a tile, so that neighbouring tiles agree.
    Percentiles are read from at most about a million pixels, evenly spaced.

    Raises:
        ImageError: fixed limits of another number of channels.
    """
    channels = image.shape[0]
    if spec.kind == "fixed":
        if len(spec.limits) != channels:
            raise ImageError(f"{channels} channels, but fixed limits for {len(spec.limits)}")
        return np.array(spec.limits, np.float32)
    scale = full_scale(image)
    if spec.kind == "full_range":
        return np.tile(np.array([0.0, scale], np.float32), (channels, 1))
    step = max(1, int(np.sqrt(image.shape[1] * image.shape[2] / 1e6)))
    sampled = image[:, ::step, ::step].reshape(channels, -1)
    limits = np.stack([_percentiles(values, spec.low, spec.high) for values in sampled])
    limits[:, 1] = np.maximum(limits[:, 1], limits[:, 0] + max(spec.floor * scale, 1e-6))
    return limits


def _percentiles(values: NDArray[Any], *percents: float) -> NDArray[np.float32]:
    """``np.percentile`` of a vector, to the last bit; of integers counted instead of sorted."""
    if values.dtype == np.float32:
        return np.asarray(np.percentile(values, percents), np.float32)
    below = np.cumsum(np.bincount(values))
    position = np.array(percents) / 100 * (len(values) - 1)
    before = np.floor(position)
    share = position - before
    # The k-th smallest value is the first that has more than k at or below it.
    low, high = np.searchsorted(below, [before, np.ceil(position)], side="right").astype(float)
    # Both forms mean the same; each is exact at its own end.
    between = np.where(share < 0.5, low + (high - low) * share, high - (high - low) * (1 - share))
    return np.asarray(between, np.float32)


def apply_limits(image: Image, limits: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 ``(C, H, W)``, clipped to [0, 1], with ``limits`` of :func:`channel_limits`."""
    if image.dtype == np.uint8 and image[0].size > _LEVELS.size:
        return _looked_up(image, limits)
    low = limits[:, 0, None, None]
    scaled = image.astype(np.float32)
    scaled -= low
    scaled /= limits[:, 1, None, None] - low
    clipped: NDArray[np.float32] = np.clip(scaled, 0.0, 1.0, out=scaled)
    return clipped


def _looked_up(image: Image, limits: NDArray[np.float32]) -> NDArray[np.float32]:
    """:func:`apply_limits` of 8-bit pixels: worked out once for each of their 256 values."""
    tables = apply_limits(np.broadcast_to(_LEVELS, (len(limits), 1, 256)), limits)
    scaled = np.empty(image.shape, np.float32)
    for channel, table, target in zip(image, tables, scaled, strict=True):
        cv2.LUT(np.ascontiguousarray(channel), table, target)
    return scaled


def normalise(image: Image, spec: Normalisation) -> NDArray[np.float32]:
    """Limits and scaling in one call, for an image that fits in memory.

    >>> picture = np.array([[[100, 4095]]], dtype=np.uint16)
    >>> normalise(picture, Normalisation(kind="percentile", low=0, high=100)).tolist()
    [[[0.0, 1.0]]]
    """
    return apply_limits(image, channel_limits(image, spec))
