"""Texture of a nucleus: co-occurrence of grey levels (Haralick) and local binary patterns.

Blasts have fine, even chromatin, mature cells coarse clumps. Grey levels are L* in 32 fixed
steps, not stretched for each cell, so that a texture of low contrast stays one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage import feature

from cellwright.features.columns import LBP_BINS

Mask = NDArray[np.bool_]

LEVELS = 32
LBP_POINTS = 8
LBP_RADIUS_PX = 1
DIRECTIONS = ((0, 1), (1, 1), (1, 0), (1, -1))
_LEVEL = np.arange(LEVELS, dtype=np.float64)
_I, _J = (axis.ravel() for axis in np.indices((LEVELS, LEVELS), np.float64))
_WEIGHTS = np.stack([(_I - _J) ** 2, 1 / (1 + (_I - _J) ** 2), _I * _J], axis=1)
"""Of every pair of levels: for the contrast, the homogeneity and the correlation."""


def grey_levels(lightness: NDArray[np.float32]) -> NDArray[np.uint8]:
    """L* 0..100 as levels 0..31."""
    return np.asarray(np.clip(lightness * (LEVELS / 100), 0, LEVELS - 1), np.uint8)


def texture_of(lightness: NDArray[np.float32], mask: Mask) -> list[float]:
    """The fifteen columns of :data:`~cellwright.features.columns.TEXTURE`; NaN without a pair.

    Args:
        lightness: float32 ``(H, W)``, L* 0..100, with a margin of a pixel around the mask.
        mask: the pixels that count; a pair counts when both are in it.
    """
    if not mask.any():
        return [float("nan")] * (5 + LBP_BINS)
    fine = np.clip(lightness * (255 / 100), 0, 255).astype(np.uint8)
    return [*haralick(grey_levels(lightness), mask), *binary_patterns(fine, mask)]


def co_occurrence(
    levels: NDArray[np.uint8], mask: Mask, step: tuple[int, int]
) -> NDArray[np.float64]:
    """``(32, 32)`` symmetric probabilities of the levels of pixels one ``step`` (down, across)."""
    down, across = step
    height, width = mask.shape
    here = (slice(0, height - down), slice(max(0, -across), width - max(0, across)))
    there = (slice(down, height), slice(max(0, across), width - max(0, -across)))
    both = mask[here] & mask[there]
    pairs = levels[here][both].astype(np.int64) * LEVELS + levels[there][both]
    counts = np.bincount(pairs, minlength=LEVELS**2).reshape(LEVELS, LEVELS).astype(np.float64)
    counts += counts.T
    total = counts.sum()
    return counts / total if total else counts


def haralick(levels: NDArray[np.uint8], mask: Mask) -> list[float]:
    """Energy, contrast, correlation, homogeneity and entropy, mean of four directions.

    Of a region of one grey level the correlation is 1, as in mahotas and scikit-image.
    """
    found = np.stack([co_occurrence(levels, mask, step) for step in DIRECTIONS])
    if not found.any(axis=(1, 2)).all():
        return [float("nan")] * 5
    marginal = found.sum(axis=2)
    mean = marginal @ _LEVEL
    variance = marginal @ _LEVEL**2 - mean**2
    flat = found.reshape(len(found), -1)
    contrast, homogeneity, product = (flat @ _WEIGHTS).T
    flat_picture = variance < 1e-12
    spread = np.where(flat_picture, 1.0, variance)
    correlation = np.where(flat_picture, 1.0, (product - mean**2) / spread)
    entropy = -(flat * np.log2(np.where(flat > 0, flat, 1))).sum(axis=1) + 0.0
    energy = (flat**2).sum(axis=1)
    figures = (energy, contrast, correlation, homogeneity, entropy)
    return [float(figure.mean()) for figure in figures]


def binary_patterns(grey: NDArray[np.uint8], mask: Mask) -> NDArray[np.float64]:
    """``(10,)`` shares of the uniform patterns of eight neighbours, those of no class last."""
    codes = feature.local_binary_pattern(  # type: ignore[no-untyped-call]
        grey, LBP_POINTS, LBP_RADIUS_PX, method="uniform"
    )
    counts = np.bincount(codes[mask].astype(np.int64), minlength=LBP_BINS)
    return np.asarray(counts / counts.sum(), np.float64)
