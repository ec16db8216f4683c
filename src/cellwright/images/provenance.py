"""Which file a picture was taken out of: a mark in its metadata, by which a later run knows it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

_FORM = "Unpacked by Cellwright; source {}, state {}"
_MARK = re.compile(_FORM.format("([0-9a-f]{16})", "([0-9a-f]{16})"))


@dataclass(frozen=True)
class Mark:
    """Two short checksums, since the paths of a laboratory are nobody else's business.

    Attributes:
        source: of the path of the file.
        state: of its size, its time of change, and what of it the picture shows.
    """

    source: str
    state: str

    def __str__(self) -> str:
        return _FORM.format(self.source, self.state)


def mark_of(source: Path, shows: object) -> Mark:
    """The mark of a picture of ``source`` as it is now.

    Args:
        source: the file, or a folder of OME-Zarr.
        shows: which of its planes; told apart by its ``repr``.
    """
    found = source.stat()
    state = f"{found.st_size} {found.st_mtime_ns} {shows!r}"
    return Mark(_short(str(source.resolve())), _short(state))


def read_mark(picture: Path) -> Mark | None:
    """The mark of an OME-TIFF; None where it has none, or is none."""
    import tifffile  # noqa: PLC0415 - kept off the start-up path

    try:
        with tifffile.TiffFile(picture) as tif:
            found = _MARK.search(tif.ome_metadata or "")
    except Exception:  # tifffile raises many types on damaged bytes; such a file has no mark
        return None
    return Mark(*found.groups()) if found else None


def _short(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]
