"""Maps of overlapping tiles to one map without a seam, a row of tiles at a time.

Along an axis, tile i covers ``[s_i, e_i)`` and shares ``o_i = e_(i-1) - s_i`` pixels with the
tile before it. ``r_i`` rises from 0 to 1 over the middle half of what they share::

    r_i(x) = smoothstep((x - s_i - o_i / 4) / (o_i / 2)),   r_0 = 1,   r_n = 0
    w_i(x) = r_i(x) - r_(i+1)(x)

The ramps lie one behind the other, so no weight is negative, and their sum telescopes to
exactly 1 wherever a pixel lies, however many tiles cover it. ``w_i`` is 0 in the outer
quarter of what tile i shares, where the network sees the tile's end: a network that looks at
most a quarter of the overlap far gives the very map it gives for the whole image. In two
dimensions the weight is the product of both axes.

Tiles begin at multiples of the network's stride. A network that halves its map by pooling
commutes with shifts by its stride only: elsewhere even the middle of a tile would differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ConfigError


class Span(NamedTuple):
    """Pixels ``start`` to ``stop`` (excluded) along one axis."""

    start: int
    stop: int


def plan_spans(length: int, *, tile_px: int, overlap_px: int, multiple: int) -> list[Span]:
    """Tiles along an axis: as few as ``tile_px`` allows, then as short as that many can be.

    All start and stop at multiples of ``multiple``, and the last may reach beyond ``length``
    for that. Neighbours share at least ``overlap_px``.

    >>> plan_spans(100, tile_px=64, overlap_px=16, multiple=16)
    [Span(start=0, stop=64), Span(start=48, stop=112)]

    Raises:
        ConfigError: a tile that is all overlap.
    """
    units, overlap = -(-length // multiple), -(-overlap_px // multiple)
    if units * multiple <= tile_px:
        return [Span(0, units * multiple)]
    largest = tile_px // multiple
    if overlap >= largest:
        raise ConfigError(
            f"tiles of {tile_px} px cannot share {overlap_px} px in steps of {multiple} px",
            remedy="the model's card needs larger tiles or a smaller overlap",
        )
    count = -(-(units - overlap) // (largest - overlap))
    size = -(-(units + (count - 1) * overlap) // count)
    starts = [(units - size) * index // (count - 1) for index in range(count)]
    return [Span(start * multiple, (start + size) * multiple) for start in starts]


def blend_weights(spans: Sequence[Span]) -> list[NDArray[np.float32]]:
    """``(stop - start,)`` weights of each tile along an axis; see the module's header."""
    place = np.arange(spans[-1].stop, dtype=np.float64) + 0.5
    rises = [np.ones_like(place)]
    for before, after in pairwise(spans):
        shared = max(before.stop - after.start, 1e-6)
        along = (place - after.start - shared / 4) / (shared / 2)
        along = np.clip(along, 0, 1)
        rises.append(along * along * (3 - 2 * along))
    rises.append(np.zeros_like(place))
    return [
        (rise - following)[span.start : span.stop].astype(np.float32)
        for span, (rise, following) in zip(spans, pairwise(rises), strict=True)
    ]


def blend_rows(
    maps: Iterable[Sequence[NDArray[np.float32]]], rows: Sequence[Span], columns: Sequence[Span]
) -> Iterator[NDArray[np.float32]]:
    """Bands ``(K, h, W)`` of the blended map, from top to bottom without overlap.

    No more than one row of tiles is held.

    Args:
        maps: for each of ``rows``, the maps ``(K, height, width)`` of its tiles from the left.
        rows: tiles along the vertical axis.
        columns: tiles along the horizontal axis.
    """
    down, across = blend_weights(rows), blend_weights(columns)
    width = columns[-1].stop
    ends = [span.start for span in rows[1:]] + [rows[-1].stop]
    carried: NDArray[np.float32] | None = None
    for row, end, tiles in zip(range(len(rows)), ends, maps, strict=True):
        span = rows[row]
        band = np.zeros((tiles[0].shape[0], span.stop - span.start, width), np.float32)
        if carried is not None:
            band[:, : carried.shape[1]] = carried
        for tile, column, weight in zip(tiles, columns, across, strict=True):
            band[:, :, column.start : column.stop] += tile * (down[row][:, None] * weight)
        yield band[:, : end - span.start]
        carried = band[:, end - span.start :]
