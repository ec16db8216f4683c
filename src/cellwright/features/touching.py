"""Touching cells apart: by the necks between them, by who is nearer, and by colour.

A cell is about as wide as it is long, so the distance of its pixels from its outline has one
peak; two cells that touch have two and a saddle at the neck (Soille, Morphological Image
Analysis, 2nd ed. 2004, section 9.2).

Of scikit-image the packages are imported and not their functions: they load, and SciPy with them,
when one is first called.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import feature, segmentation

Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]
STEPS_BETWEEN_LOOKS = 8
"""Dilations before it is looked whether anything still changes."""


def depth_of(mask: Mask) -> NDArray[np.float32]:
    """Pixels to the nearest pixel outside; the picture's edge does not count as outside."""
    depth = np.asarray(cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, 5), np.float32)
    return np.asarray(np.minimum(depth, max(mask.shape)), np.float32)


def distance_to(mask: Mask) -> NDArray[np.float32]:
    """Pixels to the nearest pixel of ``mask``."""
    return np.asarray(cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, 5), np.float32)


def labelled(mask: Mask) -> tuple[Labels, NDArray[np.int64]]:
    """Regions connected through edges and corners, and the pixels of each (background first)."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.int64)
    return np.asarray(labels, np.int32), areas[:count]


def disc(radius_px: float) -> NDArray[np.uint8]:
    """A disc for opening and closing, at least 3 pixels wide."""
    radius = max(1, round(radius_px))
    return np.asarray(
        cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8
    )


def opened(mask: Mask, radius_px: float) -> Mask:
    """Without what is narrower than a disc of this radius."""
    found = cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, disc(radius_px))
    return np.asarray(found, np.uint8).view(bool)


def without_holes(mask: Mask) -> Mask:
    """Every hole filled, however large: what cannot be reached from outside through edges."""
    outside = cv2.copyMakeBorder(
        (~mask).view(np.uint8), 1, 1, 1, 1, borderType=cv2.BORDER_CONSTANT, value=1
    )
    cv2.floodFill(outside, None, (0, 0), 2)
    return np.asarray(outside[1:-1, 1:-1] != 2, bool)


def without_small_holes(mask: Mask, largest_px: float) -> Mask:
    """Holes of fewer pixels filled, such as the pale centres of red cells."""
    holes, areas = labelled(~mask)
    small = areas < largest_px
    small[0] = False
    return np.asarray(mask | small[holes], bool)


def peaks_of(depth: NDArray[np.float32], *, apart_px: float) -> NDArray[np.int64]:
    """``(N, 2)`` rows and columns of the peaks of a distance map."""
    smooth = cv2.GaussianBlur(depth, (0, 0), max(0.5, 0.5 * apart_px))
    found = feature.peak_local_max(  # type: ignore[no-untyped-call]
        smooth,
        min_distance=max(1, round(apart_px)),
        threshold_abs=0.8 * apart_px,
        exclude_border=False,
    )
    return np.asarray(found, np.int64)


def tops_of(landscape: NDArray[np.float32], rise: float) -> Mask:
    """Peaks that rise at least so far above the saddle to a higher one (h-maxima, ibid. 6.3.4).

    The landscape less ``rise`` is dilated under the landscape until nothing changes; what is
    still ``rise`` lower than it was is a peak.
    """
    under = landscape - np.float32(rise)
    around = np.ones((3, 3), np.uint8)
    while True:
        before = under
        for _ in range(STEPS_BETWEEN_LOOKS):
            under = np.asarray(cv2.min(cv2.dilate(under, around), landscape), np.float32)
        if np.array_equal(before, under):
            return np.asarray(landscape - under >= rise * (1 - 1e-4), bool)


def split_at_necks(
    mask: Mask, depth: NDArray[np.float32], *, rise_px: float, smooth_px: float
) -> Labels:
    """Labels 1..n of the parts of a mask, cut where it is narrow.

    Args:
        mask: cells, some of them touching.
        depth: a landscape with a peak a cell, such as :func:`depth_of`.
        rise_px: what a peak must rise above the saddle to a higher one to be a cell of its own.
        smooth_px: standard deviation of the smoothing that the landscape gets first.
    """
    blurred = np.asarray(cv2.GaussianBlur(depth, (0, 0), max(0.5, smooth_px)), np.float32)
    smooth = np.where(mask, blurred, np.float32(0))
    # What was smoothed over so many pixels has its peaks at that resolution too.
    height, width = mask.shape
    size = (max(1, int(width / max(1, smooth_px))), max(1, int(height / max(1, smooth_px))))
    coarse = np.asarray(cv2.resize(smooth, size, interpolation=cv2.INTER_AREA), np.float32)
    tops = tops_of(coarse, rise_px).view(np.uint8)
    tops = np.asarray(cv2.resize(tops, (width, height), interpolation=cv2.INTER_NEAREST))
    seeds, _ = labelled(tops.view(bool) & mask)
    # A region too small to hold a peak of that height is one part.
    regions, areas = labelled(mask)
    seeded = np.zeros(len(areas), bool)
    seeded[regions[seeds > 0]] = True
    lone = ~seeded[regions] & mask
    if lone.any():
        extra, _ = labelled(lone)
        seeds = np.where(extra > 0, extra + seeds.max(), seeds)
    return np.asarray(segmentation.watershed(-smooth, seeds, mask=mask), np.int32)  # type: ignore[no-untyped-call]
