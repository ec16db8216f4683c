"""Boxes of overlapping tiles to boxes of the image: no cell cut, none counted twice.

Each tile answers for its core; the cores share the image out between them. A cell
that is no larger than the overlap and whose centre lies in a core is seen whole by
that core's tile. Two tiles may place the centre of a cell on a seam a little
differently, so a tile also keeps what lies just outside its core, and of what both
saw the stronger stays. A box that ends where its tile ends may be a cell cut short:
outside its core it gives way to what another tile shows whole, however sure it is,
and everywhere it goes where another tile shows more of it. Only a cell larger than
the overlap can still come out in pieces, which is why the card asks for an overlap of
the largest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.card import Decoding
from cellwright.images.tiles import Tile
from cellwright.inference.nms import Index, surviving
from cellwright.inference.voting import voted
from cellwright.metrics.matching import overlapping_pairs
from cellwright.types import Boxes

SEAM_IOU = 0.45
"""Two tiles may see one small cell a pixel apart, which costs it more overlap than a large one."""

SURE_ENOUGH = 0.5
"""A whole box replaces a cut one if it has at least this share of its score."""

COVERED = 0.6
"""A cut box goes if a larger one of another tile covers more than this share of it."""


def own_boxes(boxes: Boxes, tile: Tile, *, margin: float) -> Boxes:
    """Those boxes (image pixels) whose centre lies in the tile's core, grown by ``margin``.

    Where the core ends at the tile's own edge, which is the image's border, it is not grown:
    what lies beyond are cells seen in padding.
    """
    x, y = boxes.centres_xy.T
    left, top, right, bottom = _grown_core(tile, margin)
    return boxes.select((x >= left) & (x <= right) & (y >= top) & (y <= bottom))


def merge(parts: Sequence[tuple[Tile, Boxes]], decoding: Decoding, *, margin: float) -> Boxes:
    """One ranked list, suppressed class by class over the whole image, strongest first.

    Args:
        parts: each tile with its boxes in image pixels, as :func:`own_boxes` gave them.
        decoding: the card's suppression settings.
        margin: as it was for :func:`own_boxes`.
    """
    everything = Boxes.concatenate([boxes for _, boxes in parts])
    if len(everything) == 0:
        return Boxes.empty(scored=True)
    origin = np.repeat(np.arange(len(parts)), [len(boxes) for _, boxes in parts])
    near_seam = np.concatenate([_near_seam(boxes, tile, 2 * margin) for tile, boxes in parts])
    in_reach = np.concatenate([_near_seam(boxes, tile, 4 * margin) for tile, boxes in parts])
    cut = np.concatenate([_cut(boxes, tile, margin) for tile, boxes in parts])
    foreign = np.concatenate([_foreign(boxes, tile) for tile, boxes in parts])
    theirs = _shown_whole_elsewhere(everything, origin, doubtful=cut & foreign, near=in_reach)
    everything = everything.select(~theirs)
    origin, near_seam, cut = origin[~theirs], near_seam[~theirs], cut[~theirs]
    kept = surviving(everything, iou=decoding.nms_iou)
    disputed = kept[near_seam[kept]]
    settled = surviving(
        everything.select(disputed),
        iou=min(SEAM_IOU, decoding.nms_iou),
        origin=origin[disputed],
    )
    lost = np.setdiff1d(disputed, disputed[settled])
    kept = kept[~np.isin(kept, lost)]
    pieces = _pieces(everything.select(kept), origin[kept], cut[kept], decoding)
    kept = kept[~pieces]
    if decoding.vote_iou is None:
        return everything.select(kept)
    return voted(everything, kept, iou=decoding.vote_iou, origin=origin)


def _shown_whole_elsewhere(
    boxes: Boxes, origin: Index, *, doubtful: NDArray[np.bool_], near: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which doubtful boxes lie on a cell that another tile, not in doubt, shows.

    Only boxes ``near`` a seam are looked at: a doubtful one lies there, and the whole box of
    its cell not far away.
    """
    given_up = np.zeros(len(boxes), bool)
    if boxes.scores is None or not doubtful.any():
        return given_up
    losers, winners = np.flatnonzero(doubtful), np.flatnonzero(near & ~doubtful)
    # The doubtful are few, so that all may be compared with all.
    one, other, _ = overlapping_pairs(boxes.xyxy[losers], boxes.xyxy[winners], minimum=SEAM_IOU)
    loser, winner = losers[one], winners[other]
    loses = (origin[loser] != origin[winner]) & (boxes.class_ids[loser] == boxes.class_ids[winner])
    loses &= boxes.scores[winner] >= SURE_ENOUGH * boxes.scores[loser]
    given_up[loser[loses]] = True
    return given_up


def _pieces(
    boxes: Boxes, origin: Index, cut: NDArray[np.bool_], decoding: Decoding
) -> NDArray[np.bool_]:
    """Which cut boxes are part of a cell that another tile shows more of.

    Where a cell has one class only, what another tile shows may be of another class. It must
    count as a cell then: the piece would go for the sake of a hypothesis that goes too.
    """
    pieces = np.zeros(len(boxes), bool)
    areas = boxes.areas_px2
    whole = np.zeros(len(boxes), bool)
    if decoding.nms_scope == "across_classes" and boxes.scores is not None and len(boxes):
        limits = np.array(decoding.thresholds(int(boxes.class_ids.max()) + 1), np.float32)
        whole = boxes.scores >= limits[boxes.class_ids]
    for index in np.flatnonzero(cut):
        rival = (origin != origin[index]) & (areas > areas[index])
        rival &= whole | (boxes.class_ids == boxes.class_ids[index])
        one, others = boxes.xyxy[index], boxes.xyxy[rival]
        shared = np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2])
        covered = np.clip(shared, 0, None).prod(axis=1).max(initial=0.0)
        pieces[index] = covered > COVERED * areas[index]
    return pieces


def _grown_core(tile: Tile, margin: float) -> tuple[float, float, float, float]:
    return (
        max(tile.core_x0 - margin, tile.x0),
        max(tile.core_y0 - margin, tile.y0),
        min(tile.core_x1 + margin, tile.x1),
        min(tile.core_y1 + margin, tile.y1),
    )


def _foreign(boxes: Boxes, tile: Tile) -> NDArray[np.bool_]:
    """Which boxes have their centre in the core of a neighbour."""
    x, y = boxes.centres_xy.T
    inside = (x >= tile.core_x0) & (x <= tile.core_x1) & (y >= tile.core_y0) & (y <= tile.core_y1)
    return np.asarray(~inside)


def _near_seam(boxes: Boxes, tile: Tile, distance: float) -> NDArray[np.bool_]:
    """Which boxes have their centre at most ``distance`` from an inner border of the core."""
    x, y = boxes.centres_xy.T
    near = np.zeros(len(boxes), bool)
    for position, core, edge in (
        (x, tile.core_x0, tile.x0),
        (x, tile.core_x1, tile.x1),
        (y, tile.core_y0, tile.y0),
        (y, tile.core_y1, tile.y1),
    ):
        if core != edge:
            near |= np.abs(position - core) <= distance
    return near


def _cut(boxes: Boxes, tile: Tile, margin: float) -> NDArray[np.bool_]:
    """Which boxes reach an edge of the tile that is not the image's border."""
    x0, y0, x1, y1 = boxes.xyxy.T
    cut = np.zeros(len(boxes), bool)
    for distance, core, edge in (
        (x0 - tile.x0, tile.core_x0, tile.x0),
        (tile.x1 - x1, tile.core_x1, tile.x1),
        (y0 - tile.y0, tile.core_y0, tile.y0),
        (tile.y1 - y1, tile.core_y1, tile.y1),
    ):
        if core != edge:
            cut |= distance <= margin
    return cut
