"""A map of heat beside the picture that it explains, for people.

The colours are those of matplotlib's map inferno, whose lightness rises evenly, so that it
reads the same in grey and to colour-blind readers.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ImageError
from cellwright.images.overlay import display
from cellwright.images.resize import resize
from cellwright.types import Image

SHORTEST_PX = 320
"""Smaller pictures are enlarged by whole numbers to at least this edge, so that text fits."""

COVER = 0.65
"""How much the hottest place covers of the picture."""

_GAP_PX = 8
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_TEXT_PX = 13
_LINE_PX = 22


def draw_heat(
    image: Image,
    heat: NDArray[np.float32],
    *,
    caption: Sequence[str] = (),
    seen: tuple[int, int, int, int] | None = None,
    max_edge: int = 1200,
) -> NDArray[np.uint8]:
    """The picture, and beside it the same under its heat; lines of text above both.

    Args:
        image: ``(C, H, W)``.
        heat: ``(H, W)``, >= 0; its largest value gets the brightest colour, 0 covers nothing.
        caption: lines of text.
        seen: y0, x0, y1, x1 in pixels of ``image``: a frame is drawn around it where it is
            less than the whole.
        max_edge: each of both is shrunk to this longest edge, in pixels.

    Returns:
        uint8 ``(3, h, w)`` RGB.

    Raises:
        ImageError: heat and image differ in size, or heat that is negative or not finite.
    """
    if heat.shape != image.shape[1:]:
        raise ImageError(f"heat of {heat.shape} does not fit an image of {image.shape[1:]} pixels")
    if not np.isfinite(heat).all() or heat.min(initial=0) < 0:
        raise ImageError("heat must be finite and >= 0")
    plain = _enlarged(display(image, max_edge=max_edge))
    height, width = plain.shape[:2]
    hot = _covered(plain, resize(heat[None], height, width)[0])
    if seen is not None:
        _frame(hot, seen, (height / image.shape[1], width / image.shape[2]))
    gap = np.full((height, _GAP_PX, 3), 255, np.uint8)
    both = np.concatenate([_text(caption, 2 * width + _GAP_PX), np.hstack([plain, gap, hot])])
    drawn: NDArray[np.uint8] = np.moveaxis(both, 2, 0)
    return drawn


def _enlarged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    times = max(1, -(-SHORTEST_PX // min(picture.shape[:2])))
    times = min(times, max(1, 1200 // max(picture.shape[:2])))
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def _covered(plain: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The picture in grey, under colours that cover it the more the hotter they are."""
    largest = float(heat.max())
    share = heat / np.float32(largest) if largest > 0 else heat
    levels = np.rint(share * 255).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    grey = cv2.cvtColor(cv2.cvtColor(plain, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    cover = COVER * share[..., None]
    return np.rint((1 - cover) * grey + cover * colours).astype(np.uint8)


def _frame(
    picture: NDArray[np.uint8], seen: tuple[int, int, int, int], scale: tuple[float, float]
) -> None:
    """A white line around ``seen`` where it ends within the picture; changes ``picture``."""
    y0, y1 = (round(edge * scale[0]) for edge in seen[::2])
    x0, x1 = (round(edge * scale[1]) for edge in seen[1::2])
    height, width = picture.shape[:2]
    if y0 > 0 or x0 > 0 or y1 < height or x1 < width:
        cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), (255, 255, 255), 1)


def _text(lines: Sequence[str], width: int) -> NDArray[np.uint8]:
    """Black on white, shrunk where a line would not fit."""
    band = np.full((_LINE_PX * len(lines) + (8 if lines else 0), width, 3), 255, np.uint8)
    for index, line in enumerate(lines):
        scale = cv2.getFontScaleFromHeight(_FONT, _TEXT_PX)
        wide = cv2.getTextSize(line, _FONT, scale, 1)[0][0]
        scale *= min(1.0, (width - 12) / max(1, wide))
        place = (6, _LINE_PX * (index + 1) - 4)
        cv2.putText(band, line, place, _FONT, scale, (0, 0, 0), 1, cv2.LINE_AA)
    return band
