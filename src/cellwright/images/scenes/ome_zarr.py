"""OME-Zarr folders to scenes: single images, series of Bio-Formats, plates of wells and fields.

OME-NGFF (Moore et al., OME-NGFF: a next-generation file format for expanding bioimaging
data-access strategies, Nature Methods 18, 2021), versions 0.1 to 0.5, read by zarr. Of each
pyramid the finest level is read. Codecs are checked first: one of them would run code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ImageError, MissingExtraError
from cellwright.images.headers import CONVERT
from cellwright.images.picture import check_size
from cellwright.images.scale import edge_um
from cellwright.images.scenes.scene import Scene, reading_errors, refuse_other_axes

_AXES_BEFORE_0_4 = ("t", "c", "z", "y", "x")
_CODECS = {
    *("blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd", "shuffle", "delta"),
    *("bytes", "crc32c", "transpose", "sharding_indexed"),
}
_MARKS = (".zgroup", ".zattrs", "zarr.json")


def is_ome_zarr(path: Path) -> bool:
    """Whether a folder is the top of a Zarr hierarchy."""
    return path.is_dir() and any((path / mark).is_file() for mark in _MARKS)


@contextmanager
def open_ome_zarr(path: Path, *, max_pixels: int) -> Iterator[tuple[Scene, ...]]:
    """The images of an OME-Zarr folder, of a plate every field of every well.

    Raises:
        MissingExtraError: zarr is not installed.
        ImageError: no OME-Zarr, damaged, too large, or of axes or codecs that are not supported.
    """
    try:
        import zarr  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("zarr", "bio") from error
    with reading_errors(path):
        top = zarr.open_group(str(path), mode="r")
        scenes = tuple(_scenes(top, path, max_pixels=max_pixels))
    yield scenes


def _scenes(top: Any, path: Path, *, max_pixels: int) -> Iterator[Scene]:
    about = _about(top)
    if "plate" in about:
        for well in about["plate"]["wells"]:
            row, column = str(well["path"]).strip("/").split("/")[-2:]
            fields = _about(top[well["path"]])["well"]["images"]
            for number, field in enumerate(fields, start=1):
                yield _scene(
                    top[f"{well['path']}/{field['path']}"],
                    path,
                    max_pixels=max_pixels,
                    place={"well": f"{row}{column:0>2}", "field": str(number)},
                )
    elif "multiscales" in about:
        yield _scene(top, path, max_pixels=max_pixels, place={})
    elif "bioformats2raw.layout" in about:
        for name in sorted((name for name in top.group_keys() if name.isdigit()), key=int):
            yield _scene(top[name], path, max_pixels=max_pixels, place={"name": name})
    else:
        raise ImageError(
            "is a Zarr folder without an image or plate of OME-Zarr",
            where=path,
            remedy="give the folder that holds 'multiscales' or 'plate' in its attributes",
        )


def _about(group: Any) -> Mapping[str, Any]:
    """What OME-NGFF says of a group; version 0.5 puts it under a key of its own."""
    attributes: dict[str, Any] = group.attrs.asdict()
    ome: dict[str, Any] = attributes.get("ome", attributes)
    return ome


def _scene(group: Any, path: Path, *, max_pixels: int, place: Mapping[str, str]) -> Scene:
    about = _about(group)
    pyramid = about["multiscales"][0]
    finest = pyramid["datasets"][0]
    array = group[finest["path"]]
    names = _axis_names(pyramid, array.ndim)
    sizes = dict(zip(names, array.shape, strict=True))
    refuse_other_axes(names, array.shape, where=path)
    shape = (sizes.get("C", 1), sizes["Y"], sizes["X"])
    check_size(shape, max_pixels=max_pixels, where=path)
    _check_storage(array, path, max_pixels=max_pixels)
    return Scene(
        shape=shape,
        n_times=sizes.get("T", 1),
        n_depths=sizes.get("Z", 1),
        read=partial(_read, array, names),
        where=path,
        pixel_size_um=_pixel_size_um(pyramid, finest, names, path),
        channel_names=_channel_names(about, shape[0]),
        **place,
    )


def _axis_names(pyramid: Mapping[str, Any], n_axes: int) -> tuple[str, ...]:
    """Upper-case letter of each axis; version 0.3 lists names, earlier ones have all five."""
    axes = pyramid.get("axes", _AXES_BEFORE_0_4)
    names = tuple(str(axis["name"] if isinstance(axis, dict) else axis).upper() for axis in axes)
    return names if len(names) == n_axes else names[len(names) - n_axes :]


def _check_storage(array: Any, path: Path, *, max_pixels: int) -> None:
    """Refuse codecs that are not known to be harmless, and chunks beyond the size limit."""
    if array.dtype.kind not in "biuf":
        raise ImageError(f"holds values of type {array.dtype}", where=path, remedy=CONVERT)
    used = set(_codec_names(array.metadata.to_dict()))
    if not used <= _CODECS:
        raise ImageError(
            f"is stored by codecs that are not supported: {', '.join(sorted(used - _CODECS))}",
            where=path,
            remedy=f"write it with one of: {', '.join(sorted(_CODECS))}",
        )
    if prod(array.chunks) > max_pixels:
        raise ImageError("is stored in chunks beyond the size limit", where=path, remedy=CONVERT)


def _codec_names(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Of compressor and filters of Zarr 2, of codecs of Zarr 3 and of those inside a shard."""
    listed = [
        metadata.get("compressor"),
        *(metadata.get("filters") or ()),
        *(metadata.get("codecs") or ()),
    ]
    for codec in listed:
        if codec is None:
            continue
        described = codec if isinstance(codec, Mapping) else codec.get_config()
        yield str(described.get("name", described.get("id"))).removeprefix("numcodecs.")
        inner = described.get("configuration") or {}
        if isinstance(inner, Mapping):
            yield from _codec_names({"codecs": inner.get("codecs")})
            yield from _codec_names({"codecs": inner.get("index_codecs")})


def _read(array: Any, names: tuple[str, ...], time: int, depth: int) -> NDArray[Any]:
    at = {"T": time, "Z": depth}
    plane = np.asarray(array[tuple(at.get(name, slice(None)) for name in names)])
    kept = [name for name in names if name not in at]
    order = [name for name in ("C", "Y", "X") if name in kept]
    plane = plane.transpose([kept.index(name) for name in order])
    return plane if "C" in kept else plane[None]


def _pixel_size_um(
    pyramid: Mapping[str, Any], finest: Mapping[str, Any], names: tuple[str, ...], path: Path
) -> float | None:
    """Of the finest level: its own scale times that of the whole pyramid."""
    scale = np.ones(len(names))
    for steps in (finest, pyramid):
        for step in steps.get("coordinateTransformations", ()):
            if step.get("type") == "scale":
                scale = scale * np.asarray(step["scale"], float)
    axes = pyramid.get("axes", ())
    units = [axis.get("unit", "") if isinstance(axis, dict) else "" for axis in axes]
    if len(units) != len(names):
        return None
    sizes = {name: (scale[index], units[index]) for index, name in enumerate(names)}
    return edge_um(sizes["X"], sizes["Y"], where=path)


def _channel_names(about: Mapping[str, Any], channels: int) -> tuple[str, ...]:
    listed = about.get("omero", {}).get("channels", ())
    names = tuple(str(one.get("label", "")) for one in listed)
    return names if len(names) == channels and all(names) else ()
