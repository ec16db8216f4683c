"""Outlines as a zip of ImageJ regions of interest, which Fiji's ROI Manager opens.

The binary layout is that of ImageJ's own reader, ``ij.io.RoiDecoder`` (public domain): a header
of 64 bytes, big-endian, then the shape, a second header and the name in UTF-16. A cell is one
region: a polygon with whole coordinates relative to its bounding box, or, where it has holes or
several parts, a composite of straight lines filled by the even-odd rule. A box is a rectangle with
fractions of a pixel.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ImageError
from cellwright.images.outlines import Outline, Ring
from cellwright.images.write import atomic_path

LARGEST_PX = 32_767
"""The format counts pixels in 16 bits."""

_VERSION = 227
_POLYGON, _RECTANGLE = 0, 1
_SUB_PIXEL = 128
_HEADER, _HEADER2 = 64, 64
_MOST_CORNERS = 65_535
_MOVE_TO, _LINE_TO, _CLOSE = 0.0, 1.0, 4.0
_YEAR_ZERO = (1980, 1, 1, 0, 0, 0)
"""Time of every file in the zip, so that the same cells give the same bytes."""


class _Shape(NamedTuple):
    """What a region holds beside its bounding box and name."""

    kind: int
    content: bytes = b""
    n_corners: int = 0
    n_values: int = 0
    rectangle: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    options: int = 0


def write_roi_zip(path: Path, outlines: Iterable[Outline]) -> None:
    """Write one region a cell; without cells, an empty archive.

    Raises:
        ImageError: a cell beyond what 16 bits can count.
    """
    regions = [(region_name(one.label, one.class_name), roi_bytes(one)) for one in outlines]
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in regions:
            entry = zipfile.ZipInfo(f"{name}.roi", _YEAR_ZERO)
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)


def check_size(
    height: int, width: int, *, where: object = None, remedy: str = "write --outlines geojson"
) -> None:
    """Refuse an image whose cells the format cannot place.

    Raises:
        ImageError: an edge beyond :data:`LARGEST_PX`.
    """
    if max(height, width) > LARGEST_PX:
        raise ImageError(
            f"ImageJ's regions reach {LARGEST_PX} px, the image has {width} x {height}",
            where=where,
            remedy=remedy,
        )


def region_name(label: int, class_name: str) -> str:
    """What a cell's region is called.

    >>> region_name(12, "ant eater")
    '0012-ant_eater'
    """
    return f"{label:04d}-{plain_class(class_name)}"


def plain_class(class_name: str) -> str:
    """A class's name without characters that a file cannot have in its own."""
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in class_name)


def roi_bytes(one: Outline) -> bytes:
    """The region of a cell: a polygon, a composite with holes or parts, or a box's rectangle.

    Raises:
        ImageError: as :func:`write_roi_zip`.
    """
    rings = tuple(ring for part in one.parts for ring in (part.outer, *part.holes))
    corners = np.concatenate(rings)
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    if max(x1, y1) > LARGEST_PX or min(x0, y0) < 0:
        check_size(int(np.ceil(y1)), int(np.ceil(x1)))
    left, top = int(np.floor(x0)), int(np.floor(y0))
    right, bottom = int(np.ceil(x1)), int(np.ceil(y1))
    if one.is_box:
        shape = _Shape(_RECTANGLE, rectangle=(x0, y0, x1 - x0, y1 - y0), options=_SUB_PIXEL)
    elif len(rings) == 1 and len(corners) <= _MOST_CORNERS:
        relative = np.rint(corners - (left, top)).astype(">i2")
        content = relative[:, 0].tobytes() + relative[:, 1].tobytes()
        shape = _Shape(_POLYGON, content, n_corners=len(corners))
    else:
        path = np.concatenate([_path(ring) for ring in rings]).astype(">f4")
        shape = _Shape(_RECTANGLE, path.tobytes(), n_values=len(path))
    return _packed(shape, (top, left, bottom, right), region_name(one.label, one.class_name))


def _path(ring: Ring) -> NDArray[np.float64]:
    """A closed ring as steps of a pen, ``(3N + 1,)``: a command and its corner, then the end."""
    steps = np.column_stack([np.full(len(ring), _LINE_TO), ring])
    steps[0, 0] = _MOVE_TO
    return np.append(steps.ravel(), _CLOSE)


def _packed(shape: _Shape, bounds: tuple[int, int, int, int], name: str) -> bytes:
    header = struct.pack(
        ">4shBxhhhhH4f",
        *(b"Iout", _VERSION, shape.kind),
        *(*bounds, shape.n_corners, *shape.rectangle),
    )
    offset = _HEADER + len(shape.content)
    text = name.encode("utf-16-be")
    # Stroke, size of a composite, colours, subtype, then options, arrow, arc, position, place of
    # the second header.
    header += struct.pack(">hiiihh2xhii", 0, shape.n_values, 0, 0, 0, shape.options, 0, 0, offset)
    header2 = struct.pack(">iiiiii", 0, 0, 0, 0, offset + _HEADER2, len(text) // 2)
    return header + shape.content + header2.ljust(_HEADER2, b"\0") + text
