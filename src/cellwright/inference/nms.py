"""Non-maximum suppression: exact, greedy, without a cap, fast on tens of thousands of boxes.

Of two boxes that overlap by more than a given IoU ``t`` the weaker goes. Instead of
comparing every pair, only boxes are compared that can overlap that much:

- IoU > t means that their longer edges differ by less than a factor 1/t;
- along one axis, intervals of lengths a and b whose centres lie d apart have an
  IoU > t only if d < (a + b) / 2 * (1 - t) / (1 + t).

So boxes are sorted into octaves of size and, within one, into a grid whose cells are
as wide as that distance; partners lie in the 3 x 3 cells around a box.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cellwright.types import Boxes

Scope = Literal["per_class", "across_classes"]
Index = NDArray[np.int64]

MAX_PAIRS = 1 << 16
"""Pairs compared at once; few enough for all that is worked out of them to stay in a cache."""


def nms(boxes: Boxes, *, iou: float, scope: Scope = "per_class") -> Boxes:
    """The boxes that survive, strongest first; arguments as for :func:`surviving`."""
    return boxes.select(surviving(boxes, iou=iou, scope=scope))


def surviving(
    boxes: Boxes, *, iou: float, scope: Scope = "per_class", origin: Index | None = None
) -> Index:
    """Indices of the boxes that survive, strongest first.

    Args:
        boxes: scored boxes in any order; of equal scores the earlier one is the stronger.
        iou: in (0, 1]; a box goes if it overlaps a stronger kept one by more than this.
        scope: whether boxes of different classes suppress each other.
        origin: ``(N,)``; where given, boxes of the same origin never suppress each other.
    """
    if boxes.scores is None:
        raise ValueError("suppression needs scores")
    ranks: Index = np.argsort(-boxes.scores, kind="stable")
    kept = np.zeros(len(ranks), bool)
    for members in _scopes(boxes.class_ids[ranks], scope):
        chosen = ranks[members]
        origins = None if origin is None else origin[chosen]
        kept[members[_alive(boxes.xyxy[chosen], iou, origins)]] = True
    return ranks[kept]


def overlapping_pairs(
    xyxy: NDArray[np.float32], *, iou: float
) -> tuple[Index, Index, NDArray[np.float64]]:
    """Every pair of boxes with an IoU above ``iou``, once: both indices, and the IoU.

    Args:
        xyxy: ``(N, 4)``.
        iou: in (0, 1].

    Returns:
        ``(M,)``, ``(M,)`` and float64 ``(M,)``.
    """
    sides = np.ascontiguousarray(xyxy.T)
    areas = (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1)
    edges = [_overlapping(sides, areas, pair, iou) for pair in _candidate_pairs(xyxy, iou)]
    one, other = np.concatenate([np.zeros((2, 0), np.int64), *edges], axis=1)
    corners = xyxy.astype(np.float64)
    low = np.maximum(corners[one, :2], corners[other, :2])
    high = np.minimum(corners[one, 2:], corners[other, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    both = areas[one].astype(np.float64) + areas[other] - shared
    return one, other, shared / np.maximum(both, 1e-12)


def _scopes(class_ids: Index, scope: Scope) -> list[Index]:
    if scope == "across_classes":
        return [np.arange(len(class_ids))]
    return [np.flatnonzero(class_ids == name) for name in np.unique(class_ids)]


def _alive(xyxy: NDArray[np.float32], iou: float, origin: Index | None) -> NDArray[np.bool_]:
    """Mask of kept boxes; ``xyxy`` is sorted by falling score."""
    alive = np.ones(len(xyxy), bool)
    sides = np.ascontiguousarray(xyxy.T)
    areas = (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1)
    edges = [_overlapping(sides, areas, pair, iou) for pair in _candidate_pairs(xyxy, iou)]
    if not edges:
        return alive
    strong, weak = np.concatenate(edges, axis=1)
    if origin is not None:
        foreign = origin[strong] != origin[weak]
        strong, weak = strong[foreign], weak[foreign]
    order = np.argsort(strong, kind="stable")
    strong, weak = strong[order], weak[order]
    sources, starts = np.unique(strong, return_index=True)
    stops = np.append(starts, len(strong))[1:]
    for box, start, stop in zip(sources.tolist(), starts.tolist(), stops.tolist(), strict=True):
        if alive[box]:
            alive[weak[start:stop]] = False
    return alive


def _overlapping(
    sides: NDArray[np.float32], areas: NDArray[np.float32], pair: tuple[Index, Index], iou: float
) -> Index:
    """``(2, M)`` ranks (stronger, weaker) of those pairs whose IoU is above ``iou``.

    Args:
        sides: ``(4, N)`` left, top, right, bottom.
        areas: ``(N,)``.
        pair: ranks of the first and of the second box of each pair.
        iou: the limit.
    """
    a, b = pair
    left, top, right, bottom = sides
    width = np.minimum(right[a], right[b]) - np.maximum(left[a], left[b])
    height = np.minimum(bottom[a], bottom[b]) - np.maximum(top[a], top[b])
    intersection = np.clip(width, 0, None) * np.clip(height, 0, None)
    union = areas[a] + areas[b] - intersection
    # Without a division, boxes without area overlap nothing.
    hit = intersection > iou * union
    return np.stack([np.minimum(a[hit], b[hit]), np.maximum(a[hit], b[hit])])


def _candidate_pairs(xyxy: NDArray[np.float32], iou: float) -> Iterator[tuple[Index, Index]]:
    """Index pairs that hold every pair with IoU > ``iou``, each once, in blocks."""
    size = (xyxy[:, 2:] - xyxy[:, :2]).max(axis=1, initial=0)
    octave = np.floor(np.log2(np.maximum(size, 1e-3))).astype(np.int64)
    centres = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    reach = int(np.ceil(-np.log2(iou)))
    # One part in a thousand on top keeps rounding from losing a pair at the limit.
    spread = max((1 - iou) / (1 + iou), 1e-3) * 1.001
    for level in np.unique(octave):
        large = np.flatnonzero(octave == level)
        small = np.flatnonzero((octave <= level) & (octave >= level - reach))
        cell = np.floor(centres / (spread * 2.0 ** (level + 1))).astype(np.int64)
        for a, b in _neighbours(cell, large, small):
            once = (octave[b] < level) | (a < b)
            yield a[once], b[once]


def _neighbours(cell: Index, large: Index, small: Index) -> Iterator[tuple[Index, Index]]:
    """Pairs (one of ``large``, one of ``small``) in the same or adjoining grid cells."""
    cell = cell - cell.min(axis=0) + 1
    columns = int(cell[:, 0].max()) + 2
    key = cell[:, 1] * columns + cell[:, 0]
    small = small[np.argsort(key[small], kind="stable")]
    keys = key[small]
    row = key[large][:, None] + np.array([-columns, 0, columns])
    start = np.searchsorted(keys, row - 1, side="left")
    count = np.searchsorted(keys, row + 1, side="right") - start
    block = np.cumsum(count.sum(axis=1)) // MAX_PAIRS
    for number in np.unique(block):
        members = np.flatnonzero(block == number)
        lengths = count[members].ravel()
        first = np.repeat(large[members], count[members].sum(axis=1))
        offset = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        yield first, small[np.repeat(start[members].ravel(), lengths) + offset]
