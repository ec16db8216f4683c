"""The contour of a nucleus: how rough it is, and how far it is from a circle.

The box-counting dimension is the Hausdorff dimension of shapes that look alike at every scale
(Falconer, Fractal Geometry, 3rd ed. 2014, section 3.1): 1 for a smooth line, log 4 / log 3 =
1.2619 for a Koch curve. Leukemic nuclei have rougher contours (Mohapatra et al. 2014).
The contour signature is the distance of the contour from the centroid, once around.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

SIGNATURE_POINTS = 128
SHORTEST = 8
"""Points that a contour needs for its dimension and signature to mean anything."""
OFFSETS = (0.0, 0.25, 0.5, 0.75)
"""Where the grid of boxes begins, in box edges: the fewest boxes of these count."""


def contour_of(mask: Mask) -> NDArray[np.float64]:
    """``(N, 2)`` x and y of the outer contour of the largest part, pixel by pixel."""
    found, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not found:
        return np.zeros((0, 2))
    largest = max(found, key=cv2.contourArea)
    return np.asarray(largest[:, 0], np.float64)


def contour_features(mask: Mask) -> list[float]:
    """The five columns of :data:`~cellwright.features.columns.CONTOUR`; NaN if it is too short."""
    points = contour_of(mask)
    if len(points) < SHORTEST:
        return [float("nan")] * 5
    signature = contour_signature(points)
    mean, spread = float(signature.mean()), float(signature.std())
    standard = (signature - mean) / spread if spread > 1e-9 * mean else np.zeros_like(signature)
    return [
        box_counting_dimension(points),
        spread / mean,
        float((standard**3).mean()),
        float((standard**4).mean()),
        float(np.ptp(signature)) / mean,
    ]


def contour_signature(
    points: NDArray[np.float64], *, n_points: int = SIGNATURE_POINTS
) -> NDArray[np.float64]:
    """``(n_points,)`` distances from the centroid, at equal steps along a closed contour.

    Args:
        points: ``(N, 2)`` in order along the contour.
        n_points: steps once around.
    """
    closed = np.concatenate([points, points[:1]])
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    steps = np.linspace(0, way[-1], n_points, endpoint=False)
    around = np.stack([np.interp(steps, way, closed[:, axis]) for axis in (0, 1)], axis=1)
    return np.asarray(np.hypot(*(around - around.mean(axis=0)).T), np.float64)


def box_counting_dimension(points: NDArray[np.float64]) -> float:
    """Slope of log N(s) over log(1 / s), N the fewest boxes of edge s that hold all points.

    Edges run from 2 pixels to a quarter of the longer side, each a power of two.

    Args:
        points: ``(N, 2)``, no farther apart than a pixel where the line is unbroken.
    """
    from_corner = points - points.min(axis=0)
    longest = float(from_corner.max())
    edges = 2.0 ** np.arange(1, max(3.0, np.floor(np.log2(max(longest, 1.0) / 4)) + 1))
    counts = [min(_boxes(from_corner, edge, offset) for offset in OFFSETS) for edge in edges]
    slope = np.polyfit(-np.log(edges), np.log(counts), 1)[0]
    return float(slope)


def _boxes(points: NDArray[np.float64], edge: float, offset: float) -> int:
    cells = np.floor(points / edge + offset).astype(np.int64)
    return len(np.unique(cells[:, 0] * (1 << 32) + cells[:, 1]))
