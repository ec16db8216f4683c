"""TIFF stacks to scenes: OME-TIFF, ImageJ hyperstacks, LSM, pages that nobody named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from cellwright.errors import ImageError
from cellwright.images.headers import DAMAGED
from cellwright.images.scale import channel_names, pixel_size_um
from cellwright.images.scenes.scene import Scene, refuse_other_axes
from cellwright.images.tiff import (
    JPEG,
    as_light,
    channels_first,
    check_jpeg_segment,
    check_segments,
    pages_of,
    plane_shape,
    tiff_errors,
    whole_images,
)
from cellwright.images.tiff_directories import check_directories

_UNNAMED = "IQ"
"""Axes of pages of which the file does not say what they are: taken as times."""


@contextmanager
def open_tiff_scenes(path: Path, *, max_pixels: int) -> Iterator[tuple[Scene, ...]]:
    """The images of a TIFF that are no thumbnail or label, each with its planes.

    Raises:
        ImageError: damaged, too large, or stored in a way that is not supported.
    """
    check_directories(path)
    with tiff_errors(path):
        tif = tifffile.TiffFile(path)
    with tif:
        with tiff_errors(path):
            scenes = tuple(
                _scene(tif, index, path, max_pixels=max_pixels) for index in whole_images(tif)
            )
        yield scenes


def _scene(tif: tifffile.TiffFile, index: int, path: Path, *, max_pixels: int) -> Scene:
    series = tif.series[index]
    axes, sizes = _kept_axes(series)
    refuse_other_axes(axes, sizes, where=path)
    shape = plane_shape(series, max_pixels=max_pixels, where=path)
    stored = _stored(series, axes, sizes, path)
    lengths = dict(zip(axes, sizes, strict=True))

    def read(time: int, depth: int) -> NDArray[Any]:
        with tiff_errors(path):
            return as_light(stored(time, depth), series.keyframe, tif, where=path)

    return Scene(
        shape=shape,
        n_times=lengths.get("T", 1),
        n_depths=lengths.get("Z", 1),
        read=read,
        where=path,
        name=series.name,
        pixel_size_um=pixel_size_um(tif, index, where=path),
        channel_names=channel_names(tif, index, shape[0]),
    )


def _kept_axes(series: tifffile.TiffPageSeries) -> tuple[str, tuple[int, ...]]:
    """Axes and their lengths without those of one place, unnamed ones side by side as one.

    Pages of unknown kind count as times where nothing else does.
    """
    kept: list[tuple[str, int]] = []
    for axis, size in zip(series.axes, series.shape, strict=True):
        if size == 1 and axis not in "YX":
            continue
        if kept and axis in _UNNAMED and kept[-1][0] in _UNNAMED:
            kept[-1] = (axis, kept[-1][1] * size)
        else:
            kept.append((axis, size))
    axes = "".join(axis for axis, _ in kept)
    unnamed = [axis for axis in axes if axis in _UNNAMED]
    if len(unnamed) == 1 and "T" not in axes:
        axes = axes.replace(unnamed[0], "T")
    return axes, tuple(size for _, size in kept)


def _stored(
    series: tifffile.TiffPageSeries, axes: str, sizes: tuple[int, ...], path: Path
) -> Callable[[int, int], NDArray[Any]]:
    """What reads a plane ``(C, H, W)`` as it is stored."""
    pages = pages_of(series, where=path)
    for page in pages:
        check_segments(page, where=path)
    keyframe = series.keyframe
    if series.dataoffset is not None and keyframe.is_memmappable:
        return partial(_from_array, series.asarray(out="memmap").reshape(sizes), axes)
    in_page = [
        axis
        for axis, size in zip(keyframe.axes, keyframe.shape, strict=True)
        if size > 1 or axis in "YX"
    ]
    leading = axes[: len(axes) - len(in_page)]
    lengths = sizes[: len(leading)]
    if prod(lengths) != len(pages):
        raise ImageError("its metadata contradict its pages", where=path, remedy=DAMAGED)
    places = np.arange(len(pages)).reshape(lengths)
    return partial(_from_pages, pages, places, leading, path)


def _from_array(array: NDArray[Any], axes: str, time: int, depth: int) -> NDArray[Any]:
    at = {"T": time, "Z": depth}
    plane = array[tuple(at.get(axis, slice(None)) for axis in axes)]
    return channels_first(plane, "".join(axis for axis in axes if axis not in at))


def _from_pages(
    pages: list[Any], places: NDArray[np.int64], leading: str, path: Path, time: int, depth: int
) -> NDArray[Any]:
    at = {"T": time, "Z": depth}
    numbers = places[tuple(at.get(axis, slice(None)) for axis in leading)].ravel()
    planes = []
    for page in (pages[number] for number in numbers):
        if page.keyframe.compression == JPEG:
            for segment in range(len(page.dataoffsets)):
                check_jpeg_segment(page, segment, where=path)
        planes.append(channels_first(page.asarray(), page.keyframe.axes))
    return np.concatenate(planes)
