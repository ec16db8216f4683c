"""Large TIFF files read strip by strip or tile by tile, never whole in memory."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from cellwright.errors import ImageError
from cellwright.images.headers import DAMAGED
from cellwright.images.lazy import LazyImage, whole_image
from cellwright.images.picture import check_size, supported_pixels
from cellwright.images.scale import channel_names, pixel_size_um
from cellwright.images.tiff import (
    JPEG,
    MIN_IS_BLACK,
    RGB,
    YCBCR,
    channels_first,
    check_jpeg_segment,
    check_layout,
    check_segments,
    choose_series,
    has_alpha,
    pages_of,
    read_tiff,
    tiff_errors,
)
from cellwright.images.tiff_directories import check_directories
from cellwright.types import IMAGE_DTYPES, Image

_CACHE_BYTES = 2**26
# A picture stored as one compressed block has to be decoded whole for any region.
_MAX_SEGMENT_VALUES = 2**24
_MAX_FILE_VALUES = 2**46


def open_tiff(path: Path, *, max_pixels: int, series: int | None) -> LazyImage:
    """Open a TIFF; read it region by region where its layout allows, else decode it now.

    Raises:
        ImageError: as ``read_tiff``.
    """
    check_directories(path)
    with tiff_errors(path):
        tif = tifffile.TiffFile(path)
        try:
            opened = _open_regions(tif, path, max_pixels=max_pixels, series=series)
        except BaseException:
            tif.close()
            raise
    if opened is None:
        tif.close()
        return whole_image(read_tiff(path, max_pixels=max_pixels, series=series))
    return opened


def _open_regions(
    tif: tifffile.TiffFile, path: Path, *, max_pixels: int, series: int | None
) -> LazyImage | None:
    """The image by regions, or None where its pixels mean something only as a whole."""
    index = choose_series(tif, series, where=path)
    chosen = tif.series[index]
    shape = check_layout(chosen, max_pixels=_MAX_FILE_VALUES, where=path)
    pages = pages_of(chosen, where=path)
    for page in pages:
        check_segments(page, where=path)
    if not _plain(chosen, tif):
        return None
    planes: list[NDArray[Any]] | list[_SegmentedPage]
    if chosen.dataoffset is not None and chosen.keyframe.is_memmappable:
        planes = [channels_first(chosen.asarray(out="memmap"), chosen.axes)]
    elif all(page.is_memmappable for page in pages):
        planes = [channels_first(page.asarray(out="memmap"), page.axes) for page in pages]
    elif prod(chosen.keyframe.chunks) <= _MAX_SEGMENT_VALUES:
        planes = [_SegmentedPage(page, path) for page in pages]
    else:
        return None

    def read(y0: int, x0: int, y1: int, x1: int) -> Image:
        check_size((shape[0], y1 - y0, x1 - x0), max_pixels=max_pixels, where=path)
        with tiff_errors(path):
            parts = [plane[:, y0:y1, x0:x1] for plane in planes]
            return supported_pixels(np.concatenate(parts), where=path)

    return LazyImage(
        shape=shape,
        dtype=chosen.dtype.newbyteorder("="),
        read=read,
        close=tif.close,
        pixel_size_um=pixel_size_um(tif, index, where=path),
        channel_names=channel_names(tif, index, shape[0]),
    )


def _plain(series: tifffile.TiffPageSeries, tif: tifffile.TiffFile) -> bool:
    """Whether stored values are pixel values, with no palette, inversion, alpha or rescaling."""
    keyframe = series.keyframe
    as_seen = int(keyframe.photometric) in (MIN_IS_BLACK, RGB, YCBCR) or tif.is_imagej
    same_type = series.dtype.newbyteorder("=") in IMAGE_DTYPES
    return as_seen and same_type and not has_alpha(keyframe) and series.transform is None


class _SegmentedPage:
    """One page in strips or tiles, sliced ``[:, y0:y1, x0:x1]`` like an array ``(C, H, W)``."""

    def __init__(self, page: Any, path: Path) -> None:
        keyframe = page.keyframe
        self._page, self._path = page, path
        self._length = keyframe.tilelength if keyframe.is_tiled else keyframe.rowsperstrip
        self._width = keyframe.tilewidth if keyframe.is_tiled else keyframe.imagewidth
        self._across = -(-keyframe.imagewidth // self._width)
        self._down = -(-keyframe.imagelength // self._length)
        # Samples lie side by side in one segment, or in segments of their own.
        self._separate = keyframe.samplesperpixel if keyframe.planarconfig == 2 else 1
        self._together = keyframe.samplesperpixel // self._separate
        kept = _CACHE_BYTES // (prod(keyframe.chunks) * keyframe.dtype.itemsize)
        self._segment = lru_cache(maxsize=max(2, kept))(self._decode)

    def __getitem__(self, region: tuple[slice, slice, slice]) -> NDArray[Any]:
        _, rows, columns = region
        height, width = rows.stop - rows.start, columns.stop - columns.start
        dtype = self._page.keyframe.dtype.newbyteorder("=")
        pixels = np.empty((self._separate, self._together, height, width), dtype)
        for plane in range(self._separate):
            for down in range(rows.start // self._length, -(-rows.stop // self._length)):
                for across in range(columns.start // self._width, -(-columns.stop // self._width)):
                    number = (plane * self._down + down) * self._across + across
                    self._paste(pixels[plane], number, (down, across), (rows, columns))
        return pixels.reshape(-1, height, width)

    def _paste(
        self,
        target: NDArray[Any],
        number: int,
        place: tuple[int, int],
        region: tuple[slice, slice],
    ) -> None:
        """Copy what segment ``number`` and the region share into ``target`` (C, h, w)."""
        top, left = place[0] * self._length, place[1] * self._width
        rows, columns = region
        y0, y1 = max(rows.start, top), min(rows.stop, top + self._length)
        x0, x1 = max(columns.start, left), min(columns.stop, left + self._width)
        part = self._segment(number)[y0 - top : y1 - top, x0 - left : x1 - left]
        target[:, y0 - rows.start : y1 - rows.start, x0 - columns.start : x1 - columns.start] = (
            part.transpose(2, 0, 1)
        )

    def _decode(self, number: int) -> NDArray[Any]:
        """One segment as ``(h, w, samples)``; strips at the lower end may be shorter."""
        page, keyframe = self._page, self._page.keyframe
        tables = {}
        if keyframe.compression == JPEG:
            check_jpeg_segment(page, number, where=self._path)
            tables = {"jpegtables": page.jpegtables, "jpegheader": keyframe.jpegheader}
        offset, count = page.dataoffsets[number], page.databytecounts[number]
        (data, _), *_ = page.parent.filehandle.read_segments([offset], [count])
        decoded = keyframe.decode(data, number, **tables)[0]
        if decoded is None:
            raise ImageError("a strip or tile is missing", where=self._path, remedy=DAMAGED)
        segment: NDArray[Any] = decoded[0]
        return segment
