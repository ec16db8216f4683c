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
    starts = np.concatenate([[0], np.flatnonzero(np.diff(rows)) + 1])
    ends = np.concatenate([starts[1:], [len(rows)]]) - 1
    y, first, last = 2 * rows[starts], 2 * columns[starts], 2 * columns[ends]
    across = np.concatenate([first - 1, first, first, last + 1, last, last])
    down = np.concatenate([y, y - 1, y + 1, y, y - 1, y + 1])
    hull = cv2.convexHull(np.stack([across, down], axis=1).astype(np.int32))[:, 0]
    # From the top once around, and cut at the bottom: two chains whose rows rise and fall.
    hull = np.roll(hull, -int(hull[:, 1].argmin()), axis=0).astype(np.float64)
    bottom = int(hull[:, 1].argmax())
    one, other = hull[: bottom + 1], np.concatenate([hull[bottom:], hull[:1]])[::-1]
    scan = np.arange(y[0], y[-1] + 1, 2)
    sides = (np.interp(scan, one[:, 1], one[:, 0]), np.interp(scan, other[:, 1], other[:, 0]))
    start = np.ceil(np.minimum(*sides) / 2 - 1e-9)
    stop = np.floor(np.maximum(*sides) / 2 + 1e-9)
    return int((stop - start + 1).sum())
