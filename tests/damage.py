"""Bundles damaged on their way: one bit of one entry turned over."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

LOCAL_HEADER = 30
"""Bytes of a local file header before name and extra field (APPNOTE 6.3.10, section 4.3.7)."""


def with_flipped_bit(bundle: Path, entry: str, target: Path) -> Path:
    """A copy of ``bundle`` with a bit in the middle of the stored bytes of ``entry`` flipped."""
    with zipfile.ZipFile(bundle) as archive:
        info = archive.getinfo(entry)
    content = bytearray(bundle.read_bytes())
    lengths = struct.unpack_from("<HH", content, info.header_offset + LOCAL_HEADER - 4)
    start = info.header_offset + LOCAL_HEADER + sum(lengths)
    content[start + info.compress_size // 2] ^= 1
    target.write_bytes(content)
    return target
