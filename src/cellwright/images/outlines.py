"""Outlines of cells along pixel edges: what other programs draw, measure and edit.

A ring runs along the edges between pixels, with the cell on its right hand, so that filling it
gives back exactly the pixels of the cell. No ring touches itself: where two pixels of a cell meet
at a corner only, it is cut there, as GeoJSON wants its polygons.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.types import Boxes, Instances

Ring = NDArray[np.float64]
"""``(N, 2)`` corners (x, y) on pixel edges; the last one is not the first again."""


@dataclass(frozen=True, eq=False)
class Part:
    """A connected piece: its outer ring, and the rings of its holes."""

    outer: Ring
    holes: tuple[Ring, ...] = ()


@dataclass(frozen=True, eq=False)
class Outline:
    """One cell as polygons.

    Attributes:
        label: its number in the image, from 1.
        class_name: of the cell.
        score: in [0, 1]; None where there is none.
        parts: one as a rule.
        is_box: whether it is a rectangle along the axes.
    """

    label: int
    class_name: str
    score: float | None
    parts: tuple[Part, ...]
    is_box: bool = False


def outline_boxes(boxes: Boxes, classes: tuple[str, ...]) -> Iterator[Outline]:
    """The rectangle of every box, in order."""
    scores = [None] * len(boxes) if boxes.scores is None else boxes.scores.tolist()
    for index, (x0, y0, x1, y1) in enumerate(boxes.xyxy.astype(float).round(2).tolist()):
        ring = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        name = classes[int(boxes.class_ids[index])]
        yield Outline(index + 1, name, scores[index], (Part(ring),), is_box=True)


def outline_cells(cells: Instances, classes: tuple[str, ...]) -> Iterator[Outline]:
    """Every cell, in order of label."""
    class_ids = np.zeros(len(cells), np.int64) if cells.class_ids is None else cells.class_ids
    for index, (x0, y0, x1, y1) in enumerate(cells.boxes().xyxy.astype(int).tolist()):
        mask = cells.labels[y0:y1, x0:x1] == index + 1
        score = None if cells.scores is None else float(cells.scores[index])
        yield Outline(index + 1, classes[int(class_ids[index])], score, trace(mask, x0=x0, y0=y0))


def trace(mask: NDArray[np.bool_], *, x0: int = 0, y0: int = 0) -> tuple[Part, ...]:
    """Outlines of the true pixels of ``mask`` ``(H, W)``, whose first pixel lies at (x0, y0)."""
    offset = np.array([x0, y0], np.float64)
    outer: list[Ring] = []
    holes: list[Ring] = []
    for ring in _rings(mask):
        (outer if _doubled_area(ring) > 0 else holes).append(ring)
    owned: dict[int, list[Ring]] = defaultdict(list)
    for hole in holes:
        owned[_owner(hole, outer)].append(hole + offset)
    return tuple(Part(ring + offset, tuple(owned[i])) for i, ring in enumerate(outer))


def _owner(hole: Ring, outer: list[Ring]) -> int:
    """The smallest outer ring around a hole."""
    # The middle of the first edge, a little to its left, lies in the hole.
    (ax, ay), (bx, by) = hole[0], hole[1]
    length = abs(bx - ax) + abs(by - ay)
    inside = ((ax + bx) / 2 + 0.25 * (by - ay) / length, (ay + by) / 2 - 0.25 * (bx - ax) / length)
    around = [
        index
        for index, ring in enumerate(outer)
        if cv2.pointPolygonTest(ring.astype(np.float32), inside, False) > 0
    ]
    return min(around, key=lambda index: _doubled_area(outer[index]))


Corner = tuple[int, int]


def _edges(mask: NDArray[np.bool_]) -> dict[Corner, list[Corner]]:
    """Corner -> corners reached from it along one pixel's edge, the cell on the right hand."""
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1]
    edges: dict[Corner, list[Corner]] = defaultdict(list)
    # Neighbour that must be outside, and the edge's two ends relative to the pixel (x, y).
    sides = (
        (padded[:-2, 1:-1], (0, 0), (1, 0)),
        (padded[1:-1, 2:], (1, 0), (1, 1)),
        (padded[2:, 1:-1], (1, 1), (0, 1)),
        (padded[1:-1, :-2], (0, 1), (0, 0)),
    )
    for neighbour, (ax, ay), (bx, by) in sides:
        rows, columns = np.nonzero(inside & ~neighbour)
        for y, x in zip(rows.tolist(), columns.tolist(), strict=True):
            edges[x + ax, y + ay].append((x + bx, y + by))
    return edges


def _rings(mask: NDArray[np.bool_]) -> Iterator[Ring]:
    """Closed rings of unit edges, joined where they run straight on.

    A ring that comes back to one of its corners is cut off there, so that none touches itself.
    """
    edges = _edges(mask)
    while edges:
        path = [next(iter(edges))]
        place = {path[0]: 0}
        while path[-1] in edges:
            corner = _step(edges, path)
            if corner not in place:
                place[corner] = len(path)
                path.append(corner)
                continue
            loop = path[place[corner] :]
            yield _without_straights(loop)
            for passed in loop[1:]:
                del place[passed]
            path = path[: place[corner] + 1]


def _step(edges: dict[Corner, list[Corner]], path: list[Corner]) -> Corner:
    """The next corner; where two pixels share this one, around the pixel that it comes from."""
    here = path[-1]
    choices = edges[here]
    chosen = choices[0]
    if len(choices) > 1 and len(path) > 1:
        x, y = path[-2]
        right = (here[0] - (here[1] - y), here[1] + (here[0] - x))
        chosen = right if right in choices else chosen
    choices.remove(chosen)
    if not choices:
        del edges[here]
    return chosen


def _without_straights(loop: list[Corner]) -> Ring:
    """Only the corners at which a loop turns."""
    points = np.array(loop, np.float64)
    after, before = np.roll(points, -1, axis=0), np.roll(points, 1, axis=0)
    turns: NDArray[np.bool_] = ((after - points) != (points - before)).any(axis=1)
    return np.asarray(points[turns])


def _doubled_area(ring: Ring) -> float:
    """Twice the area in px², positive for outer rings (clockwise, y down)."""
    x, y = ring.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1))
