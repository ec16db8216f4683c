"""Zeiss CZI files to scenes, by ZEISS' own reader (pylibCZIrw, LGPL), which joins mosaics."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ImageError, MissingExtraError
from cellwright.images.picture import check_size
from cellwright.images.scale import edge_um
from cellwright.images.scenes.scene import Scene, opened, refuse_other_axes

_SAMPLES = {"Gray8": 1, "Gray16": 1, "Gray32Float": 1, "Bgr24": 3, "Bgr48": 3}
_WELL = re.compile(r"([A-P])0?([1-9]|1[0-9]|2[0-4])")


def open_czi(path: Path, *, max_pixels: int) -> AbstractContextManager[tuple[Scene, ...]]:
    """The scenes of a CZI file, mosaics as one picture; open while the block runs.

    Raises:
        MissingExtraError: pylibCZIrw is not installed.
        ImageError: damaged, too large, or of axes or pixel types that are not supported.
    """
    try:
        from pylibCZIrw import czi  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("pylibCZIrw", "bio") from error
    scenes_in = partial(_scenes, path=path, max_pixels=max_pixels)
    return opened(path, lambda: czi.open_czi(str(path)), scenes_in)


def _scenes(document: Any, path: Path, *, max_pixels: int) -> tuple[Scene, ...]:
    box = {axis: int(stop - start) for axis, (start, stop) in document.total_bounding_box.items()}
    refuse_other_axes(box, box.values(), where=path)
    samples = _samples(document, path)
    metadata = document.metadata.get("ImageDocument", {}).get("Metadata", {})
    information = metadata.get("Information", {}).get("Image", {})
    named = _listed(_inside(information, "Dimensions", "S", "Scenes", "Scene"))
    places = document.scenes_bounding_rectangle or {None: document.total_bounding_rectangle}
    found = []
    for number, (index, rectangle) in enumerate(places.items()):
        shape = (box.get("C", 1) * samples, int(rectangle.h), int(rectangle.w))
        check_size(shape, max_pixels=max_pixels, where=path)
        scene = named[number] if len(named) == len(places) else {}
        found.append(
            Scene(
                shape=shape,
                n_times=box.get("T", 1),
                n_depths=box.get("Z", 1),
                read=partial(_read, document, index, rectangle),
                where=path,
                name=str(scene.get("@Name", "")),
                pixel_size_um=_pixel_size_um(metadata, path),
                channel_names=_channel_names(information, shape[0]),
                well=_well(scene),
            )
        )
    return tuple(found)


def _samples(document: Any, path: Path) -> int:
    """Values a pixel holds in each channel: 1, or 3 of colours."""
    kinds = set(document.pixel_types.values())
    if len(kinds) != 1 or not kinds <= set(_SAMPLES):
        raise ImageError(
            f"its channels hold pixels of type {', '.join(sorted(map(str, kinds)))}",
            where=path,
            remedy=f"export them as one of: {', '.join(_SAMPLES)}",
        )
    return _SAMPLES[kinds.pop()]


def _read(document: Any, scene: int | None, rectangle: Any, time: int, depth: int) -> NDArray[Any]:
    first = {axis: start for axis, (start, _) in document.total_bounding_box.items()}
    n_channels = len(document.pixel_types)
    planes = []
    for channel in range(n_channels):
        place = {
            axis: first[axis] + offset
            for axis, offset in (("T", time), ("Z", depth), ("C", channel))
            if axis in first
        }
        roi = (rectangle.x, rectangle.y, rectangle.w, rectangle.h)
        pixels = np.asarray(document.read(roi=roi, plane=place, scene=scene))
        # Colours are stored blue first.
        planes.append(pixels[..., ::-1].transpose(2, 0, 1))
    return np.concatenate(planes)


def _inside(tree: Any, *names: str) -> Any:
    """What lies below ``names`` in nested dictionaries, None where the way ends."""
    for name in names:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def _listed(value: Any) -> list[dict[str, Any]]:
    """Elements of XML, of which a single one is not written as a list."""
    several = value if isinstance(value, list) else [value]
    return [one for one in several if isinstance(one, dict)]


def _pixel_size_um(metadata: dict[str, Any], path: Path) -> float | None:
    sizes = {
        one.get("@Id"): one.get("Value")
        for one in _listed(_inside(metadata, "Scaling", "Items", "Distance"))
    }
    return edge_um((sizes.get("X"), "m"), (sizes.get("Y"), "m"), where=path)


def _channel_names(information: dict[str, Any], channels: int) -> tuple[str, ...]:
    listed = _listed(_inside(information, "Dimensions", "Channels", "Channel"))
    names = tuple(str(one.get("@Name", "")) for one in listed)
    return names if len(names) == channels and all(names) else ()


def _well(scene: dict[str, Any]) -> str:
    """ZEN names the shape that a scene lies in after its well."""
    found = _WELL.fullmatch(str(_inside(scene, "Shape", "@Name") or ""))
    return f"{found[1]}{int(found[2]):02d}" if found else ""
