"""Boxes as a label file states them, checked against the image they lie on.

What can be repaired without guessing is repaired and said in a sentence: a box that
crosses the border is cut there, one without area is left out. What cannot is refused
with the file and line: numbers that are not finite, sides swapped, a box whose centre
lies outside the image. A cell belongs to the picture that holds its centre; where none
does, the label belongs to another picture, or was written for another size.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellwright.data.formats.layout import Known, Unreadable
from cellwright.errors import AnnotationError, DatasetError, ImageError
from cellwright.images.headers import kind_of, read_header
from cellwright.images.read import open_image
from cellwright.types import Annotation, Boxes, Instances, boxes_of, kind_in_words

ROUNDING_PX = 0.01
"""Overshoot at the border that is only the rounding of written decimals: cut without a word."""


class Draft(NamedTuple):
    """One box of a label file, in pixels, with the place where it is written."""

    class_id: int
    xmin: float
    ymin: float
    xmax: float
    ymax: float
    place: str


class Size(NamedTuple):
    """Height and width of an image in pixels."""

    height: int
    width: int


def image_size(path: Path) -> Size:
    """Height and width from the file's header, without decoding pixels.

    Raises:
        ImageError: the header cannot be read.
    """
    kind = kind_of(path)
    if kind == "TIFF":
        with open_image(path) as image:
            return Size(*image.shape[1:])
    header = read_header(path, kind)
    return Size(header.height, header.width)


def checked_boxes(
    drafts: Sequence[Draft], size: Size, *, where: object
) -> tuple[Boxes, tuple[str, ...]]:
    """Boxes inside the image, and a sentence for each that had to be cut or left out.

    Args:
        drafts: boxes as written.
        size: of the image they lie on.
        where: the label file, for errors.

    Raises:
        AnnotationError: not a finite number, sides swapped, or the centre outside the image.
    """
    with np.errstate(over="ignore"):
        xyxy = np.array([draft[1:5] for draft in drafts], np.float64).astype(np.float32)
    xyxy = xyxy.reshape(-1, 4)
    class_ids = np.array([draft.class_id for draft in drafts], np.int64)
    low, high = xyxy[:, :2], xyxy[:, 2:]
    limit = np.array([size.width, size.height], np.float32)

    for bad, what in (
        (~np.all(np.isfinite(xyxy), axis=1), "is not four finite numbers"),
        (np.any(low > high, axis=1), "has its sides swapped (min > max)"),
    ):
        _refuse(bad, drafts, what, where=where)
    flat = np.any(low == high, axis=1)
    centre = low + (high - low) / 2
    outside = np.any((centre < -ROUNDING_PX) | (centre > limit + ROUNDING_PX), axis=1) & ~flat
    if outside.any():
        middle = centre[outside][0]
        far = _overshoot(middle, middle, size)
        what = f"lies outside the image of {size.width} x {size.height} px, its centre {far}"
        _refuse(outside, drafts, what, where=where)

    crossing = np.any((low < -ROUNDING_PX) | (high > limit + ROUNDING_PX), axis=1) & ~flat
    problems = []
    for index, draft in enumerate(drafts):
        if flat[index]:
            problems.append(f"{_text(draft)} has no area: left out")
        elif crossing[index]:
            far = _overshoot(low[index], high[index], size)
            problems.append(f"{_text(draft)} reaches {far} of the image: cut there")
    boxes = Boxes(xyxy[~flat], class_ids[~flat]).clipped(size.height, size.width)
    return boxes, tuple(problems)


def _overshoot(low: NDArray[np.float32], high: NDArray[np.float32], size: Size) -> str:
    """How far (x, y) and (x, y) lie beyond the border they cross most, in words."""
    beyond = {
        "left": -float(low[0]),
        "upper": -float(low[1]),
        "right": float(high[0]) - size.width,
        "lower": float(high[1]) - size.height,
    }
    border = max(beyond, key=beyond.__getitem__)
    return f"{beyond[border]:.3g} px beyond the {border} border"


def load_checked(
    drafts: Sequence[Draft] | None, image_path: Path, *, where: object, stated: Size | None = None
) -> tuple[Known | Unreadable, tuple[str, ...]]:
    """What a record needs of its boxes: the call that returns them, and the problems.

    An image that cannot be read does not stop the set from being listed: its problem says
    so and its call raises.

    Args:
        drafts: boxes as written; None means that nobody labelled the image.
        image_path: the image they lie on.
        where: the label file, for errors.
        stated: size of the image according to the labels, where they give one.

    Raises:
        AnnotationError: see :func:`checked_boxes`; or the labels are for another size.
    """
    if drafts is None:
        return Known(None), ("there is no label for this image: treated as unlabelled",)
    try:
        size = image_size(image_path)
    except ImageError as error:
        return Unreadable(error), (f"the image cannot be read: {error.what}",)
    check_stated(stated, size, image_path, where=where)
    boxes, problems = checked_boxes(drafts, size, where=where)
    return Known(boxes), problems


def check_stated(stated: Size | None, size: Size, image_path: Path, *, where: object) -> None:
    """Refuse labels that state another size than their image has; None states nothing.

    Raises:
        AnnotationError: the sizes differ.
    """
    if stated is not None and stated != size:
        raise AnnotationError(
            f"the labels are for an image of {stated.width} x {stated.height} px, but "
            f"{image_path.name} has {size.width} x {size.height}",
            where=where,
            remedy="use the image that was labelled",
        )


def as_boxes(annotation: Annotation | None, *, record_id: str, format_name: str) -> Boxes | None:
    """What a box format can hold of an annotation: instances give tight boxes, None stays None.

    Raises:
        DatasetError: an annotation that has no boxes.
    """
    if annotation is None:
        return None
    if isinstance(annotation, Boxes | Instances):
        return boxes_of(annotation, where=record_id)
    raise DatasetError(
        f"{record_id!r} holds {kind_in_words(annotation)}, and {format_name} holds boxes only",
        remedy="convert to another format",
    )


def number(value: float) -> str:
    """The shortest decimal that reads back as the same float32 coordinate."""
    return np.format_float_positional(np.float32(value), trim="-")


def _text(draft: Draft) -> str:
    corners = ", ".join(f"{value:g}" for value in draft[1:5])
    return f"{draft.place}: box ({corners})"


def _refuse(bad: NDArray[np.bool_], drafts: Sequence[Draft], what: str, *, where: object) -> None:
    if bad.any():
        first = drafts[int(np.flatnonzero(bad)[0])]
        others = f"; so with {bad.sum() - 1} more boxes of it" if bad.sum() > 1 else ""
        raise AnnotationError(
            f"{_text(first)} {what}{others}",
            where=where,
            remedy="correct or remove the box, or check that the label is of this image",
        )
