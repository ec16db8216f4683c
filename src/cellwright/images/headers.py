"""What kind of image a file is and how large a picture it promises, from its first bytes.

Nothing is decoded here. A header that promises more pixels than its file could
possibly hold is refused, so that a few bytes cannot ask for gigabytes.
"""

from __future__ import annotations

import io
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cellwright.errors import ImageError

SUFFIXES = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
}

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_UNSUPPORTED = (
    (b"GIF8", "a GIF"),
    (b"RIFF", "a WebP or AVI"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF", "a PDF"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x00\x00\x00\x0cjP", "a JPEG 2000 file"),
)
_VENDORS = (
    (b"ZISRAWFILE", "CZI"),
    (b"\xda\xce\xbe\x0a", "ND2"),
    (b"\x70\x00\x00\x00", "LIF"),
)
_BMP_HEADER_SIZES = {12, 40, 52, 56, 64, 108, 124}
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Deflate shrinks at most 1032 to 1 (a 258-byte match in 2 bits).
_DEFLATE_MAX_RATIO = 1032
# An 8 x 8 block costs at least one bit of Huffman code.
_JPEG_MAX_PIXELS_PER_BYTE = 512
_JPEG_MAX_SEGMENTS = 20_000
_JPEG_FRAMES = {0xC0, 0xC1, 0xC2}
_JPEG_OTHER_FRAMES = set(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}

DAMAGED = "copy or export the file again; it is damaged or was cut short"
UNPACK = "run: cellwright data unpack FILE --out DIR"
CONVERT = "save it as PNG or TIFF, with 8 or 16 bits a channel"


@dataclass(frozen=True)
class Header:
    """Size promised by a PNG, JPEG or BMP: ``channels`` as decoded, ``bits`` a channel."""

    height: int
    width: int
    channels: int
    bits: int


def kind_of(path: Path) -> str:
    """``PNG``, ``JPEG``, ``BMP`` or ``TIFF``, by content.

    Raises:
        ImageError: no such file, not a file, empty, of another kind, or named as another kind.
    """
    start = _start_of(path)
    kind = _recognise(start, path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES[kind] and any(suffix in names for names in SUFFIXES.values()):
        raise ImageError(
            f"is named {suffix} but holds a {kind}",
            where=path,
            remedy=f"rename it to end in {SUFFIXES[kind][0]}",
        )
    return kind


def stack_kind_of(path: Path) -> str | None:
    """``CZI``, ``ND2``, ``LIF`` or ``TIFF``, by content; None for anything else.

    Raises:
        ImageError: no such file, or not a file.
    """
    start = _start_of(path)
    signatures = (*_VENDORS, *(one for one in _SIGNATURES if one[1] == "TIFF"))
    return next((kind for signature, kind in signatures if start.startswith(signature)), None)


def _start_of(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            folder = path.suffix.lower() == ".zarr"
            raise ImageError(
                "is a Zarr folder, which may hold many images" if folder else "is not a file",
                where=path,
                remedy=UNPACK if folder else "give the path of an image file",
            )
        with path.open("rb") as file:
            return file.read(32)
    except FileNotFoundError as error:
        what = "is a link to a file that does not exist" if path.is_symlink() else "does not exist"
        raise ImageError(what, where=path, remedy="check the path") from error
    except (OSError, ValueError) as error:
        raise ImageError(
            f"cannot be opened ({getattr(error, 'strerror', None) or error})",
            where=repr(str(path)),
            remedy="check the path and your permissions",
        ) from error


def _recognise(start: bytes, path: Path) -> str:
    if not start:
        raise ImageError("the file is empty (0 bytes)", where=path, remedy="copy it again")
    for signature, kind in _SIGNATURES:
        if start.startswith(signature):
            return kind
    if (
        start.startswith(b"BM")
        and len(start) >= 18
        and struct.unpack_from("<I", start, 14)[0] in _BMP_HEADER_SIZES
    ):
        return "BMP"
    for signature, name in _VENDORS:
        if start.startswith(signature):
            raise ImageError(
                f"is a {name} file, which may hold many images",
                where=path,
                remedy=UNPACK,
            )
    for signature, name in _UNSUPPORTED:
        if start.startswith(signature):
            raise ImageError(
                f"is {name}, which cannot be read",
                where=path,
                remedy="export the image as OME-TIFF, TIFF or PNG",
            )
    raise ImageError(
        "is not an image in PNG, JPEG, BMP or TIFF format, or its start is damaged",
        where=path,
        remedy="export the image as TIFF or PNG",
    )


def read_header(path: Path, kind: str) -> Header:
    """Size promised by the header of a PNG, JPEG or BMP file.

    Raises:
        ImageError: the header is damaged, of an unsupported variant, or promises more than
            the file can hold.
    """
    reader = {"PNG": _png_header, "JPEG": _jpeg_header, "BMP": _bmp_header}[kind]
    with path.open("rb") as file:
        try:
            header, largest = reader(file, path.stat().st_size, path)
        except struct.error as error:
            raise ImageError(
                f"the {kind} ends in its header", where=path, remedy=DAMAGED
            ) from error
    if header.height * header.width > largest:
        raise ImageError(
            f"the {kind} header promises {header.width} x {header.height} pixels, "
            f"which {path.stat().st_size} bytes cannot hold",
            where=path,
            remedy=DAMAGED,
        )
    return header


def _png_header(file: BinaryIO, n_bytes: int, path: Path) -> tuple[Header, int]:
    start = file.read(29)
    length, name, width, height, bits, colour = struct.unpack(">I4sIIBB", start[8:26])
    if name != b"IHDR" or length != 13 or colour not in _PNG_CHANNELS:
        raise ImageError("the PNG header is damaged", where=path, remedy=DAMAGED)
    stored_bits = bits * _PNG_CHANNELS[colour]
    # A palette is decoded to RGB and may carry transparency.
    channels = 4 if colour == 3 else _PNG_CHANNELS[colour]
    largest = n_bytes * _DEFLATE_MAX_RATIO * 8 // max(1, stored_bits)
    return Header(height, width, channels, bits), largest


def _bmp_header(file: BinaryIO, n_bytes: int, path: Path) -> tuple[Header, int]:
    start = file.read(54)
    (size,) = struct.unpack_from("<I", start, 14)
    compression = 0
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", start, 18)
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", start, 18)
    if width < 1 or height == 0 or bits not in (1, 4, 8, 16, 24, 32):
        raise ImageError("the BMP header is damaged", where=path, remedy=DAMAGED)
    if compression not in (0, 3, 6):
        raise ImageError("compressed BMP files are not supported", where=path, remedy=CONVERT)
    channels = 4 if bits == 32 else 3
    return Header(abs(height), width, channels, 8), n_bytes * 8 // bits


def _jpeg_header(file: BinaryIO, n_bytes: int, path: Path) -> tuple[Header, int]:
    return jpeg_header(file, path), n_bytes * _JPEG_MAX_PIXELS_PER_BYTE


def jpeg_header(file: BinaryIO, path: Path) -> Header:
    """Size promised by a JPEG stream, which may stand alone or within a TIFF.

    Raises:
        ImageError: the header is damaged or of an unsupported variant.
        struct.error: the stream ends within its header.
    """
    file.seek(2)
    for _ in range(_JPEG_MAX_SEGMENTS):
        marker = _next_jpeg_marker(file)
        (length,) = struct.unpack(">H", file.read(2))
        if marker in _JPEG_FRAMES:
            bits, height, width, channels = struct.unpack(">BHHB", file.read(6))
            _check_jpeg_variant(bits, channels, path)
            return Header(height, width, channels, bits)
        if marker in _JPEG_OTHER_FRAMES:
            raise ImageError(
                "this rare variant of JPEG (lossless, arithmetic or hierarchical) is not supported",
                where=path,
                remedy=CONVERT,
            )
        if marker in (0xD9, 0xDA) or length < 2:
            break
        file.seek(length - 2, 1)
    raise ImageError("the JPEG has no frame header", where=path, remedy=DAMAGED)


def jpeg_is_whole(data: bytes) -> bool:
    """Whether a JPEG stream goes on to its end marker; one that is cut short is filled with grey.

    Only after the start of the picture itself is it looked for: a thumbnail in the header has one
    too. Within a scan its two bytes cannot occur.

    >>> jpeg_is_whole(bytes.fromhex("ffd8 ffe1 0004 ffd9 ffda 0002 1234"))
    False
    """
    file = io.BytesIO(data)
    file.seek(2)
    try:
        for _ in range(_JPEG_MAX_SEGMENTS):
            marker = _next_jpeg_marker(file)
            if marker == 0xDA:
                return data.find(b"\xff\xd9", file.tell()) >= 0
            if marker == 0xD9:
                break
            (length,) = struct.unpack(">H", file.read(2))
            file.seek(max(0, length - 2), 1)
    except struct.error:  # it ends within its header
        pass
    return False


def _next_jpeg_marker(file: BinaryIO) -> int:
    (lead, marker) = struct.unpack("BB", file.read(2))
    while lead == marker == 0xFF:  # fill bytes
        (marker,) = struct.unpack("B", file.read(1))
    return int(marker) if lead == 0xFF else 0xD9


def _check_jpeg_variant(bits: int, channels: int, path: Path) -> None:
    if bits != 8:
        raise ImageError(f"a JPEG of {bits} bits is not supported", where=path, remedy=CONVERT)
    if channels == 4:
        raise ImageError(
            "the JPEG holds printing colours (CMYK), not what a microscope saw",
            where=path,
            remedy="convert it to RGB",
        )
    if channels not in (1, 3):
        raise ImageError(
            f"a JPEG with {channels} components is damaged or not supported",
            where=path,
            remedy=CONVERT,
        )
