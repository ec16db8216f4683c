"""TIFF, OME-TIFF, ImageJ and LSM files to pixels: one image of one plane, any channels.

Imported only once a file is known to be a TIFF, since tifffile need not be loaded for
anything else. Like every reader here it ignores orientation tags. ImageJ's look-up
tables (palettes, inversion) are ignored too: there they change the display, not the data.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from cellwright.errors import CellwrightError, ImageError
from cellwright.images.headers import CONVERT, DAMAGED, UNPACK, jpeg_header, jpeg_is_whole
from cellwright.images.picture import (
    Picture,
    check_size,
    supported_pixels,
    without_opaque_alpha,
)
from cellwright.images.scale import channel_names, pixel_size_um
from cellwright.images.tiff_directories import check_directories

# As in raster.py: a library's warnings reach only a program that configures logging.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE, YCBCR = 0, 1, 2, 3, 6
JPEG = 7
# Codecs whose output cannot grow past the size asked for: none, CCITT, LZW, JPEG (checked
# apart), Deflate, PackBits, LZMA, Zstandard.
_BOUNDED_CODECS = {1, 2, 3, 4, 5, JPEG, 8, 32946, 32773, 34925, 34926, 50000}
_SIDE_IMAGES = {"thumbnail", "label", "macro", "map", "overview"}
_AXIS_NAMES = {"Z": "focus (Z)", "T": "time (T)"}


@contextmanager
def tiff_errors(path: Path) -> Iterator[None]:
    """Whatever tifffile raises on a damaged file, as an ``ImageError`` that names it."""
    try:
        yield
    except CellwrightError:
        raise
    except Exception as error:  # tifffile and its codecs raise many types on hostile bytes
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ImageError(
            f"the TIFF cannot be read ({reason})", where=path, remedy=DAMAGED
        ) from error


def read_tiff(path: Path, *, max_pixels: int, series: int | None) -> Picture:
    """Decode one image of a TIFF file.

    Raises:
        ImageError: damaged, too large, with several images or planes, or not supported.
    """
    check_directories(path)
    with tiff_errors(path), tifffile.TiffFile(path) as tif:
        index = choose_series(tif, series, where=path)
        chosen = tif.series[index]
        shape = check_layout(chosen, max_pixels=max_pixels, where=path)
        for page in pages_of(chosen, where=path):
            check_segments(page, where=path)
            if page.keyframe.compression == JPEG:
                for number in range(len(page.dataoffsets)):
                    check_jpeg_segment(page, number, where=path)
        pixels = channels_first(chosen.asarray(), chosen.axes)
        pixels = as_light(pixels, chosen.keyframe, tif, where=path)
        return Picture(
            supported_pixels(np.ascontiguousarray(pixels), where=path),
            chosen.axes,
            pixel_size_um(tif, index, where=path),
            channel_names(tif, index, min(shape[0], len(pixels))),
        )


def choose_series(tif: tifffile.TiffFile, series: int | None, *, where: Path) -> int:
    """Index of the image asked for, or of the only one that is no thumbnail or label.

    Raises:
        ImageError: there are several, or none of that number.
    """
    count = len(tif.series)
    if series is not None:
        if not 0 <= series < count:
            raise ImageError(
                f"holds {count} images, none of number {series}",
                where=where,
                remedy=f"choose series from 0 to {count - 1}",
            )
        return series
    whole = whole_images(tif)
    if len(whole) != 1:
        raise ImageError(
            f"holds {len(whole) or 'no'} images{' of different kind or position' if whole else ''}",
            where=where,
            remedy="save the one you mean in a file of its own, or choose it with series=",
        )
    return whole[0]


def whole_images(tif: tifffile.TiffFile) -> list[int]:
    """Indices of the images that are no thumbnail, label or smaller copy."""
    return [
        index
        for index, series in enumerate(tif.series)
        if not series.keyframe.is_reduced and series.name.lower() not in _SIDE_IMAGES
    ]


def check_layout(
    series: tifffile.TiffPageSeries, *, max_pixels: int, where: Path
) -> tuple[int, int, int]:
    """``(C, H, W)`` as stored, once it is known that this image can be decoded.

    Raises:
        ImageError: several planes, parts in other files, an unsupported type, codec or colour
            model, or too many pixels.
    """
    sizes = list(zip(series.axes, series.shape, strict=True))
    planes = [(axis, size) for axis, size in sizes if axis not in "CSYX" and size > 1]
    if planes:
        named = ", ".join(f"{size} in {_AXIS_NAMES.get(a, f'pages ({a})')}" for a, size in planes)
        raise ImageError(
            f"holds several planes: {named}",
            where=where,
            remedy=f"{UNPACK}; pages that are channels become so in Fiji: Image > Hyperstacks > "
            "Stack to Hyperstack",
        )
    shape = plane_shape(series, max_pixels=max_pixels, where=where)
    if prod(series.shape) != prod(shape):
        raise ImageError("its metadata contradict its pages", where=where, remedy=DAMAGED)
    return shape


def plane_shape(
    series: tifffile.TiffPageSeries, *, max_pixels: int, where: Path
) -> tuple[int, int, int]:
    """``(C, H, W)`` of one plane, once it is known that planes of this image can be decoded.

    Raises:
        ImageError: parts in other files, an unsupported type, codec or colour model, or too many
            pixels.
    """
    keyframe = series.keyframe
    n_channels = _channel_count(series, where=where)
    _check_coding(series, where=where)
    shape = (n_channels, keyframe.imagelength, keyframe.imagewidth)
    check_size(shape, max_pixels=max_pixels, where=where)
    if prod(keyframe.chunks) > max_pixels:
        raise ImageError("is stored in tiles beyond the size limit", where=where, remedy=CONVERT)
    return shape


def _channel_count(series: tifffile.TiffPageSeries, *, where: Path) -> int:
    """Channels, or colours, of a plane.

    Raises:
        ImageError: each channel holds colours.
    """
    sizes = zip(series.axes, series.shape, strict=True)
    channels = [size for axis, size in sizes if axis in "CS" and size > 1]
    if len(channels) > 1:
        raise ImageError(
            f"holds {channels[0]} x {channels[1]} colours and channels in one",
            where=where,
            remedy="save each channel in grey, as a channel of its own",
        )
    return prod(channels)


def _check_coding(series: tifffile.TiffPageSeries, *, where: Path) -> None:
    """Refuse what cannot be decoded safely.

    Raises:
        ImageError: parts in other files, or an unsupported type, codec or colour model.
    """
    if series.is_multifile:
        raise ImageError(
            "is one part of an image that is spread over several files",
            where=where,
            remedy="open the set in Fiji and save each image as one OME-TIFF",
        )
    keyframe = series.keyframe
    compression, photometric = int(keyframe.compression), int(keyframe.photometric)
    if compression not in _BOUNDED_CODECS:
        raise ImageError(
            f"is compressed as {_name(keyframe.compression)}, which is not supported",
            where=where,
            remedy="save it uncompressed, or with LZW or Deflate (ZIP)",
        )
    if photometric > PALETTE and not (photometric == YCBCR and compression == JPEG):
        raise ImageError(
            f"is stored in colours of type {_name(keyframe.photometric)}, which is not supported",
            where=where,
            remedy="convert it to RGB or grey",
        )
    if keyframe.tiledepth > 1:
        raise ImageError("is stored in tiles with depth", where=where, remedy=CONVERT)
    if keyframe.dtype is None or keyframe.dtype.kind not in "biuf":
        raise ImageError(
            f"pixels of type {keyframe.dtype or 'unknown'} are not supported",
            where=where,
            remedy="save magnitude or intensity with 8, 16 or 32 bits",
        )


def _name(code: object) -> str:
    return str(getattr(code, "name", code))


def pages_of(series: tifffile.TiffPageSeries, *, where: Path) -> list[Any]:
    """The pages that hold the image: one, or one a channel.

    Raises:
        ImageError: a page is missing, or the pixels of a page that stands for all of them.
    """
    if series.dataoffset is not None:
        # One stretch of raw pixels, of which only the first page may be described.
        end = series.dataoffset + prod(series.shape) * series.dtype.itemsize
        if end > series.keyframe.parent.filehandle.size:
            raise _cut_short(where)
        return [series[0]]
    pages = [series[number] for number in range(len(series))]
    if any(page is None for page in pages):
        raise ImageError(
            "some of its channels are missing from the file", where=where, remedy=DAMAGED
        )
    return pages


def check_segments(page: Any, *, where: Path) -> None:
    """Refuse a page of which a strip or tile is missing or lies past the end of the file.

    Raises:
        ImageError: as said; tifffile itself would show black instead.
    """
    offsets, counts = page.dataoffsets, page.databytecounts
    expected = 1 if page.keyframe.is_contiguous else prod(page.keyframe.chunked)
    if not len(offsets) == len(counts) >= expected or min((*offsets, *counts)) < 1:
        raise ImageError(
            "strips or tiles of the picture are missing from the file",
            where=where,
            remedy="save it again in full (not sparse); if it was copied, copy it again",
        )
    if max(map(sum, zip(offsets, counts, strict=True))) > page.parent.filehandle.size:
        raise _cut_short(where)


def _cut_short(where: Path) -> ImageError:
    return ImageError("the TIFF ends before its last pixel", where=where, remedy=DAMAGED)


def check_jpeg_segment(page: Any, number: int, *, where: Path) -> None:
    """Refuse a JPEG strip or tile that is cut short, or promises more than its place holds.

    Raises:
        ImageError: as said; the decoder would show grey, or fill memory before it noticed.
    """
    with page.parent.filehandle.lock:
        page.parent.filehandle.seek(page.dataoffsets[number])
        data = page.parent.filehandle.read(page.databytecounts[number])
    header = jpeg_header(io.BytesIO(data), where)
    length, width = page.keyframe.chunks[:2]
    if header.height > length or header.width > width:
        raise ImageError("a JPEG tile is larger than its place", where=where, remedy=DAMAGED)
    if not jpeg_is_whole(data):
        raise ImageError("a JPEG strip or tile is cut short", where=where, remedy=DAMAGED)


def channels_first(array: NDArray[Any], axes: str) -> NDArray[Any]:
    """``(C, H, W)`` view of an array whose axes besides Y, X and one for channels are single."""
    sizes = list(zip(axes, array.shape, strict=True))
    channel = [axis for axis, size in sizes if axis in "CS" and size > 1]
    order = [*channel, "Y", "X"]
    kept = [axis for axis in axes if axis in order]
    index = tuple(slice(None) if axis in order else 0 for axis in axes)
    view = array[index].transpose([kept.index(axis) for axis in order])
    return view if channel else view[None]


def has_alpha(keyframe: tifffile.TiffPage) -> bool:
    """Whether the last sample of each pixel says how opaque it is."""
    return tuple(map(int, keyframe.extrasamples))[-1:] in ((1,), (2,))


def as_light(
    pixels: NDArray[Any], keyframe: tifffile.TiffPage, tif: tifffile.TiffFile, *, where: Path
) -> NDArray[Any]:
    """``(C, H, W)`` in which more is brighter: palettes applied, inversion and alpha undone."""
    photometric = int(keyframe.photometric)
    if photometric == PALETTE and keyframe.colormap is not None and not tif.is_imagej:
        return _coloured(pixels, keyframe.colormap)
    # tifffile marks any 1-bit array it writes (is_shaped) as white-is-zero but stores it as is.
    as_stored = tif.is_imagej or (tif.is_shaped and pixels.dtype.kind == "b")
    if photometric == MIN_IS_WHITE and not as_stored:
        if pixels.dtype.kind not in "bu":
            raise ImageError(
                f"inverted pixels of type {pixels.dtype} are not supported",
                where=where,
                remedy=CONVERT,
            )
        brightest = 1 if pixels.dtype.kind == "b" else 2**keyframe.bitspersample - 1
        inverted: NDArray[Any] = np.asarray(brightest, pixels.dtype) ^ pixels
        return inverted
    if has_alpha(keyframe):
        return without_opaque_alpha(pixels, where=where)
    return pixels


def _coloured(pixels: NDArray[Any], colormap: NDArray[Any]) -> NDArray[Any]:
    """Palette indices ``(1, H, W)`` to ``(3, H, W)``, or to ``(1, H, W)`` where all are grey.

    TIFF palettes hold 16-bit values; most are 8-bit ones times 256 or 257.
    """
    low, high = colormap & 255, colormap >> 8
    if colormap.max() <= 255:
        colours = colormap.astype(np.uint8)
    elif ((low == 0) | (low == high)).all():
        colours = high.astype(np.uint8)
    else:
        colours = colormap
    grey = bool((colours == colours[:1]).all())
    coloured: NDArray[Any] = (colours[:1] if grey else colours)[:, pixels[0]]
    return coloured
