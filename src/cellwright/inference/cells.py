"""The cells of one image as Python takes them: counts, boxes, label image, table, picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import BundleError
from cellwright.images.given import Given, opened
from cellwright.images.overlay import draw_boxes, draw_labels
from cellwright.inference.counts import CountRange
from cellwright.inference.identity import NamedImage
from cellwright.inference.source import thinned
from cellwright.types import Boxes, Instances, SemanticMask

CellTable: TypeAlias = dict[str, list[Any]]
"""Columns of equal length, a value a cell; ``pandas.DataFrame(table)`` takes it as it is."""

UNNAMED = NamedImage(Path("image"), "image", "", "", "")
"""What an image is called that is no file."""

OF_THE_FILE = ("image_id", "group", "well", "field")
"""Columns of ``cells.csv`` that say which image a cell is in, not what the cell is."""


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells that a model found in one image.

    Attributes:
        classes: class names of the model.
        found: boxes, or the label image with class and score of each cell.
        table: the columns of ``cells.csv`` that say something of a cell.
        image: what they were found in; pixels of an array are those of the caller, no copy.
        mask: the class of every pixel; None where the model finds single cells.
        count_range: where the true number of cells lies, with a probability of 90 %; None
            where the model's card cannot tell.
        capped: the model gave all the boxes it can, so that cells may be missing.
    """

    classes: tuple[str, ...]
    found: Boxes | Instances
    table: CellTable
    image: Given
    mask: SemanticMask | None = None
    count_range: CountRange | None = None
    capped: bool = False

    def __len__(self) -> int:
        return len(self.found)

    @property
    def counts(self) -> dict[str, int]:
        """Number of cells of each class, in order of the classes."""
        numbers = np.bincount(_ids(self.found), minlength=len(self.classes))
        return dict(zip(self.classes, numbers.tolist(), strict=True))

    @property
    def boxes(self) -> Boxes:
        """The box around each cell, in the order of the table."""
        return self.found if isinstance(self.found, Boxes) else self.found.boxes()

    @property
    def labels(self) -> NDArray[np.int32]:
        """``(H, W)`` label image: 0 is background, cell k of the table has the number k.

        Raises:
            BundleError: the model finds boxes.
        """
        if isinstance(self.found, Boxes):
            raise BundleError(
                "this model finds boxes, and no outlines",
                remedy="take .boxes, or a model that outlines cells, for instance 'nuclei'",
            )
        return self.found.labels

    def picture(self, *, max_edge: int = 2000) -> NDArray[np.uint8]:
        """The image with every cell drawn into it, and a legend: uint8 RGB ``(h, w, 3)``.

        Args:
            max_edge: its longest edge at most, in pixels.

        Raises:
            ImageError: the image was a file, and can no longer be read; or ``max_edge`` is
                below one pixel.
        """
        with opened(self.image) as source:
            step = max(1, max(source.shape[1:]) // max(1, max_edge))
            image = thinned(source, step)
        if isinstance(self.found, Instances):
            return draw_labels(image, self.found, self.classes, max_edge=max_edge)
        placed = self.found.scaled(1 / step, 1 / step)
        return draw_boxes(image, placed, self.classes, max_edge=max_edge)

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {number}" for name, number in self.counts.items())
        span = self.count_range
        truly = "" if span is None else f"; true count {span.low} to {span.high}"
        capped = "; capped" if self.capped else ""
        return f"<{len(self)} cell{'' if len(self) == 1 else 's'}: {counts}{truly}{capped}>"


def table_of_cells(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> CellTable:
    """Rows of ``cells.csv`` of one image as columns, without :data:`OF_THE_FILE`.

    >>> table_of_cells(("image_id", "label", "area"), [("a", 1, 9.0), ("a", 2, 8.5)])
    {'label': [1, 2], 'area': [9.0, 8.5]}
    """
    return {
        name: [row[at] for row in rows]
        for at, name in enumerate(columns)
        if name not in OF_THE_FILE
    }


def _ids(found: Boxes | Instances) -> NDArray[np.int64]:
    return np.zeros(0, np.int64) if found.class_ids is None else found.class_ids
