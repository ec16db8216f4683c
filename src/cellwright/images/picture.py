"""What reading an image file gives, and the checks every file format shares.

Sizes are checked before anything is decoded, and pixel types are converted only
where no value changes (a float64 is rounded to the nearest float32).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ImageError
from cellwright.types import IMAGE_DTYPES, Image, check_image

MAX_PIXELS = 2**30
"""Default limit on the values of one image, channels x height x width, decoded at once."""

_FLOAT32_EXACT_INTEGER = 2**24


@dataclass(frozen=True, eq=False)
class Picture:
    """One decoded image and what its file says about it.

    Attributes:
        pixels: ``(C, H, W)`` uint8, uint16 or float32, finite.
        axes: axes as stored in the file, for instance ``YXC`` or ``TCZYX``.
        pixel_size_um: edge length of a pixel in micrometres, None if the file does not say.
        channel_names: one name a channel, or empty.
    """

    pixels: Image
    axes: str
    pixel_size_um: float | None = None
    channel_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_image(self.pixels)


def check_size(shape: tuple[int, int, int], *, max_pixels: int, where: Path) -> None:
    """Refuse a ``(C, H, W)`` picture that is empty or larger than ``max_pixels`` values.

    Raises:
        ImageError: an axis is empty, or there are too many values.
    """
    channels, height, width = shape
    if min(shape) < 1:
        raise ImageError(
            f"the picture has no pixels ({width} x {height}, {channels} channels)",
            where=where,
            remedy="export it again from the microscope software",
        )
    if channels * height * width > max_pixels:
        raise ImageError(
            f"{width} x {height} pixels in {channels} channels are more than "
            f"the limit of {max_pixels} values",
            where=where,
            remedy="cut the image into parts, or raise max_pixels if memory allows",
        )


def supported_pixels(pixels: NDArray[Any], *, where: Path) -> Image:
    """The same values as uint8, uint16 or float32, whichever is the smallest that keeps them.

    Booleans become 0 and 255. Integers keep their value exactly. float64 is rounded
    to float32, which a pixel value never notices.

    Args:
        pixels: ``(C, H, W)`` of any real type and byte order.
        where: the file, for the message.

    Raises:
        ImageError: complex or not finite values, or integers that float32 cannot hold.
    """
    native = pixels.dtype.newbyteorder("=")
    if native.kind == "b":
        return pixels.astype(np.uint8) * np.uint8(255)
    if native.kind in "iu":
        return _supported_integers(pixels.astype(native, copy=False), where=where)
    if native.kind == "f":
        return _supported_floats(pixels.astype(native, copy=False), where=where)
    raise ImageError(
        f"pixels of type {native} are not supported",
        where=where,
        remedy="save magnitude or intensity as 8-bit, 16-bit or 32-bit float",
    )


def _supported_integers(pixels: NDArray[Any], *, where: Path) -> Image:
    if pixels.dtype in IMAGE_DTYPES:
        return pixels
    low, high = int(pixels.min()), int(pixels.max())
    if low >= 0 and pixels.dtype.itemsize == 1:
        return pixels.astype(np.uint8)
    if low >= 0 and high <= np.iinfo(np.uint16).max:
        return pixels.astype(np.uint16)
    if max(-low, high) <= _FLOAT32_EXACT_INTEGER:
        return pixels.astype(np.float32)
    raise ImageError(
        f"{pixels.dtype} pixels from {low} to {high} fit no supported type without loss",
        where=where,
        remedy="rescale them to 16 bits, for instance in Fiji: Image > Type > 16-bit",
    )


def _supported_floats(pixels: NDArray[Any], *, where: Path) -> Image:
    with np.errstate(over="ignore"):
        converted: NDArray[Any] = pixels.astype(np.float32, copy=False)
    if not np.isfinite(converted).all():
        raise ImageError(
            "the image holds NaN, infinite or enormous pixel values",
            where=where,
            remedy="replace them, for instance in Fiji: Process > Math > NaN Background or Max",
        )
    return converted


def without_opaque_alpha(pixels: NDArray[Any], *, where: Path) -> NDArray[Any]:
    """``(C, H, W)`` without its last channel, an alpha channel that is opaque everywhere.

    Raises:
        ImageError: some pixel is transparent, so that its colour depends on a background.
    """
    opaque = 1.0 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
    if not (pixels[-1] == opaque).all():
        raise ImageError(
            "the image has transparent pixels, whose colour is not defined",
            where=where,
            remedy="flatten it and save it without transparency (alpha channel)",
        )
    return pixels[:-1]
