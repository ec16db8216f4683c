"""Pictures for people: boxes or outlines over an image, with a legend that counts them.

Colours are those of Okabe and Ito, which stay apart for colour-blind readers
(Wong, "Points of view: Color blindness", Nature Methods 8, 441, 2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ImageError
from cellwright.images.normalise import Normalisation, apply_limits, channel_limits
from cellwright.images.resize import resize, resize_labels
from cellwright.types import Boxes, Image, Instances

Rgb = tuple[int, int, int]

PALETTE: tuple[Rgb, ...] = (
    (86, 180, 233),  # sky blue
    (213, 94, 0),  # vermillion
    (240, 228, 66),  # yellow
    (0, 158, 115),  # bluish green
    (204, 121, 167),  # reddish purple
    (230, 159, 0),  # orange
    (0, 114, 178),  # blue
)

SHOWN = Normalisation(kind="percentile")
"""How everything but 8-bit RGB is stretched for the eye."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_TEXT_HEIGHT_SHARE = 1 / 45


def display(image: Image, *, max_edge: int = 2000) -> NDArray[np.uint8]:
    """An image as a person would look at it: uint8 ``(H, W, 3)``, at most ``max_edge`` long.

    8-bit RGB is shown as it is. Everything else is stretched between percentiles of each
    channel; one channel is grey, and two or more than three are added up in the colours of
    :data:`PALETTE`.

    Raises:
        ImageError: ``max_edge`` below one pixel.
    """
    if max_edge < 1:
        raise ImageError(f"cannot show an image with a longest edge of {max_edge} pixels")
    _, height, width = image.shape
    factor = min(1.0, max_edge / max(height, width))
    small = resize(image, max(1, round(height * factor)), max(1, round(width * factor)))
    return paint(small, None if is_shown_as_is(small) else channel_limits(small, SHOWN))


class Pixels(Protocol):
    """An array ``(C, H, W)``, or a file that holds one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        ...


def is_shown_as_is(image: Pixels) -> bool:
    """Whether an image needs no stretching: 8-bit RGB."""
    return image.shape[0] == 3 and image.dtype == np.uint8


def paint(image: Image, limits: NDArray[np.float32] | None) -> NDArray[np.uint8]:
    """An image, or a region of one, as a person would look at it: uint8 RGB ``(H, W, 3)``.

    Args:
        image: ``(C, H, W)``.
        limits: ``(C, 2)`` values shown as black and as full, of the whole image; None for
            8-bit RGB, which is shown as it is.
    """
    if limits is None:
        return image.transpose(1, 2, 0).copy()
    channels = len(image)
    bright = apply_limits(image, limits)
    if channels not in (1, 3):
        colours = np.array([PALETTE[index % len(PALETTE)] for index in range(channels)])
        bright = np.tensordot(colours.T.astype(np.float32) / 255, bright, axes=1).clip(0, 1)
    shown = (bright * 255).round().astype(np.uint8)
    if channels == 1:
        return np.asarray(cv2.cvtColor(shown[0], cv2.COLOR_GRAY2RGB))
    return shown.transpose(1, 2, 0).copy()


def draw_boxes(
    image: Image, boxes: Boxes, classes: Sequence[str], *, max_edge: int = 2000
) -> NDArray[np.uint8]:
    """``image`` with every box in its class's colour and a legend of counts.

    Args:
        image: ``(C, H, W)``.
        boxes: in pixels of ``image``.
        classes: class names; ids beyond them are drawn and named by number.
        max_edge: the picture is shrunk to this longest edge, in pixels.

    Returns:
        uint8 ``(h, w, 3)`` RGB.
    """
    picture = display(image, max_edge=max_edge)
    drawn = boxes.scaled(picture.shape[1] / image.shape[2], picture.shape[0] / image.shape[1])
    thickness = _line_px(picture)
    for (x0, y0, x1, y1), class_id in zip(
        np.rint(drawn.xyxy).astype(int).tolist(), boxes.class_ids.tolist(), strict=True
    ):
        cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), _colour(class_id), thickness)
    return _with_legend(picture, _legend(boxes.class_ids, classes))


def draw_labels(
    image: Image,
    objects: Instances,
    classes: Sequence[str] = (),
    *,
    max_edge: int = 2000,
) -> NDArray[np.uint8]:
    """``image`` with the outline of every object in its class's colour and a legend of counts.

    Args:
        image: ``(C, H, W)``.
        objects: labels of the same H and W, or of the image before every n-th pixel of it
            was taken.
        classes: class names; empty for one class called "objects".
        max_edge: the picture is shrunk to this longest edge, in pixels.

    Returns:
        uint8 ``(h, w, 3)`` RGB.

    Raises:
        ImageError: image and labels differ in size.
    """
    # The longer edge tells the step: of a narrow strip's shorter one, rounding leaves little.
    step = max(1, round(max(objects.labels.shape) / max(image.shape[1:])))
    if tuple(-(-edge // step) for edge in objects.labels.shape) != image.shape[1:]:
        raise ImageError(
            f"labels of {objects.labels.shape} do not fit an image of {image.shape[1:]} pixels",
            remedy="give the labels of this very image",
        )
    picture = display(image, max_edge=max_edge)
    labels = resize_labels(objects.labels, *picture.shape[:2])
    of_object = np.zeros(len(objects), np.int64) if objects.class_ids is None else objects.class_ids
    outline = _outline(labels)
    palette = np.array([_colour(index) for index in of_object.tolist()], np.uint8).reshape(-1, 3)
    picture[outline] = palette[labels[outline] - 1]
    return _with_legend(picture, _legend(of_object, classes or ("objects",)))


def _legend(class_ids: NDArray[np.int64], classes: Sequence[str]) -> list[tuple[str, Rgb]]:
    """A line and its colour for every class, with how many there are."""
    counts = np.bincount(class_ids, minlength=len(classes)).tolist()
    unnamed = (f"class {index}" for index in range(len(classes), len(counts)))
    return [
        (f"{name}: {count}", _colour(index))
        for index, (name, count) in enumerate(zip([*classes, *unnamed], counts, strict=True))
    ]


def _outline(labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Pixels of an object with another label, or none, above, below, left or right of them."""
    # Borders of the image count as continuing outwards, so no line is drawn along them.
    padded = np.pad(labels, 1, mode="edge")
    centre = padded[1:-1, 1:-1]
    differs = np.zeros(labels.shape, bool)
    for shifted in (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]):
        differs |= shifted != centre
    outline: NDArray[np.bool_] = differs & (labels > 0)
    return outline


def _colour(class_id: int) -> Rgb:
    return PALETTE[class_id % len(PALETTE)]


def _line_px(picture: NDArray[np.uint8]) -> int:
    height, width, _ = picture.shape
    return int(max(1, round(max(height, width) / 900)))


def _with_legend(picture: NDArray[np.uint8], rows: Sequence[tuple[str, Rgb]]) -> NDArray[np.uint8]:
    """The picture with one coloured line of text a row, on black, in its upper left corner."""
    text_px = max(8, round(picture.shape[0] * _TEXT_HEIGHT_SHARE))
    scale = cv2.getFontScaleFromHeight(_FONT, text_px)
    line_px = round(text_px * 1.7)
    widths = [cv2.getTextSize(text, _FONT, scale, 1)[0][0] for text, _ in rows]
    height, width = line_px * len(rows) + text_px // 2, max(widths, default=0) + text_px
    picture[:height, :width] //= 4
    for index, (text, colour) in enumerate(rows):
        place = (text_px // 2, line_px * (index + 1) - text_px // 4)
        cv2.putText(picture, text, place, _FONT, scale, colour, 1, cv2.LINE_AA)
    return picture
