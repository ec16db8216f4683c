"""The plane of an image layer that a model looks at, read region by region.

A layer may be a stack of any depth, colours, a pyramid, and lie on disk: its last two axes (before
the colours) are the plane, of a pyramid the finest level is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellwright.errors import ImageError
from cellwright.images.picture import supported_pixels, without_opaque_alpha
from cellwright.images.scale import edge_um
from cellwright.inference.source import ArraySource, PixelSource
from cellwright.types import IMAGE_DTYPES, Image

PLACING = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
"""Settings of a layer that say where it lies."""


@dataclass(frozen=True, eq=False)
class Plane:
    """One plane of an image layer.

    Attributes:
        name: of the layer.
        source: its pixels.
        index: place of the plane in the axes before the last two; empty where there are none.
        pixel_size_um: as the layer's scale says, None where its unit is no length.
        placing: the layer's settings of :data:`PLACING`.
    """

    name: str
    source: PixelSource
    index: tuple[int, ...]
    pixel_size_um: float | None
    placing: Mapping[str, Any]


def plane_of(data: Any, settings: Mapping[str, Any], index: Sequence[int] | None = None) -> Plane:
    """The plane of a layer.

    Args:
        data: an array ``(..., H, W)``, or ``(..., H, W, 3 or 4)`` of colours; of a pyramid a
            sequence of such, the finest first.
        settings: of the layer, as ``layer.as_layer_data_tuple()`` gives them.
        index: which of a stack; None where there must be one plane only.

    Raises:
        ImageError: no such plane, or one that no model can be given.
    """
    name = str(settings.get("name") or "image")
    array = data[0] if settings.get("multiscale") else data
    colours = bool(settings.get("rgb"))
    stacked = tuple(array.shape)[: -3 if colours else -2]
    if array.ndim < (3 if colours else 2):
        raise ImageError(f"has the shape {array.shape}: no rows and columns", where=name)
    place = tuple(index or ())
    if index is None and all(edge == 1 for edge in stacked):
        place = (0,) * len(stacked)
    if len(place) != len(stacked) or any(
        not 0 <= at < edge for at, edge in zip(place, stacked, strict=True)
    ):
        raise ImageError(
            f"is a stack of {' x '.join(map(str, stacked)) or 'no'} planes, and {place or 'one'} "
            "of them is wanted",
            where=name,
            remedy="choose one plane, or duplicate the one that is meant as a layer of its own",
        )
    return Plane(
        name=name,
        source=_source(array, place, colours=colours, where=name),
        index=place,
        pixel_size_um=_pixel_size_um(settings, name),
        placing={key: settings[key] for key in PLACING if settings.get(key) is not None},
    )


def whole(plane: Plane) -> Image:
    """All pixels of a plane, ``(C, H, W)``."""
    _, height, width = plane.source.shape
    return plane.source.read_region(0, 0, height, width)


class _LayerSource:
    """A plane whose type needs no change: only what is asked for is read."""

    def __init__(self, array: Any, index: tuple[int, ...], *, colours: bool, where: str) -> None:
        self._array, self._index, self._colours, self._where = array, index, colours, Path(where)
        height, width = array.shape[len(index) : len(index) + 2]
        self.shape = (int(array.shape[-1]) if colours else 1, int(height), int(width))
        self.dtype: np.dtype[Any] = np.dtype(array.dtype)

    def read_region(self, y0: int, x0: int, y1: int, x1: int) -> Image:
        """Pixels ``(C, y1 - y0, x1 - x0)``."""
        region = np.asarray(self._array[(*self._index, slice(y0, y1), slice(x0, x1))])
        planes = np.moveaxis(region, -1, 0) if self._colours else region[None]
        return supported_pixels(np.ascontiguousarray(planes), where=self._where)


def _source(array: Any, index: tuple[int, ...], *, colours: bool, where: str) -> PixelSource:
    lazy = _LayerSource(array, index, colours=colours, where=where)
    opaque = not colours or array.shape[-1] != 4
    if opaque and lazy.dtype in IMAGE_DTYPES:
        return lazy
    # What type keeps the values, and whether all is opaque, only the whole plane tells.
    _, height, width = lazy.shape
    pixels = lazy.read_region(0, 0, height, width)
    return ArraySource(pixels if opaque else without_opaque_alpha(pixels, where=Path(where)))


def _pixel_size_um(settings: Mapping[str, Any], name: str) -> float | None:
    scale, units = settings.get("scale"), settings.get("units")
    if scale is None or units is None or isinstance(units, str):
        return None
    (height, width), (down, across) = scale[-2:], map(str, units[-2:])
    return edge_um((float(width), across), (float(height), down), where=Path(name))
