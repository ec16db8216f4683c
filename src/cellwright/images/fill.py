"""Polygons to pixels: the inverse of :mod:`cellwright.images.outlines`.

A pixel belongs to a polygon if its centre lies inside by the even-odd rule, so that filling the
outline of a cell gives back exactly its pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellwright.images.outlines import Ring


def fill(rings: tuple[Ring, ...], height: int, width: int) -> NDArray[np.bool_]:
    """Pixels ``(height, width)`` inside ``rings``, corners (x, y) on pixel edges; holes are rings.

    Takes time in proportion to the pixels, and to corners times the rows that their edges cross.

    >>> triangle = np.array([[0, 0], [4, 0], [0, 4]], float)
    >>> fill((triangle,), 3, 4).astype(int).tolist()
    [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]]
    """
    # A pixel is inside where an odd number of edges lies left of its centre, in its row.
    crossings = np.zeros((height, width + 1), np.int64)
    for ring in rings:
        rows, columns = _crossings(ring, height, width)
        np.add.at(crossings, (rows, columns), 1)
    inside: NDArray[np.bool_] = np.cumsum(crossings[:, :width], axis=1) % 2 == 1
    return inside


def fill_free(labels: NDArray[np.int32], rings: tuple[Ring, ...], number: int) -> None:
    """Give ``number`` to the pixels of ``labels`` ``(H, W)`` that lie inside and are still 0.

    Only the window around the corners is looked at; what lies beyond the image is left out.
    """
    corners, limit = np.concatenate(rings), labels.shape[::-1]
    x0, y0 = np.floor(np.clip(corners.min(axis=0), 0, limit)).astype(int).tolist()
    x1, y1 = np.ceil(np.clip(corners.max(axis=0), 0, limit)).astype(int).tolist()
    window = labels[y0:y1, x0:x1]
    shifted = tuple(ring - (x0, y0) for ring in rings)
    window[fill(shifted, y1 - y0, x1 - x0) & (window == 0)] = number


def _crossings(ring: Ring, height: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and first pixel right of every crossing of an edge with a line of pixel centres."""
    after = np.roll(ring, -1, axis=0)
    rows, columns = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for (ax, ay), (bx, by) in zip(ring.tolist(), after.tolist(), strict=True):
        top, bottom = sorted((ay, by))
        first = max(int(np.ceil(top - 0.5)), 0)
        last = min(int(np.ceil(bottom - 0.5)), height)
        if first >= last:
            continue
        row = np.arange(first, last)
        x = ax + (row + 0.5 - ay) * (bx - ax) / (by - ay)
        rows.append(row)
        columns.append(np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64))
    return np.concatenate(rows), np.concatenate(columns)
