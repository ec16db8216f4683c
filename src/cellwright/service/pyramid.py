"""An image cut into small pictures at every halving of its size, for a viewer that zooms.

The levels are those of Deep Zoom: the last one has the image's own size, each one before it half
the size rounded up, level 0 a single pixel. The image is read once, in bands as high as a tile;
each band is written as tiles, halved, and handed to the level below, so that memory holds one
band a level whatever the image's size. Stretching, where the image is not 8-bit colour, is the
same in all tiles.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ImageError
from cellwright.images.lazy import LazyImage
from cellwright.images.overlay import SHOWN, is_shown_as_is, paint
from cellwright.inference.source import source_limits
from cellwright.service.unfinished import unfinished_name

TILE_PX = 256
QUALITY = 90
"""Of the JPEG files, of 100."""

MAX_TILES = 50_000
"""A picture that needs more is a line, not a picture: 2400 megapixels make so many."""

Picture = NDArray[np.uint8]
"""``(H, W, 3)`` RGB."""

_one_at_a_time = Lock()
"""A whole picture may lie in memory while its tiles are made."""


@dataclass(frozen=True)
class Levels:
    """The sizes of an image's levels.

    Attributes:
        height: of the image in pixels.
        width: of the image in pixels.
    """

    height: int
    width: int

    @property
    def last(self) -> int:
        """The level of the image's own size.

        >>> Levels(1, 1).last, Levels(3, 2).last, Levels(300, 257).last
        (0, 2, 9)
        """
        return (max(self.height, self.width) - 1).bit_length()

    def size(self, level: int) -> tuple[int, int]:
        """Height and width of one level."""
        step = 1 << (self.last - level)
        return -(-self.height // step), -(-self.width // step)

    def tiles(self, level: int) -> tuple[int, int]:
        """Rows and columns of tiles of one level."""
        height, width = self.size(level)
        return -(-height // TILE_PX), -(-width // TILE_PX)

    @property
    def n_tiles(self) -> int:
        """Of all levels."""
        return sum(rows * columns for rows, columns in map(self.tiles, range(self.last + 1)))

    def holds(self, level: int, column: int, row: int) -> bool:
        """Whether there is such a tile."""
        if not 0 <= level <= self.last:
            return False
        rows, columns = self.tiles(level)
        return 0 <= row < rows and 0 <= column < columns


def tile_name(level: int, column: int, row: int) -> str:
    """Where a tile lies within the folder of its image."""
    return f"{level}/{column}_{row}.jpg"


def make_tiles(
    folder: Path, open_source: Callable[[], LazyImage], *, wanted: Callable[[], bool] = lambda: True
) -> None:
    """All tiles of an image into ``folder``, which is there whole or not at all.

    Does nothing where it is there already.

    Args:
        folder: of this image alone.
        open_source: opens the image.
        wanted: whether the image is still there once they are made; else they go too.

    Raises:
        ImageError: the image cannot be read, or is a line of more than :data:`MAX_TILES` tiles.
    """
    if folder.is_dir():
        return
    with _one_at_a_time:
        if folder.is_dir():
            return
        unfinished = folder.with_name(f".{unfinished_name()}")
        try:
            with open_source() as source:
                _write_levels(source, unfinished)
            try:
                unfinished.rename(folder)
            except OSError:
                # Another process on the same store was first.
                if not folder.is_dir():
                    raise
            if not wanted():
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def _write_levels(source: LazyImage, folder: Path) -> None:
    _, height, width = source.shape
    levels = Levels(height, width)
    if levels.n_tiles > MAX_TILES:
        raise ImageError(
            f"{width} x {height} pixels are too long and thin to look at",
            remedy="cut the image into shorter parts",
        )
    limits = None if is_shown_as_is(source) else source_limits(source, SHOWN)
    writer = _Level(folder, levels, levels.last)
    for y in range(0, height, TILE_PX):
        band = source.read_region(y, 0, min(y + TILE_PX, height), width)
        writer.add(paint(band, limits))
    writer.finish()


class _Level:
    """One level while it is written: takes rows from above, hands half of them on."""

    def __init__(self, folder: Path, levels: Levels, level: int) -> None:
        self._folder, self._level, self._row = folder / str(level), level, 0
        self._folder.mkdir(parents=True)
        self._pending: list[Picture] = []
        self._next = _Level(folder, levels, level - 1) if level else None

    def add(self, rows: Picture) -> None:
        """Rows of this level: a full band, or half of one; a shorter piece is the last."""
        self._pending.append(rows)
        if sum(len(part) for part in self._pending) >= TILE_PX:
            self._flush()

    def finish(self) -> None:
        """There are no more rows."""
        self._flush()
        if self._next is not None:
            self._next.finish()

    def _flush(self) -> None:
        if not self._pending:
            return
        band = np.concatenate(self._pending) if len(self._pending) > 1 else self._pending[0]
        self._pending = []
        for column, x in enumerate(range(0, band.shape[1], TILE_PX)):
            self._write(column, band[:, x : x + TILE_PX])
        self._row += 1
        if self._next is not None:
            self._next.add(halved(band))

    def _write(self, column: int, tile: Picture) -> None:
        # OpenCV takes blue first.
        blue_first = cv2.cvtColor(np.ascontiguousarray(tile), cv2.COLOR_RGB2BGR)
        _, data = cv2.imencode(".jpg", blue_first, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        (self._folder / f"{column}_{self._row}.jpg").write_bytes(data.tobytes())


def halved(picture: Picture) -> Picture:
    """Half as high and wide, rounded up: means of two by two pixels, the border repeated."""
    height, width, _ = picture.shape
    if height % 2 or width % 2:
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    size = (picture.shape[1] // 2, picture.shape[0] // 2)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
