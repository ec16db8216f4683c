"""Leica LIF files to scenes, one an image or tile, read by liffile (Christoph Gohlke, BSD)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import MissingExtraError
from cellwright.images.picture import check_size
from cellwright.images.scale import edge_um
from cellwright.images.scenes.scene import Scene, opened, refuse_other_axes

_DESCRIPTION = "./Data/Image/ImageDescription"
_X, _Y = "1", "2"
"""Leica's numbers of the axes."""


def open_lif(path: Path, *, max_pixels: int) -> AbstractContextManager[tuple[Scene, ...]]:
    """The images of a LIF file, of a tile scan each tile; open while the block runs.

    Raises:
        MissingExtraError: liffile is not installed.
        ImageError: damaged, too large, or of axes that are not supported.
    """
    try:
        import liffile  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("liffile", "bio") from error
    scenes_in = partial(_scenes, path=path, max_pixels=max_pixels)
    return opened(path, lambda: liffile.LifFile(path), scenes_in)


def _scenes(file: Any, path: Path, max_pixels: int) -> Iterator[Scene]:
    for image in file.images:
        yield from _tiles(image, path, max_pixels)


def _tiles(image: Any, path: Path, max_pixels: int) -> Iterator[Scene]:
    sizes = dict(image.sizes)
    others = {axis: size for axis, size in sizes.items() if axis != "M"}
    refuse_other_axes(others, others.values(), where=path)
    shape = (sizes.get("C", 1) * sizes.get("S", 1), sizes["Y"], sizes["X"])
    check_size(shape, max_pixels=max_pixels, where=path)
    names = _channel_names(image)
    n_tiles = sizes.get("M", 1)
    for tile in range(n_tiles):
        yield Scene(
            shape=shape,
            n_times=sizes.get("T", 1),
            n_depths=sizes.get("Z", 1),
            read=partial(_read, image, sizes, tile),
            where=path,
            name=image.path if n_tiles == 1 else f"{image.path} tile {tile + 1}",
            pixel_size_um=_pixel_size_um(image, path),
            channel_names=names if len(names) == shape[0] and all(names) else (),
        )


def _read(image: Any, sizes: dict[str, int], tile: int, time: int, depth: int) -> NDArray[Any]:
    at = {"M": tile, "T": time, "Z": depth}
    place = {axis: index for axis, index in at.items() if axis in sizes}
    planes = []
    for channel in range(sizes.get("C", 1)):
        of_channel = {"C": channel} if "C" in sizes else {}
        frame = np.asarray(image.frame(**place, **of_channel))
        planes.append(np.atleast_3d(frame).transpose(2, 0, 1))
    return np.concatenate(planes)


def _channel_names(image: Any) -> tuple[str, ...]:
    """Of the dyes where they are told, else of the colours they are shown in."""
    names = []
    for channel in image.xml_element.findall(f"{_DESCRIPTION}/Channels/ChannelDescription"):
        told = {
            one.findtext("Key"): one.findtext("Value") for one in channel.findall("ChannelProperty")
        }
        names.append(str(told.get("DyeName") or channel.attrib.get("LUTName", "")))
    return tuple(names)


def _pixel_size_um(image: Any, path: Path) -> float | None:
    """A length goes from the middle of the first pixel to the middle of the last."""
    edges: dict[str, tuple[object, str]] = {}
    for axis in image.xml_element.findall(f"{_DESCRIPTION}/Dimensions/DimensionDescription"):
        count = int(axis.attrib["NumberOfElements"])
        if count > 1:
            step = float(axis.attrib["Length"]) / (count - 1)
            edges[axis.attrib["DimID"]] = (step, axis.attrib["Unit"])
    if not {_X, _Y} <= set(edges):
        return None
    return edge_um(edges[_X], edges[_Y], where=path)
