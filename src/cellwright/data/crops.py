"""Images cut into squares without overlap, each an image of its own with the labels inside.

Paper 3 learns from the sixteen squares of 256 pixels in each section. Windows drawn anywhere
show more; squares are for repeating what was published.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import AnnotationError
from cellwright.images.read import read_image
from cellwright.types import Annotation, Sample, SemanticMask, kind_in_words


@dataclass(frozen=True)
class Square:
    """Where a crop lies in its image, in pixels."""

    top: int
    left: int
    edge: int

    @property
    def rows(self) -> slice:
        """Rows of the image."""
        return slice(self.top, self.top + self.edge)

    @property
    def columns(self) -> slice:
        """Columns of the image."""
        return slice(self.left, self.left + self.edge)


@dataclass(frozen=True)
class CroppedRecord(Record):
    """A square of another record's image; see :class:`~cellwright.data.labelled_set.Record`."""

    square: Square = Square(0, 0, 1)

    def load(self) -> Sample:
        """Decode the image and the annotation, and cut both.

        Raises:
            ImageError: the image cannot be read.
            AnnotationError: as :func:`cropped_mask`.
        """
        whole = super().load()
        image = whole.image[:, self.square.rows, self.square.columns]
        return replace(whole, image=image)


def cropped_mask(whole: Record, square: Square) -> Annotation | None:
    """The part of a record's mask in a square; None where it has no labels.

    Raises:
        AnnotationError: not a mask: cells and boxes would be cut apart.
    """
    annotation = whole.load_annotation()
    if annotation is None:
        return None
    if not isinstance(annotation, SemanticMask):
        raise AnnotationError(
            "only masks are cut into squares, and this image is labelled with "
            f"{kind_in_words(annotation)}",
            where=whole.id,
            remedy="leave out data.crop_px",
        )
    return SemanticMask(annotation.mask[square.rows, square.columns])


def cropped(labelled: LabelledSet, edge_px: int) -> LabelledSet:
    """Every image as its squares, row by row; what is left over at right and bottom is dropped.

    An image smaller than a square gives none. Ids are ``ID@ROW-COLUMN`` of the square; groups
    stay, so that no split tears an image apart.

    Raises:
        ImageError: an image that cannot be read.
    """
    records = []
    for record in labelled:
        _, height, width = read_image(record.image_path).pixels.shape
        for row in range(height // edge_px):
            for column in range(width // edge_px):
                square = Square(row * edge_px, column * edge_px, edge_px)
                records.append(
                    CroppedRecord(
                        id=f"{record.id}@{row}-{column}",
                        image_path=record.image_path,
                        load_annotation=partial(cropped_mask, record, square),
                        group=record.group,
                        split=record.split,
                        pixel_size_um=record.pixel_size_um,
                        square=square,
                    )
                )
    return replace(labelled, records=tuple(records))
