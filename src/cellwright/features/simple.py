"""Measurements that need no segmentation: how bright, how grainy, how textured, how round.

For any picture of one cell in its middle, of any number of channels. Each channel is described
by its histogram and moments, its grain at several sizes (granulometry: Maragos, Pattern Spectrum
and Multiscale Shape Representation, IEEE TPAMI 11:701, 1989), the co-occurrence of its grey
levels (Haralick, Shanmugam and Dinstein, Textural Features for Image Classification, IEEE SMC
3:610, 1973), rings around its middle, and the part of it that stands out (Otsu, IEEE SMC 9:62,
1979); pairs of channels by their correlation. Nothing is stretched: how bright a stain is can
be the measurement.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
"""``(H, W)`` in [0, 1]."""

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
BINS = 16
RADII_PX = (1, 2, 3, 5, 8)
"""Of the discs whose opening takes grains away."""

SIGMAS_PX = (1.0, 2.0, 4.0)
LEVELS = 16
"""Grey levels of the co-occurrence."""

DISTANCES_PX = (1, 3)
DIRECTIONS = ((0, 1), (1, 1), (1, 0), (1, -1))
RINGS = 5

_PAIRS = ("contrast", "correlation", "energy", "homogeneity", "entropy")
_MOMENTS = ("mean", "std", "skewness", "kurtosis")
_STANDS_OUT = ("otsu_threshold", "otsu_share", "otsu_elongation", "otsu_parts", "otsu_contrast")


FAMILIES: dict[str, tuple[str, ...]] = {
    "brightness": (
        *_MOMENTS,
        *(f"percentile_{percent}" for percent in PERCENTILES),
        *(f"histogram_{index}" for index in range(BINS)),
    ),
    "grain": (
        *(f"grain_{radius}px" for radius in RADII_PX),
        *(f"detail_{sigma:g}px" for sigma in SIGMAS_PX),
    ),
    "texture": tuple(f"{kind}_{distance}px" for distance in DISTANCES_PX for kind in _PAIRS),
    "rings": tuple(f"ring_{index}" for index in range(RINGS)),
    "shape": _STANDS_OUT,
}
"""Measurements of one channel, by what they are about; columns have this order."""


def simple_columns(channels: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns for these channels, ``CHANNEL_MEASUREMENT``."""
    one = [name for names in FAMILIES.values() for name in names]
    pairs = (f"{a}_{b}_correlation" for a, b in combinations(channels, 2))
    return (*(f"{channel}_{name}" for channel in channels for name in one), *pairs)


def simple_family(column: str) -> str:
    """``CHANNEL FAMILY`` of a column of :func:`simple_columns`.

    >>> simple_family("dna_percentile_5"), simple_family("dna_actin_correlation")
    ('dna brightness', 'between channels')
    """
    for family, names in FAMILIES.items():
        for name in names:
            if column.endswith(f"_{name}"):
                return f"{column.removesuffix(f'_{name}')} {family}"
    return "between channels"


def measure_simple(crop: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(F,)`` of a crop ``(C, H, W)`` in [0, 1]; columns as :func:`simple_columns`.

    Every number is finite: what a constant plane does not have (skewness, a correlation) is 0.
    """
    planes = [np.ascontiguousarray(plane) for plane in crop]
    pairs = [_correlation(a, b) for a, b in combinations(planes, 2)]
    values = [value for plane in planes for value in _of_plane(plane)]
    return np.array([*values, *pairs], np.float32)


def _of_plane(plane: Plane) -> list[float]:
    return [
        *_moments(plane),
        *np.percentile(plane, PERCENTILES).tolist(),
        *_histogram(plane),
        *_grains(plane),
        *_details(plane),
        *(value for distance in DISTANCES_PX for value in _co_occurrence(plane, distance)),
        *_rings(plane),
        *_what_stands_out(plane),
    ]


def _moments(plane: Plane) -> tuple[float, float, float, float]:
    """Mean, standard deviation, skewness and excess kurtosis (Fisher's)."""
    values = plane.astype(np.float64)
    mean, std = float(values.mean()), float(values.std())
    if std < 1e-9:
        return mean, 0.0, 0.0, 0.0
    z = (values - mean) / std
    squared = z * z
    return mean, std, float((squared * z).mean()), float((squared * squared).mean()) - 3.0


def _histogram(plane: Plane) -> list[float]:
    """Shares of the pixels in equal steps from 0 to 1."""
    steps = np.minimum((plane * BINS).astype(np.int64), BINS - 1)
    shares: list[float] = (np.bincount(steps.ravel(), minlength=BINS) / plane.size).tolist()
    return shares


def _grains(plane: Plane) -> list[float]:
    """Brightness that openings with growing discs take away, each as a share of the whole."""
    total = float(plane.sum(dtype=np.float64))
    left = [total]
    for radius in RADII_PX:
        size = 2 * radius + 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        opened = cv2.morphologyEx(plane, cv2.MORPH_OPEN, disc)
        left.append(float(opened.sum(dtype=np.float64)))
    return [(before - after) / total if total > 0 else 0.0 for before, after in pairwise(left)]


def _details(plane: Plane) -> list[float]:
    """Standard deviation of what lies between two blurs, at growing sizes."""
    found: list[float] = []
    before = plane
    for sigma in SIGMAS_PX:
        blurred = np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)
        found.append(float(np.std(before - blurred, dtype=np.float64)))
        before = blurred
    return found


def _co_occurrence(plane: Plane, distance: int) -> NDArray[np.float64]:
    """Haralick's five of pairs at ``distance`` pixels, the mean over four directions."""
    levels = np.minimum((plane * LEVELS).astype(np.int64), LEVELS - 1)
    found = [
        _of_pairs(_pair_shares(levels, down * distance, across * distance))
        for down, across in DIRECTIONS
        if min(levels.shape) > distance
    ]
    return np.mean(found, axis=0) if found else np.zeros(len(_PAIRS))


def _pair_shares(levels: NDArray[np.int64], down: int, across: int) -> NDArray[np.float64]:
    """``(LEVELS, LEVELS)`` symmetric shares of the pairs of levels so far apart."""
    height, width = levels.shape
    here = levels[: height - down, max(0, -across) : width - max(0, across)]
    there = levels[down:, max(0, across) : width - max(0, -across)]
    counts = np.bincount((here * LEVELS + there).ravel(), minlength=LEVELS**2)
    both = counts.reshape(LEVELS, LEVELS) + counts.reshape(LEVELS, LEVELS).T
    shares: NDArray[np.float64] = both / both.sum()
    return shares


def _of_pairs(shares: NDArray[np.float64]) -> tuple[float, ...]:
    """Contrast, correlation, energy, homogeneity and entropy (in bits) of pair shares."""
    level = np.arange(LEVELS)
    squared = (level[:, None] - level) ** 2
    margin = shares.sum(axis=1)
    mean = float(margin @ level)
    variance = float(margin @ (level - mean) ** 2)
    together = float((level - mean) @ shares @ (level - mean))
    present = shares[shares > 0]
    return (
        float((shares * squared).sum()),
        together / variance if variance > 1e-12 else 0.0,
        float((shares**2).sum()),
        float((shares / (1 + squared)).sum()),
        float(-(present * np.log2(present)).sum()),
    )


def _rings(plane: Plane) -> list[float]:
    """Mean brightness of rings of equal width around the middle, out to the nearer border."""
    height, width = plane.shape
    y, x = np.ogrid[:height, :width]
    away = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2) / (min(height, width) / 2)
    ring = np.minimum((away * RINGS).astype(np.int64), RINGS)
    sums = np.bincount(ring.ravel(), plane.ravel(), minlength=RINGS + 1)[:RINGS]
    counts = np.bincount(ring.ravel(), minlength=RINGS + 1)[:RINGS]
    means: list[float] = (sums / np.maximum(counts, 1)).tolist()
    return means


def _what_stands_out(plane: Plane) -> tuple[float, float, float, float, float]:
    """Otsu's threshold; share, elongation, number of parts and contrast of what lies above it.

    Parts smaller than a hundredth of the crop do not count.
    """
    grey = np.rint(plane * 255).astype(np.uint8)
    threshold, above = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    inside = above.astype(bool)
    if not inside.any() or inside.all():
        return threshold / 255, 0.0, 0.0, 0.0, 0.0
    moments = cv2.moments(above, binaryImage=True)
    a, b, c = (moments[key] / moments["m00"] for key in ("mu20", "mu11", "mu02"))
    spread = float(np.hypot(a - c, 2 * b))
    long, short = (a + c + spread) / 2, (a + c - spread) / 2
    _, _, stats, _ = cv2.connectedComponentsWithStats(above)
    parts = int((stats[1:, cv2.CC_STAT_AREA] * 100 >= plane.size).sum())
    contrast = float(plane[inside].mean(dtype=np.float64) - plane[~inside].mean(dtype=np.float64))
    elongation = 1 - float(np.sqrt(max(short, 0.0) / long)) if long > 0 else 0.0
    return threshold / 255, float(inside.mean()), elongation, float(parts), contrast


def _correlation(a: Plane, b: Plane) -> float:
    """Pearson's, over the pixels; 0 where a plane is constant."""
    x, y = (plane.astype(np.float64).ravel() - plane.mean(dtype=np.float64) for plane in (a, b))
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / size if size > 1e-12 else 0.0
