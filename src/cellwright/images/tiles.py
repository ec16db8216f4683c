"""Where to cut a large image so that every pixel, and every cell, has one owner.

Tiles overlap so that a cell on a seam is whole in at least one of them. Their
cores do not: they partition the image, and a detection belongs to the tile whose
core holds its centre.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from cellwright.errors import ConfigError


@dataclass(frozen=True)
class Tile:
    """Rows ``y0..y1`` and columns ``x0..x1`` to read, and the core within that it owns.

    All in pixels of the whole image, ends excluded.
    """

    y0: int
    x0: int
    y1: int
    x1: int
    core_y0: int
    core_x0: int
    core_y1: int
    core_x1: int


def plan_tiles(height: int, width: int, *, tile_px: int, overlap_px: int) -> list[Tile]:
    """Tiles row by row, all of one size, evenly spread and flush with the border.

    Neighbours share at least ``overlap_px``. An edge that is not longer than ``tile_px``
    is not cut.

    >>> [(tile.x0, tile.x1, tile.core_x0, tile.core_x1)
    ...  for tile in plan_tiles(100, 250, tile_px=100, overlap_px=20)]
    [(0, 100, 0, 87), (75, 175, 87, 162), (150, 250, 162, 250)]

    Raises:
        ConfigError: sizes below one pixel, or an overlap not in 0 .. ``tile_px`` - 1.
    """
    if min(height, width, tile_px) < 1 or not 0 <= overlap_px < tile_px:
        raise ConfigError(
            f"cannot cut {width} x {height} pixels into tiles of {tile_px} "
            f"that overlap by {overlap_px}",
            remedy="choose tile_px of at least 1 and overlap_px below it",
        )
    columns = _spans(width, tile_px, overlap_px)
    return [
        Tile(y0, x0, y1, x1, core_y0, core_x0, core_y1, core_x1)
        for y0, y1, core_y0, core_y1 in _spans(height, tile_px, overlap_px)
        for x0, x1, core_x0, core_x1 in columns
    ]


def _spans(length: int, tile_px: int, overlap_px: int) -> list[tuple[int, int, int, int]]:
    """Start, end, core start and core end of each tile along one axis."""
    size = min(tile_px, length)
    count = 1 if length <= tile_px else -((overlap_px - length) // (tile_px - overlap_px))
    starts = [(length - size) * index // max(1, count - 1) for index in range(count)]
    seams = [(right + left + size) // 2 for left, right in pairwise(starts)]
    cores = [0, *seams, length]
    return [
        (start, start + size, core_start, core_end)
        for start, (core_start, core_end) in zip(starts, pairwise(cores), strict=True)
    ]
