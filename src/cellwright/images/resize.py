"""Images to another size or number of channels, the same way in training and in use."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ImageError
from cellwright.types import Image


def resize(image: Image, height: int, width: int) -> Image:
    """``(C, height, width)`` of the same type.

    Shrinking averages the pixels that fall together, so that small cells fade rather
    than vanish between samples; growing interpolates linearly.

    Raises:
        ImageError: a size below one pixel.
    """
    _check_target(height, width)
    _, old_height, old_width = image.shape
    if (height, width) == (old_height, old_width):
        return image
    shrinks = height <= old_height and width <= old_width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = np.empty((image.shape[0], height, width), image.dtype)
    for channel, target in zip(image, resized, strict=True):
        target[:] = cv2.resize(np.ascontiguousarray(channel), (width, height), interpolation=method)
    return resized


def resize_labels(labels: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """``(height, width)`` label image of the same integer type, nearest pixel, never mixed.

    Raises:
        ImageError: a size below one pixel, or labels that are not ``(H, W)``.
    """
    _check_target(height, width)
    if labels.ndim != 2:
        raise ImageError(f"a label image must have shape (H, W), not {labels.shape}")
    rows = _nearest(labels.shape[0], height)
    columns = _nearest(labels.shape[1], width)
    return labels[np.ix_(rows, columns)]


def _nearest(old: int, new: int) -> NDArray[np.int64]:
    """For each of ``new`` pixel centres, the index of the ``old`` pixel that it lies in."""
    return ((2 * np.arange(new, dtype=np.int64) + 1) * old) // (2 * new)


def _check_target(height: int, width: int) -> None:
    if min(height, width) < 1:
        raise ImageError(
            f"cannot resize to {width} x {height} pixels",
            remedy="choose at least one pixel each way",
        )


def adapt_channels(image: Image, channels: int, *, where: object) -> Image:
    """The image with ``channels`` channels, if that loses nothing.

    One channel is repeated where three are wanted; three equal channels become one.

    Raises:
        ImageError: any other change; which channel to use is for a person to say.
    """
    present = image.shape[0]
    if present == channels:
        return image
    if (present, channels) == (1, 3):
        return np.repeat(image, 3, axis=0)
    if (present, channels) == (3, 1) and (image == image[:1]).all():
        return image[:1]
    colour = ", and they differ" if (present, channels) == (3, 1) else ""
    raise ImageError(
        f"the image has {present} channels{colour}, but {channels} are expected",
        where=where,
        remedy=f"save the {channels} wanted channel{'s' if channels > 1 else ''} as an image "
        "of their own, or use a model made for such images",
    )
