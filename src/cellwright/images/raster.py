"""PNG, JPEG and BMP to pixels, in full bit depth and without a word on stderr.

Decoders that raise on damage are chosen on purpose: OpenCV's print warnings from
C, past Python's control. Orientation marks (EXIF) are ignored, so that pixels lie
as the camera stored them; so are gamma and colour profiles.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin

from cellwright.errors import CellwrightError, ImageError
from cellwright.images.headers import DAMAGED, Header, jpeg_is_whole, read_header
from cellwright.images.picture import Picture, check_size, supported_pixels, without_opaque_alpha

# Python prints a library's warnings to stderr when nobody has asked for them; with a
# handler that does nothing they reach only a program that configures logging.
logging.getLogger("imagecodecs").addHandler(logging.NullHandler())

# Metadata may be large, but a file many times its picture is not worth loading whole.
_MAX_BYTES_PER_VALUE = 16
_METADATA_ALLOWANCE_BYTES = 2**26


def read_raster(path: Path, kind: str, *, max_pixels: int) -> Picture:
    """Decode a ``PNG``, ``JPEG`` or ``BMP`` file.

    Raises:
        ImageError: damaged, too large, transparent, or of an unsupported variant.
    """
    header = read_header(path, kind)
    check_size((header.channels, header.height, header.width), max_pixels=max_pixels, where=path)
    pixels = _decode(path, kind, header)
    axes = "YX" if pixels.ndim == 2 else "YXC"
    planes = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
    if len(planes) in (2, 4):
        planes = without_opaque_alpha(planes, where=path)
    contiguous = np.ascontiguousarray(planes)
    return Picture(supported_pixels(contiguous, where=path), axes)


def _decode(path: Path, kind: str, header: Header) -> NDArray[Any]:
    """``(H, W)`` or ``(H, W, C)`` of the size that the header promised."""
    try:
        if kind == "BMP":
            pixels = _decode_bmp(path)
        else:
            data = _read_bytes(path, header)
            pixels = imagecodecs.png_decode(data) if kind == "PNG" else _decode_jpeg(data)
    except CellwrightError:
        raise
    except Exception as error:  # decoders raise many types on hostile bytes
        raise ImageError(
            f"the {kind} cannot be decoded ({str(error)[:200] or type(error).__name__})",
            where=path,
            remedy=DAMAGED,
        ) from error
    if pixels.shape[:2] != (header.height, header.width):
        raise ImageError(
            f"the {kind} header promises {header.width} x {header.height} pixels, "
            f"but {pixels.shape[1]} x {pixels.shape[0]} were decoded",
            where=path,
            remedy=DAMAGED,
        )
    return pixels


def _read_bytes(path: Path, header: Header) -> bytes:
    values = header.channels * header.height * header.width
    allowed = values * _MAX_BYTES_PER_VALUE + _METADATA_ALLOWANCE_BYTES
    if path.stat().st_size > allowed:
        raise ImageError(
            f"{path.stat().st_size} bytes are far more than its picture can need",
            where=path,
            remedy="save the picture again without its metadata",
        )
    return path.read_bytes()


def _decode_jpeg(data: bytes) -> NDArray[Any]:
    # libjpeg fills what is missing with grey and calls that a warning.
    if not jpeg_is_whole(data):
        raise ValueError("it ends before its last row")
    return np.asarray(imagecodecs.jpeg8_decode(data))


def _decode_bmp(path: Path) -> NDArray[Any]:
    # The plugin is called by its own name because PIL.Image.open applies a size limit of
    # its own; the size has been checked.
    with BmpImagePlugin.BmpImageFile(path) as picture:
        mode = {"1": "L", "P": "RGB", "PA": "RGBA"}.get(picture.mode, picture.mode)
        return np.array(picture.convert(mode))
