"""An array from a notebook as an image ``(C, H, W)``: its axes said, or plain to see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cellwright.errors import ImageError
from cellwright.images.picture import supported_pixels, without_opaque_alpha
from cellwright.types import Image

MOST_COLOURS = 4
"""Length up to which an axis is taken for channels where nobody says what it is."""

_KNOWN = "TCZYX"
_WHERE = Path("array")
_REMEDY = "say what the axes are, for instance axes='YXC' for colours in the last one"


def channels_first(array: ArrayLike, axes: str | None = None) -> Image:
    """An array as an image.

    Args:
        array: pixels of any real type; converted only where no value changes. Whole numbers of
            32 or 64 bits, as lists have them, are taken for 8 bits where none is above 255.
        axes: a letter an axis, of ``T``, ``C``, ``Z``, ``Y`` and ``X``: ``YX``, ``YXC``,
            ``CYX`` …; T and Z of length 1 only. None where that is plain: two axes are rows and
            columns; of three, the one of at most four that is first or last holds channels.

    Returns:
        ``(C, H, W)`` uint8, uint16 or float32. An opaque alpha channel of a picture in colour
        is left out where ``axes`` is None.

    Raises:
        ImageError: axes that are not plain, do not fit, or hold more than one plane; values that
            no image can have.

    >>> channels_first(np.zeros((20, 30, 3), np.uint8)).shape
    (3, 20, 30)
    >>> channels_first(np.zeros((2, 20, 30)), axes="CYX").dtype
    dtype('float32')
    """
    pixels = _array(array)
    order = _guessed(pixels.shape) if axes is None else _checked(axes, pixels.shape)
    planes = np.moveaxis(pixels, [order.index("Y"), order.index("X")], [-2, -1])
    image = supported_pixels(_narrowed(planes.reshape(-1, *planes.shape[-2:])), where=_WHERE)
    if axes is None and order == "YXC" and len(image) == MOST_COLOURS:
        image = without_opaque_alpha(image, where=_WHERE)
    return np.ascontiguousarray(image)


def _array(array: ArrayLike) -> NDArray[Any]:
    """The array of what was given.

    Raises:
        ImageError: it is none, or hides pixels of which no network could know.
    """
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise ImageError(
            "a masked array hides pixels, and a network sees all of them",
            remedy="fill them, for instance array.filled(0)",
        )
    if getattr(array, "mode", None) in ("P", "PA"):
        raise ImageError(
            "a picture with a palette holds numbers of colours, not colours",
            remedy="convert it first: image.convert('RGB')",
        )
    try:
        pixels = np.asarray(array)
    except ValueError as error:
        raise ImageError(f"its rows are not of one length ({error})") from error
    if pixels.dtype.kind not in "biufc" or pixels.ndim == 0:
        raise ImageError(
            f"an image is an array or the path of a file, not {type(array).__name__}",
            remedy="give pixels, for instance those that skimage.io.imread gives",
        )
    if pixels.size == 0:
        raise ImageError(f"an array of shape {pixels.shape} holds no pixels")
    return pixels


def _narrowed(pixels: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers of a type that no camera has as 8 bits, where they fit.

    In 16 bits, 255 is nearly black to a network that is told what the type can hold.
    """
    wide = pixels.dtype.kind in "iu" and pixels.dtype.itemsize > 2
    fits = wide and pixels.min() >= 0 and pixels.max() <= np.iinfo(np.uint8).max
    return pixels.astype(np.uint8) if fits else pixels


def _guessed(shape: tuple[int, ...]) -> str:
    if len(shape) == 2:
        return "YX"
    few = [length <= MOST_COLOURS for length in shape]
    if few == [False, False, True]:
        return "YXC"
    if few == [True, False, False]:
        return "CYX"
    raise ImageError(f"it is not plain what the axes of {shape} are", remedy=_REMEDY)


def _checked(axes: str, shape: tuple[int, ...]) -> str:
    order = str(axes).upper()
    if len(set(order)) != len(order) or not {"Y", "X"} <= set(order) <= set(_KNOWN):
        raise ImageError(
            f"axes {axes!r} are not letters of {_KNOWN}, each once, Y and X among them",
            remedy=_REMEDY,
        )
    if len(order) != len(shape):
        raise ImageError(f"axes {axes!r} do not fit an array of shape {shape}", remedy=_REMEDY)
    for letter, length in zip(order, shape, strict=True):
        if letter in "TZ" and length > 1:
            raise ImageError(
                f"axis {letter} holds {length} planes, and a model looks at one",
                remedy="go through them one by one, or project them first",
            )
    return order
