"""Whether the directories of a TIFF file are whole: the first thing a cut-off file loses.

tifffile skips a tag or page that lies past the end of the file, so that an image of three
channels would quietly become one of one channel. Here the chain of directories is walked
before (TIFF 6.0, section 2; BigTIFF as tifffile and libtiff have it).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cellwright.errors import ImageError
from cellwright.images.headers import DAMAGED

_MAX_DIRECTORIES = 20_000
_TYPE_BYTES = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4,
    10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8,
}  # fmt: skip
# Tags from here on belong to vendors, some of whom write them carelessly.
_FIRST_PRIVATE_TAG = 32768


@dataclass(frozen=True)
class _Layout:
    """Struct formats and sizes in which classic TIFF and BigTIFF differ."""

    count: str
    entry: str
    offset: str
    inline_bytes: int


_CLASSIC = _Layout(count="H", entry="HHI4s", offset="I", inline_bytes=4)
_BIG = _Layout(count="Q", entry="HHQ8s", offset="Q", inline_bytes=8)


def check_directories(path: Path) -> None:
    """Refuse a TIFF whose directories, or the values they point to, are cut off or endless.

    Raises:
        ImageError: as said, or more pages than any single image has.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            start = file.read(16)
            order = "<" if start.startswith(b"II") else ">"
            layout = _BIG if start[2:4] in (b"+\0", b"\0+") else _CLASSIC
            (offset,) = struct.unpack_from(order + layout.offset, start, layout.inline_bytes)
            visited: set[int] = set()
            while offset and offset not in visited and len(visited) < _MAX_DIRECTORIES:
                visited.add(offset)
                offset = _next_directory(file, offset, order=order, layout=layout, size=size)
        except (struct.error, EOFError) as error:
            what = "the TIFF ends within its list of pages"
            raise ImageError(what, where=path, remedy=DAMAGED) from error
    if offset in visited:
        raise ImageError("the TIFF's list of pages never ends", where=path, remedy=DAMAGED)
    if offset:
        raise ImageError(
            f"the TIFF holds more than {_MAX_DIRECTORIES} pages",
            where=path,
            remedy="save the plane you mean in a file of its own",
        )


def _next_directory(file: BinaryIO, offset: int, *, order: str, layout: _Layout, size: int) -> int:
    """Offset of the directory after this one, whose values have been found inside the file."""
    if offset >= size:
        raise EOFError
    file.seek(offset)
    count_format = order + layout.count
    (count,) = struct.unpack(count_format, file.read(struct.calcsize(count_format)))
    entry = struct.Struct(order + layout.entry)
    if count * entry.size > size:
        raise EOFError
    for tag, kind, values, inline in entry.iter_unpack(file.read(count * entry.size)):
        n_bytes = values * _TYPE_BYTES.get(kind, 0)
        if n_bytes <= layout.inline_bytes or tag >= _FIRST_PRIVATE_TAG:
            continue
        (place,) = struct.unpack(order + layout.offset, inline)
        if place + n_bytes > size:
            raise EOFError
    (following,) = struct.unpack(
        order + layout.offset, file.read(struct.calcsize(order + layout.offset))
    )
    return int(following)
