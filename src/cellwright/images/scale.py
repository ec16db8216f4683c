"""What a TIFF's metadata says about pixel size and channel names.

Believed are OME-XML, ImageJ with a unit of length, Zeiss LSM and MetaMorph. The plain
TIFF resolution tags are not: most writers fill them with the dots per inch of a screen.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import tifffile

from cellwright.errors import ImageError

_UM_PER_UNIT = {
    "pm": 1e-6,
    "Å": 1e-4,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "µm": 1.0,
    "um": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "mm": 1e3,
    "millimeter": 1e3,
    "cm": 1e4,
    "centimeter": 1e4,
    "m": 1e6,
    "meter": 1e6,
    "in": 25400.0,
    "inch": 25400.0,
}
# Pixels whose edges differ by more than this are not square.
_SQUARE_TOLERANCE = 0.01


def pixel_size_um(tif: tifffile.TiffFile, series: int, *, where: Path) -> float | None:
    """Edge length of a pixel of an image in the file, in micrometres; None if it is not said.

    Raises:
        ImageError: the pixels are not square, so that no single number describes them.
    """
    return _square(*(_ome_size(tif, series) or _imagej_size(tif) or _vendor_size(tif)), where=where)


def edge_um(width: tuple[object, str], height: tuple[object, str], *, where: Path) -> float | None:
    """Edge length of a pixel in micrometres from its width and height, each a value and a unit.

    >>> edge_um((3.25e-7, "m"), ("325", "nm"), where=Path("a.czi"))
    0.325

    Returns:
        None where a value or unit is no length.

    Raises:
        ImageError: the pixels are not square.
    """
    return _square(_micrometres(*width), _micrometres(*height), where=where)


def _square(width: float | None, height: float | None, *, where: Path) -> float | None:
    if width is None or height is None:
        return None
    if abs(width - height) > _SQUARE_TOLERANCE * max(width, height):
        raise ImageError(
            f"the pixels are not square ({width:g} x {height:g} µm)",
            where=where,
            remedy="resample the image to square pixels, or correct its metadata",
        )
    return width


def channel_names(tif: tifffile.TiffFile, series: int, channels: int) -> tuple[str, ...]:
    """One name a channel, or empty where the file does not name exactly ``channels``."""
    described = _ome_pixels(tif, series).get("Channel", [])
    listed = described if isinstance(described, list) else [described]
    names = [str(channel.get("Name", "")) for channel in listed]
    if tif.is_imagej and tif.imagej_metadata:
        names = [str(label) for label in tif.imagej_metadata.get("Labels") or ()]
    return tuple(names) if len(names) == channels and all(names) else ()


_Size = tuple[float | None, float | None]


def _micrometres(value: object, unit: str) -> float | None:
    """A length in micrometres; None for a unit that is no length or a value that is no size."""
    factor = _UM_PER_UNIT.get(unit.replace("μ", "µ").replace("\\u00B5", "µ").strip())
    try:
        size = float(str(value)) * (factor or 0.0)
    except ValueError:
        return None
    return size if math.isfinite(size) and size > 0 else None


def _ome_pixels(tif: tifffile.TiffFile, series: int) -> dict[str, Any]:
    """The ``Pixels`` element of an image in OME-XML, empty where there is none."""
    if not tif.is_ome or not tif.ome_metadata:
        return {}
    images = tifffile.xml2dict(tif.ome_metadata).get("OME", {}).get("Image", [])
    listed = images if isinstance(images, list) else [images]
    pixels: dict[str, Any] = listed[series].get("Pixels", {}) if series < len(listed) else {}
    return pixels


def _ome_size(tif: tifffile.TiffFile, series: int) -> _Size | None:
    pixels = _ome_pixels(tif, series)
    if "PhysicalSizeX" not in pixels or "PhysicalSizeY" not in pixels:
        return None
    width, height = (
        _micrometres(pixels[f"PhysicalSize{axis}"], pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        for axis in "XY"
    )
    return width, height


def _imagej_size(tif: tifffile.TiffFile) -> _Size | None:
    if not tif.is_imagej or not tif.imagej_metadata:
        return None
    unit = str(tif.imagej_metadata.get("unit", ""))
    tags = tif.pages.first.tags
    sizes: list[float | None] = []
    for tag in ("XResolution", "YResolution"):
        pixels, units = tags[tag].value if tag in tags else (0, 1)
        sizes.append(_micrometres(units / pixels, unit) if pixels else None)
    return sizes[0], sizes[1]


def _vendor_size(tif: tifffile.TiffFile) -> _Size:
    if tif.is_lsm and tif.lsm_metadata:
        metadata = tif.lsm_metadata
        return _micrometres(metadata["VoxelSizeX"], "m"), _micrometres(metadata["VoxelSizeY"], "m")
    if tif.is_metaseries and tif.metaseries_metadata:
        plane = tif.metaseries_metadata.get("PlaneInfo", {})
        unit = str(plane.get("spatial-calibration-units", ""))
        return (
            _micrometres(plane.get("spatial-calibration-x"), unit),
            _micrometres(plane.get("spatial-calibration-y"), unit),
        )
    return None, None
