"""Montages and fields to single-cell crops of one size.

A crop is centred on its cell. What lies beyond the border of an image is the nearest pixel of
the border, so that a cell at the edge does not get a dark frame that a classifier could learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ImageError
from cellwright.types import Image, Instances


@dataclass(frozen=True, eq=False)
class Tile:
    """One cell of a montage or field.

    Attributes:
        label: number of the cell, from 1.
        box: y0, x0, y1, x1 in the image it comes from; of the tile, or tight around the cell.
        image: ``(C, h, w)`` pixels.
        centroid: y, x, mean of the cell's pixel indices; None where no label says which they are.
    """

    label: int
    box: tuple[int, int, int, int]
    image: Image
    centroid: tuple[float, float] | None = None

    @property
    def place(self) -> tuple[float, float]:
        """The centroid (y, x); of a tile alone the middle of its box, in pixel edges."""
        y0, x0, y1, x1 = self.box
        return self.centroid or ((y0 + y1) / 2, (x0 + x1) / 2)


def cut_montage(
    image: Image, tile_px: int, *, order: Literal["rows", "columns"] = "rows"
) -> list[Tile]:
    """The tiles of a montage; constant ones, which hold no cell, are left out.

    Args:
        image: ``(C, H, W)``; H and W multiples of ``tile_px``.
        tile_px: edge of a tile.
        order: whether tiles were filled along rows or along columns; labels follow it.

    Raises:
        ImageError: a size that is no multiple of the tile's.
    """
    _, height, width = image.shape
    if tile_px < 1 or height % tile_px or width % tile_px:
        raise ImageError(
            f"an image of {width} x {height} pixels is no montage of tiles of {tile_px} pixels",
            remedy="give the edge of a tile in pixels, or leave it out where an image is one cell",
        )
    down, across = range(0, height, tile_px), range(0, width, tile_px)
    places = [(y, x) for y in down for x in across]
    if order == "columns":
        places = [(y, x) for x in across for y in down]
    tiles: list[Tile] = []
    for y, x in places:
        cut = image[:, y : y + tile_px, x : x + tile_px]
        if np.ptp(cut.reshape(len(cut), -1), axis=1).any():
            tiles.append(Tile(len(tiles) + 1, (y, x, y + tile_px, x + tile_px), cut))
    return tiles


def cut_cells(image: Image, cells: Instances, size: tuple[int, int]) -> list[Tile]:
    """A crop of ``size`` (height, width) around every labelled cell's box, in label order.

    Raises:
        ImageError: labels of another size than the image.
    """
    if cells.labels.shape != image.shape[1:]:
        rows, columns = cells.labels.shape
        raise ImageError(
            f"the label image is {columns} x {rows} pixels, the image "
            f"{image.shape[2]} x {image.shape[1]}",
            remedy="use the label image of this very picture",
        )
    tiles = []
    boxes = cells.boxes().xyxy.astype(int).tolist()
    for index, ((x0, y0, x1, y1), (y, x)) in enumerate(
        zip(boxes, cells.centroids().tolist(), strict=True)
    ):
        centre = ((y0 + y1) / 2, (x0 + x1) / 2)
        crop = centred(image, centre, size)
        tiles.append(Tile(index + 1, (y0, x0, y1, x1), crop, centroid=(y, x)))
    return tiles


def centred(image: Image, centre: tuple[float, float], size: tuple[int, int]) -> Image:
    """``(C, *size)`` pixels around ``centre`` (y, x, pixel-edge coordinates).

    >>> centred(np.arange(9, dtype=np.uint8).reshape(1, 3, 3), (0.5, 1.5), (3, 3))[0].tolist()
    [[0, 1, 2], [0, 1, 2], [3, 4, 5]]
    """
    rows, columns = (
        _span(middle, length, limit)
        for middle, length, limit in zip(centre, size, image.shape[1:], strict=True)
    )
    return np.ascontiguousarray(image[:, rows[:, None], columns])


def _span(middle: float, length: int, limit: int) -> NDArray[np.int64]:
    """``length`` positions around ``middle``, held inside 0..limit - 1."""
    first = int(np.floor(middle - length / 2 + 0.5))
    return np.clip(np.arange(first, first + length), 0, limit - 1)


def to_size(image: Image, size: Sequence[int]) -> Image:
    """The middle of an image at ``size`` (height, width), grown by its border where smaller."""
    height, width = image.shape[1:]
    if (height, width) == tuple(size):
        return image
    return centred(image, (height / 2, width / 2), (size[0], size[1]))
