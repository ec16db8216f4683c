"""Size and shape of a region: as scikit-image defines them, without its cost a cell.

The same numbers as ``skimage.measure.regionprops`` (the tests compare them), from moments, one
filter for the perimeter and a scan of the convex hull's rows.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_NEIGHBOURS = np.array([[10, 2, 10], [2, 1, 2], [10, 2, 10]], np.float32)
_STEP_OF = np.zeros(64)
_STEP_OF[[5, 7, 15, 17, 25, 27]] = 1
_STEP_OF[[21, 33]] = np.sqrt(2)
_STEP_OF[[13, 23]] = (1 + np.sqrt(2)) / 2


def shape_of(mask: Mask) -> list[float]:
    """The nine columns of :data:`~cellwright.features.columns.SHAPE`; NaN where there is nothing.

    Args:
        mask: bool ``(H, W)``, one region, of one part or several.
    """
    rows, columns = np.nonzero(mask)
    area = len(rows)
    if not area:
        return [float("nan")] * 9
    major, minor, eccentricity = _axes(rows, columns)
    perimeter = perimeter_of(mask)
    return [
        float(area),
        perimeter,
        float(np.sqrt(4 * area / np.pi)),
        major,
        minor,
        eccentricity,
        1 - minor / major if major else 0.0,
        area / hull_area(rows, columns),
        4 * np.pi * area / perimeter**2 if perimeter else float("nan"),
    ]


def _axes(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[float, float, float]:
    """Major and minor axis of the ellipse of the same second moments, and its eccentricity."""
    y, x = rows - rows.mean(), columns - columns.mean()
    yy, xx, xy = float(y @ y) / len(y), float(x @ x) / len(x), float(x @ y) / len(x)
    middle, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    large, small = middle + half, max(0.0, middle - half)
    eccentricity = float(np.sqrt(1 - small / large)) if large else 0.0
    return float(4 * np.sqrt(large)), float(4 * np.sqrt(small)), eccentricity


def perimeter_of(mask: Mask) -> float:
    """Length of the line through the centres of the border pixels (Benkrid and Crookes 2000)."""
    inside = np.pad(mask, 1).view(np.uint8)
    border = inside - cv2.erode(inside, _CROSS)
    kinds = cv2.filter2D(border, cv2.CV_8U, _NEIGHBOURS, borderType=cv2.BORDER_CONSTANT)
    return float(np.bincount(kinds.ravel(), minlength=64)[:64] @ _STEP_OF)


def hull_area(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> int:
    """Pixels whose centres lie in the convex hull of the region, its pixels' edges included.

    The hull is that of the middles of the four edges of every pixel, as in
    ``skimage.morphology.convex_hull_image``. Every row of it is one run of pixels.
    """
    top, height = int(rows[0]), int(rows[-1] - rows[0] + 1)
    first = np.full(height, np.iinfo(np.int32).max, np.int32)
    last = np.full(height, -1, np.int32)
    np.minimum.at(first, rows - top, columns)
    np.maximum.at(last, rows - top, columns)
    present = np.flatnonzero(last >= 0)
    ends = np.concatenate(
        [
            np.stack([2 * x + dx, 2 * present + dy], axis=1)
            for x in (first[present], last[present])
            for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1))
        ]
    ).astype(np.int32)
    hull = cv2.convexHull(ends)[:, 0].astype(np.float64)
    left, right = _sides(hull)
    scan = 2.0 * np.arange(height)
    start = np.ceil(np.interp(scan, *left) / 2 - 1e-9)
    stop = np.floor(np.interp(scan, *right) / 2 + 1e-9)
    return int(np.maximum(stop - start + 1, 0).sum())


_Side = tuple[NDArray[np.float64], NDArray[np.float64]]


def _sides(hull: NDArray[np.float64]) -> tuple[_Side, _Side]:
    """Rows and columns of the left and the right chain of a convex polygon, rows rising."""
    levels = np.unique(hull[:, 1])
    x, y = hull.T
    ends = np.append(x, x[0]), np.append(y, y[0])
    rising = np.diff(ends[1]) > 0
    chains = []
    for chosen in (rising, np.diff(ends[1]) < 0):
        used = np.flatnonzero(chosen)
        points = np.unique(
            np.concatenate(
                [
                    np.stack([ends[1][used], ends[0][used]], axis=1),
                    np.stack([ends[1][used + 1], ends[0][used + 1]], axis=1),
                ]
            ),
            axis=0,
        )
        chains.append(np.interp(levels, points[:, 0], points[:, 1]))
    return (levels, np.minimum(*chains)), (levels, np.maximum(*chains))
