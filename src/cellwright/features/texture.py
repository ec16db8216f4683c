"""Texture of a nucleus: co-occurrence of grey levels (Haralick) and local binary patterns.

Blasts have fine, even chromatin, mature cells coarse clumps. Grey levels are L* in 32 fixed
steps, not stretched for each cell, so that a texture of low contrast stays one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.feature import local_binary_pattern

from cellwright.features.columns import LBP_BINS

Mask = NDArray[np.bool_]

LEVELS = 32
LBP_POINTS = 8
LBP_RADIUS_PX = 1
DIRECTIONS = ((0, 1), (1, 1), (1, 0), (1, -1))
_I, _J = np.indices((LEVELS, LEVELS), np.float64)
_SQUARED = (_I - _J) ** 2
_NEARNESS = 1 / (1 + _SQUARED)


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
    found = np.array([_of_pairs(co_occurrence(levels, mask, step)) for step in DIRECTIONS])
    return [float(value) for value in found.mean(axis=0)]


def _of_pairs(p: NDArray[np.float64]) -> tuple[float, ...]:
    if not p.any():
        return (float("nan"),) * 5
    marginal = p.sum(axis=1)
    level = np.arange(LEVELS)
    mean = marginal @ level
    variance = marginal @ level**2 - mean**2
    contrast = float((_SQUARED * p).sum())
    correlation = 1.0 if variance < 1e-12 else float(((_I * _J * p).sum() - mean**2) / variance)
    some = p[p > 0]
    return (
        float((p**2).sum()),
        contrast,
        correlation,
        float((_NEARNESS * p).sum()),
        float(-(some * np.log2(some)).sum()) + 0.0,
    )


def binary_patterns(grey: NDArray[np.uint8], mask: Mask) -> NDArray[np.float64]:
    """``(10,)`` shares of the uniform patterns of eight neighbours, those of no class last."""
    codes = local_binary_pattern(  # type: ignore[no-untyped-call]
        grey, LBP_POINTS, LBP_RADIUS_PX, method="uniform"
    )
    counts = np.bincount(codes[mask].astype(np.int64), minlength=LBP_BINS)
    return np.asarray(counts / counts.sum(), np.float64)
