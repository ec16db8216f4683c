"""Outlines as a zip of ImageJ regions of interest, which Fiji's ROI Manager opens.

The binary layout is that of ImageJ's own reader, ``ij.io.RoiDecoder`` (public domain): a header
of 64 bytes, big-endian, then the corners, a second header and the name in UTF-16. A cell is a
polygon with whole coordinates relative to its bounding box; a box is a rectangle with fractions
of a pixel. An ImageJ polygon has no holes: they are filled. A cell in several parts becomes
several regions, named after the cell.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cellwright.errors import ImageError
from cellwright.images.outlines import Outline, Ring
from cellwright.images.write import atomic_path

LARGEST_PX = 32_767
"""The format counts pixels in 16 bits."""

_VERSION = 227
_POLYGON, _RECTANGLE = 0, 1
_SUB_PIXEL = 128
_HEADER, _HEADER2 = 64, 64
_YEAR_ZERO = (1980, 1, 1, 0, 0, 0)
"""Time of every file in the zip, so that the same cells give the same bytes."""


def write_roi_zip(path: Path, outlines: Iterable[Outline]) -> None:
    """Write one region a part of a cell; without cells, an empty archive.

    Raises:
        ImageError: a cell beyond what 16 bits can count.
    """
    regions = [
        (name, roi_bytes(part.outer, name, is_box=one.is_box))
        for one in outlines
        for part, name in zip(one.parts, _names(one), strict=True)
    ]
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in regions:
            entry = zipfile.ZipInfo(f"{name}.roi", _YEAR_ZERO)
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)


def check_size(height: int, width: int) -> None:
    """Refuse an image whose cells the format cannot place.

    Raises:
        ImageError: an edge beyond :data:`LARGEST_PX`.
    """
    if max(height, width) > LARGEST_PX:
        raise ImageError(
            f"ImageJ's regions reach {LARGEST_PX} px, the image has {width} x {height}",
            remedy="write --outlines geojson",
        )


def _names(one: Outline) -> list[str]:
    """``0012-live``, and ``0012-live-2`` for a second part; no character a file cannot have."""
    base = "".join(c if c.isalnum() or c in "._-" else "_" for c in one.class_name)
    first = f"{one.label:04d}-{base}"
    return [first if n == 1 else f"{first}-{n}" for n in range(1, len(one.parts) + 1)]


def roi_bytes(ring: Ring, name: str, *, is_box: bool = False) -> bytes:
    """One region: a polygon with whole corners, or the rectangle of a box.

    Raises:
        ImageError: as :func:`write_roi_zip`.
    """
    x0, y0 = ring.min(axis=0).tolist()
    x1, y1 = ring.max(axis=0).tolist()
    if max(x1, y1) > LARGEST_PX or min(x0, y0) < 0:
        check_size(int(np.ceil(y1)), int(np.ceil(x1)))
    left, top = int(np.floor(x0)), int(np.floor(y0))
    right, bottom = int(np.ceil(x1)), int(np.ceil(y1))
    n_corners = 0 if is_box else len(ring)
    header = struct.pack(
        ">4shBxhhhhH4f",
        b"Iout",
        _VERSION,
        _RECTANGLE if is_box else _POLYGON,
        *(top, left, bottom, right),
        n_corners,
        *((x0, y0, x1 - x0, y1 - y0) if is_box else (0.0, 0.0, 0.0, 0.0)),
    )
    corners = b""
    if not is_box:
        relative = np.rint(ring - (left, top)).astype(">i2")
        corners = relative[:, 0].tobytes() + relative[:, 1].tobytes()
    offset = _HEADER + len(corners)
    # Stroke, colours, subtype, then options, arrow, arc, position, place of the second header.
    header += struct.pack(">hiiihh2xhii", 0, 0, 0, 0, 0, _SUB_PIXEL if is_box else 0, 0, 0, offset)
    header2 = struct.pack(">iiiiii", 0, 0, 0, 0, offset + _HEADER2, len(name))
    return header + corners + header2.ljust(_HEADER2, b"\0") + name.encode("utf-16-be")
