"""A suspect for a person to judge: the place as it is labelled, and as the model sees it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.audit.judged import Sides
from cellwright.audit.suspects import Corners, Suspect
from cellwright.images.overlay import PALETTE, Rgb, display
from cellwright.inference.segmenter import Segmented
from cellwright.types import Boxes, Image

EDGE_PX = 360
GAP_PX = 6
MARGIN = 1.0
"""Shown around a suspect on each side, as a share of its longer edge."""

SMALLEST_PX = 48
"""Edge of the smallest place shown, in image pixels."""

OTHERS: Rgb = PALETTE[0]
IN_DOUBT: Rgb = PALETTE[1]


def side_by_side(image: Image, sides: Sides, suspect: Suspect) -> NDArray[np.uint8]:
    """uint8 ``(H, W, 3)``: labels on the left, the model on the right, the suspect in orange.

    Args:
        image: ``(C, H, W)``.
        sides: labels and prediction of the whole image.
        suspect: what to show.
    """
    y0, x0, y1, x1 = _window(suspect, image.shape[1:])
    # Stretched as the whole image is, so that an empty place is not blown up to noise.
    crop = display(image, max_edge=max(image.shape[1:]))[y0:y1, x0:x1]
    factor = EDGE_PX / max(crop.shape[:2])
    drawn, seen = sides
    left = _drawn(crop, drawn, (y0, x0), factor, doubt=_of_label(suspect))
    right = _drawn(crop, seen, (y0, x0), factor, doubt=_of_model(suspect))
    gap = np.full((left.shape[0], GAP_PX, 3), 255, np.uint8)
    return np.concatenate([left, gap, right], axis=1)


def _of_label(suspect: Suspect) -> Corners | None:
    return None if suspect.kind == "missing" else suspect.corners


def _of_model(suspect: Suspect) -> Corners | None:
    return suspect.proposed


def _window(suspect: Suspect, size: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Rows and columns to show: y0, x0, y1, x1, inside the image."""
    places = [suspect.corners] + ([suspect.proposed] if suspect.proposed else [])
    low, high = np.min(places, axis=0)[:2], np.max(places, axis=0)[2:]
    half = max((0.5 + MARGIN) * float((high - low).max()), SMALLEST_PX / 2)
    centre = (low + high) / 2
    height, width = size
    x0, y0 = np.floor(centre - half).astype(int).clip(0, (width - 1, height - 1)).tolist()
    x1, y1 = np.ceil(centre + half).astype(int).clip((x0 + 1, y0 + 1), (width, height)).tolist()
    return y0, x0, y1, x1


def _drawn(
    crop: NDArray[np.uint8],
    side: Boxes | Segmented,
    origin: tuple[int, int],
    factor: float,
    *,
    doubt: Corners | None,
) -> NDArray[np.uint8]:
    """The crop enlarged, with everything of one side, and what is in doubt."""
    height, width = (max(1, round(edge * factor)) for edge in crop.shape[:2])
    enlarged = cv2.resize(crop, (width, height), interpolation=cv2.INTER_LINEAR)
    picture: NDArray[np.uint8] = np.asarray(enlarged, np.uint8)
    if isinstance(side, Boxes):
        for corners in side.xyxy.tolist():
            _rectangle(picture, corners, origin, factor, OTHERS, 1)
    else:
        y0, x0 = origin
        labels = side.cells.labels[y0 : y0 + crop.shape[0], x0 : x0 + crop.shape[1]]
        for label in np.unique(labels[labels > 0]).tolist():
            mask = (labels == label).astype(np.uint8)
            large = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)
            lines, _ = cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(picture, lines, -1, OTHERS, 1)
    if doubt is not None:
        _rectangle(picture, doubt, origin, factor, IN_DOUBT, 2)
    return picture


def _rectangle(
    picture: NDArray[np.uint8],
    corners: Corners | list[float],
    origin: tuple[int, int],
    factor: float,
    colour: Rgb,
    thickness: int,
) -> None:
    y0, x0 = origin
    left, top, right, bottom = (
        round((value - offset) * factor)
        for value, offset in zip(corners, (x0, y0, x0, y0), strict=True)
    )
    cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), colour, thickness)
