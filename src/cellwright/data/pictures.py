"""A labelled image as a network will see it, for training.

The same channel rule, normalisation and resizing that inference applies, rounded to
8 bit so that thousands of pictures fit in memory and Albumentations can work on them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellwright.data.labelled_set import Record
from cellwright.images.normalise import Normalisation, apply_limits, channel_limits
from cellwright.images.resize import adapt_channels, resize
from cellwright.types import Boxes, boxes_of

Picture8 = NDArray[np.uint8]
"""``(H, W, C)`` uint8, 255 where the network would see 1.0."""

VISIBLE = 0.3
"""A label cut by the edge of a piece is learned there if at least this share of it is left."""


def prepared_picture(
    record: Record, *, channels: int, normalisation: Normalisation, resize_factor: float
) -> tuple[Picture8, Boxes]:
    """Load one record and bring picture and boxes to network pixels.

    Raises:
        AnnotationError: the record is not labelled, or with what no boxes can be made of.
    """
    sample = record.load()
    labels = boxes_of(sample.annotation, where=record.id)
    image = adapt_channels(sample.image, channels, where=record.id)
    _, height, width = image.shape
    # In the order of inference: limits of the whole image, then resize, then scale.
    limits = channel_limits(image, normalisation)
    new_height = max(1, round(height * resize_factor))
    new_width = max(1, round(width * resize_factor))
    scaled = apply_limits(resize(image, new_height, new_width), limits)
    picture = np.rint(scaled * 255).astype(np.uint8).transpose(1, 2, 0)
    boxes = labels.scaled(new_width / width, new_height / height)
    return np.ascontiguousarray(picture), boxes


def visible_boxes(boxes: Boxes, *, rows: int, columns: int) -> Boxes:
    """Those that lie in a piece of ``rows`` x ``columns`` pixels to :data:`VISIBLE`, cut there."""
    inside = boxes.clipped(rows, columns)
    kept = inside.areas_px2 >= VISIBLE * np.maximum(boxes.areas_px2, 1e-6)
    return inside.select(kept & (inside.areas_px2 > 0))
