"""Masks to connected regions: holes filled, crumbs removed, cells numbered.

Regions are connected through edges and corners (8 neighbours); the background between them,
and so a hole, through edges only (4 neighbours).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.types import Instances, SemanticMask

BAND_ROWS = 1024

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


class Components(NamedTuple):
    """Connected regions of a mask.

    Attributes:
        labels: int32 ``(H, W)``, 0 outside, regions 1..n.
        boxes: int64 ``(n, 4)`` of y0, x0, y1, x1, ends excluded.
        areas: int64 ``(n,)`` pixels.
    """

    labels: NDArray[np.int32]
    boxes: NDArray[np.int64]
    areas: NDArray[np.int64]


def components(mask: NDArray[np.bool_], *, connectivity: int = 8) -> Components:
    """Connected regions of the true pixels of ``mask`` ``(H, W)``."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=connectivity, ltype=cv2.CV_32S
    )
    x, y, width, height, areas = stats[1:].astype(np.int64).T
    return Components(
        np.asarray(labels, np.int32), np.stack([y, x, y + height, x + width], axis=1), areas
    )


def clean_mask(
    mask: NDArray[np.uint8], *, minimum_area_px: float = 0, fill_holes_px: float = 0
) -> NDArray[np.uint8]:
    """Class ids ``(H, W)`` with small holes filled, then small regions removed.

    A hole is background that one class encloses on all sides; the border of the image
    encloses nothing.

    Args:
        mask: class ids, 0 is background.
        minimum_area_px: regions of fewer pixels become background.
        fill_holes_px: holes of at most so many pixels take the class around them.
    """
    cleaned = mask.copy()
    if fill_holes_px >= 1:
        _fill_holes(cleaned, fill_holes_px)
    if minimum_area_px > 1:
        for class_id in _present(cleaned):
            found = components(cleaned == class_id)
            small = np.concatenate([[False], found.areas < minimum_area_px])
            cleaned[lookup(small, found.labels)] = 0
    return cleaned


def _fill_holes(mask: NDArray[np.uint8], largest: float) -> None:
    """Fill in place."""
    height, width = mask.shape
    found = components(mask == 0, connectivity=4)
    y0, x0, y1, x1 = found.boxes.T
    inside = (y0 > 0) & (x0 > 0) & (y1 < height) & (x1 < width)
    for index in np.flatnonzero(inside & (found.areas <= largest)):
        top, left, bottom, right = found.boxes[index] + (-1, -1, 1, 1)
        window = (slice(top, bottom), slice(left, right))
        hole = found.labels[window] == index + 1
        # Diagonal neighbours do not enclose: a hole ends at edges.
        ring = cv2.dilate(hole.view(np.uint8), _CROSS).view(bool) & ~hole
        around = np.unique(mask[window][ring])
        if len(around) == 1:
            mask[window][hole] = around[0]


def label_regions(
    mask: SemanticMask, probability: NDArray[np.floating[Any]] | None = None
) -> Instances:
    """Each connected region of each class as a cell, class by class.

    Args:
        mask: class ids, 0 is background; class k of the mask is class k - 1 of the cells.
        probability: ``(H, W)``; a cell's score is its mean. None gives cells without scores.
    """
    labels = np.zeros(mask.mask.shape, np.int32)
    class_ids: list[int] = []
    for class_id in _present(mask.mask):
        found = components(mask.mask == class_id)
        new_id = np.arange(len(found.areas) + 1, dtype=np.int32) + len(class_ids)
        new_id[0] = 0
        labels += lookup(new_id, found.labels)
        class_ids += [class_id - 1] * len(found.areas)
    scores = None if probability is None else mean_of_label(labels, probability, len(class_ids))
    return Instances(labels, np.array(class_ids, np.int64), scores)


def mean_of_label(
    labels: NDArray[np.int32], values: NDArray[np.floating[Any]], count: int
) -> NDArray[np.float32]:
    """``(count,)`` mean of ``values`` over the pixels of labels 1..count."""
    totals = sums_of_label(labels, values, count)
    return np.asarray(totals / np.maximum(areas_of_label(labels, count), 1), np.float32)


def areas_of_label(labels: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """``(count,)`` pixels of labels 1..count."""
    areas = np.zeros(count + 1, np.int64)
    for band in bands(len(labels)):
        areas += np.bincount(labels[band].ravel(), minlength=count + 1)
    return areas[1:]


def sums_of_label(
    labels: NDArray[np.int32], values: NDArray[Any], count: int
) -> NDArray[np.float64]:
    """``(count,)`` sum of ``values`` over the pixels of labels 1..count."""
    totals = np.zeros(count + 1)
    for band in bands(len(labels)):
        totals += np.bincount(labels[band].ravel(), values[band].ravel(), minlength=count + 1)
    return totals[1:]


def lookup(
    table: NDArray[Any], labels: NDArray[np.int32], *, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    """``table[labels]``, into ``out`` where given, which may be ``labels`` itself."""
    found = np.empty(labels.shape, table.dtype) if out is None else out
    for band in bands(len(labels)):
        found[band] = table[labels[band]]
    return found


def bands(height: int) -> list[slice]:
    """Rows in portions, so that what NumPy widens on the way stays small."""
    return [slice(y, min(y + BAND_ROWS, height)) for y in range(0, height, BAND_ROWS)]


def _present(mask: NDArray[np.uint8]) -> list[int]:
    """Class ids in the mask except the background."""
    found: set[int] = set()
    for band in bands(len(mask)):
        found.update(np.flatnonzero(np.bincount(mask[band].ravel())).tolist())
    return sorted(found - {0})
