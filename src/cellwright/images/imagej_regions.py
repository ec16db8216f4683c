"""ImageJ regions of interest to rings: what Fiji's ROI Manager saves, one region or a zip of them.

Files are decoded by ``roifile`` (BSD-3-Clause, extra ``bio``). Regions with an area become rings on
pixel edges: polygons, freehand and traced ones, rectangles, ovals, and composites with holes or
several parts, each with fractions of a pixel where it has them. What has no area, or a shape that
corners do not tell, is refused by name.
"""

from __future__ import annotations

import importlib
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cellwright.errors import AnnotationError, MissingExtraError
from cellwright.images.outlines import Ring

SUFFIXES = (".roi", ".zip")

MAX_BYTES = 2**30
"""Of all regions of a file together, unpacked."""

OVAL_ERROR_PX = 0.001
"""How far the corners that stand for an oval may be from it."""

MOST_CORNERS = 1 << 14
"""Of an oval: enough for that up to the largest image that the format reaches."""

# Numbers of ``ij.io.RoiDecoder``: types, subtypes, options.
_RECTANGLE, _OVAL = 1, 2
_WITH_CORNERS = (0, 7, 8)
_NO_AREA = {3: "a line", 4: "a line", 5: "a line", 6: "nothing", 9: "an angle", 10: "points"}
_OF_CORNERS = (0, 3, 5)
"""No subtype, an ellipse, a turned rectangle: the file holds their corners too."""
_NO_OUTLINE = {1: "a text", 4: "a picture"}
_SPLINE = 1

_DAMAGED = (ValueError, TypeError, IndexError, OverflowError, RuntimeError, struct.error)
_DAMAGED_ZIP = (OSError, zipfile.BadZipFile, RuntimeError, EOFError, zlib.error)


class Region(NamedTuple):
    """One region.

    Attributes:
        name: as the ROI Manager lists it; may be empty.
        rings: its outline, filled by the even-odd rule.
        place: the file, and the region in it.
    """

    name: str
    rings: tuple[Ring, ...]
    place: str


def read_regions(path: Path) -> Iterator[Region]:
    """The regions of a ``.roi`` file or of a zip of such, in its order.

    Raises:
        AnnotationError: damaged, too large, or a region that has no area or outline.
        MissingExtraError: roifile is not installed.
    """
    if path.suffix.lower() != ".zip":
        yield _region(_content(path), "", str(path))
        return
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _refuse_size(sum(entry.file_size for entry in entries) > MAX_BYTES, path)
            for entry in entries:
                name = Path(entry.filename).name.removesuffix(".roi")
                yield _region(archive.read(entry), name, f"{path}: {entry.filename}")
    except _DAMAGED_ZIP as error:
        raise AnnotationError(
            f"is no zip of regions ({error})",
            where=path,
            remedy="save it again in the ROI Manager: More, Save",
        ) from error


def roi_decoder() -> Any:
    """The package that decodes regions.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module("roifile")
    except ImportError as error:
        raise MissingExtraError("roifile", "bio") from error


def _content(path: Path) -> bytes:
    try:
        _refuse_size(path.stat().st_size > MAX_BYTES, path)
        return path.read_bytes()
    except OSError as error:
        raise AnnotationError(f"cannot be read ({error.strerror})", where=path) from error


def _refuse_size(too_large: bool, path: Path) -> None:
    if too_large:
        raise AnnotationError(
            f"holds more than {MAX_BYTES >> 20} MiB of regions",
            where=path,
            remedy="save fewer regions in a file",
        )


def _region(content: bytes, name: str, place: str) -> Region:
    decoder = roi_decoder()
    try:
        found = decoder.ImagejRoi.frombytes(content)
    except _DAMAGED as error:
        raise AnnotationError(
            f"is no region of ImageJ ({error})", where=place, remedy="save it again in Fiji"
        ) from error
    _refuse(found, place)
    try:
        rings = _rings(found)
    except _DAMAGED as error:
        raise AnnotationError(
            f"its outline cannot be followed ({error})",
            where=place,
            remedy="in Fiji: Edit, Selection, Create Mask, then Create Selection, and add that",
        ) from error
    return Region(found.name or name, rings, place)


def _refuse(found: Any, place: str) -> None:
    """Refuse what is no shape of corners on one plane."""
    kind, subtype = int(found.roitype), int(found.subtype)
    what = None
    if kind not in (*_WITH_CORNERS, _RECTANGLE, _OVAL):
        what = _NO_AREA.get(kind, "a shape that is not known here")
    elif subtype not in _OF_CORNERS:
        what = _NO_OUTLINE.get(subtype, "a shape that is not known here")
    if what is not None:
        raise AnnotationError(
            f"is {what}, not the outline of a cell",
            where=place,
            remedy="remove it, or outline the cell",
        )
    if int(found.options) & _SPLINE or found.rounded_rect_arc_size:
        raise AnnotationError(
            "has curves that its corners do not tell",
            where=place,
            remedy="in Fiji: Edit, Selection, Create Mask, then Create Selection, and add that",
        )
    if max(found.z_position, found.t_position, found.position) > 1:
        raise AnnotationError(
            "belongs to another slice of a stack than the first, and images here have one",
            where=place,
            remedy="save the regions of each slice for its own image, after "
            "ROI Manager, More, Remove Positions",
        )


def _rings(found: Any) -> tuple[Ring, ...]:
    if found.composite:
        paths = found.coordinates(multi=True)
        return tuple(np.asarray(path, np.float64) for path in paths if len(path) > 2)
    if found.roitype in _WITH_CORNERS:
        return (np.asarray(found.coordinates(), np.float64),)
    if found.subpixelrect:
        left, top = found.xd, found.yd
        right, bottom = left + found.widthd, top + found.heightd
    else:
        left, top, right, bottom = found.left, found.top, found.right, found.bottom
    if found.roitype == _OVAL:
        return (_oval(left, top, right, bottom),)
    return (np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64),)


def _oval(left: float, top: float, right: float, bottom: float) -> Ring:
    """Corners on an ellipse, so close that chords are within :data:`OVAL_ERROR_PX` of it."""
    rx, ry = (right - left) / 2, (bottom - top) / 2
    needed = math.ceil(math.pi * math.sqrt(max(rx, ry) / (2 * OVAL_ERROR_PX)))
    n_corners = min(max(32, needed), MOST_CORNERS)
    angle = np.arange(n_corners) * (2 * math.pi / n_corners)
    return np.stack([left + rx * (1 + np.cos(angle)), top + ry * (1 + np.sin(angle))], axis=1)
