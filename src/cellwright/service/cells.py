"""The cells of an image as annotations: those a model found, and those a person made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.card import Card
from cellwright.images.fill import fill_free
from cellwright.images.outlines import Outline, outline_boxes, outline_cells
from cellwright.images.read import read_image
from cellwright.inference.regions import areas_of_label
from cellwright.service.answers import as_objects
from cellwright.service.files import Files
from cellwright.service.records import MissingError, Outcome
from cellwright.types import Boxes, Instances

Whose: TypeAlias = Literal["model", "corrected", "current"]
"""The model's cells; a person's; a person's where there are such, else the model's."""

SEGMENTS = ("instances", "semantic")
"""Tasks whose cells are pixels of a label image; those of all others are boxes."""


@dataclass(frozen=True)
class CellsOfJob:
    """Reads the cells of the images of one job.

    Attributes:
        files: of the service.
        job_id: of the job.
        card: of its model.
    """

    files: Files
    job_id: str
    card: Card

    def outlines(self, outcome: Outcome, whose: Whose) -> Iterator[Outline]:
        """Outlines of an image's cells, in order; raises as :meth:`of`."""
        cells = self.of(outcome, whose)
        drawn = (
            outline_boxes(cells, self.card.classes)
            if isinstance(cells, Boxes)
            else outline_cells(cells, self.card.classes)
        )
        if whose == "model" or outcome.corrections is None:
            return drawn
        numbers = numbers_of(outcome.corrections, outcome)
        return (replace(one, label=numbers[one.label - 1]) for one in drawn)

    def of(self, outcome: Outcome, whose: Whose) -> Boxes | Instances:
        """The cells of an image.

        Raises:
            MissingError: it is not done, or nobody has corrected it.
        """
        if outcome.state != "done":
            raise MissingError(
                "this image has no cells", where=outcome.name, remedy="wait until it is done"
            )
        if whose == "model" or (whose == "current" and outcome.corrections is None):
            return self._found(outcome)
        if outcome.corrections is None:
            raise MissingError(
                "nobody has corrected this image", where=outcome.name, remedy="correct it first"
            )
        return self.corrected(outcome, outcome.corrections)

    def corrected(self, outcome: Outcome, corrections: Sequence[Any]) -> Boxes | Instances:
        """What ``corrections`` make of an image's cells.

        Drawn cells take pixels that no kept cell has, in the order they are given; each has some
        (:meth:`areas`).
        """
        ids = self._class_ids(corrections)
        if corrections and "xyxy" in corrections[0]:
            return Boxes(_corners([box["xyxy"] for box in corrections]), ids)
        if self.card.task in SEGMENTS:
            return Instances(corrected_labels(self._labels(outcome), corrections), ids)
        boxes = self._boxes(outcome)
        kept = np.array([cell["label"] - 1 for cell in corrections], np.int64)
        return Boxes(boxes.xyxy[kept], ids)

    def areas(self, outcome: Outcome, corrections: Sequence[Any]) -> list[int] | None:
        """Pixels of each cell that ``corrections`` name; None where the model draws boxes."""
        if self.card.task not in SEGMENTS:
            return None
        labels = corrected_labels(self._labels(outcome), corrections)
        areas: list[int] = areas_of_label(labels, len(corrections)).tolist()
        return areas

    def _found(self, outcome: Outcome) -> Boxes | Instances:
        boxes = self._boxes(outcome)
        if self.card.task not in SEGMENTS:
            return boxes
        return Instances(self._labels(outcome), boxes.class_ids, boxes.scores)

    def _boxes(self, outcome: Outcome) -> Boxes:
        rows = as_objects(outcome.cells)
        corners = _corners([[row[f"bbox-{side}"] for side in (1, 0, 3, 2)] for row in rows])
        scores = [row["score"] for row in rows]
        known = None if None in scores else np.array(scores, np.float32)
        return Boxes(corners, self._class_ids(rows), known)

    def _labels(self, outcome: Outcome) -> NDArray[np.int32]:
        path = self.label_file(outcome)
        if not path.is_file():
            raise MissingError(
                "the label image of this image is gone",
                where=outcome.name,
                remedy="count the image again in a new job",
            )
        labels: NDArray[np.int32] = read_image(path).pixels[0].astype(np.int32)
        return labels

    def label_file(self, outcome: Outcome) -> Path:
        """Where the model's label image of an image lies, if it makes such."""
        return self.files.result(self.job_id, outcome.position, "labels.tif")

    def _class_ids(self, cells: Sequence[Any]) -> NDArray[np.int64]:
        index = {name: number for number, name in enumerate(self.card.classes)}
        return np.array([index[cell["class"]] for cell in cells], np.int64)


def numbers_of(corrections: Sequence[Any], outcome: Outcome) -> list[int]:
    """What the corrected cells of an image are called: a kept one as the model's table calls it.

    One drawn by hand has its place in the list, counted on from the model's highest, as on the
    page; boxes, of which none is known to be the model's, are numbered anew.
    """
    is_boxes = bool(corrections) and "xyxy" in corrections[0]
    highest = 0 if is_boxes else len((outcome.cells or {"rows": ()})["rows"])
    return [cell.get("label", highest + place) for place, cell in enumerate(corrections, start=1)]


def corrected_labels(labels: NDArray[np.int32], corrections: Sequence[Any]) -> NDArray[np.int32]:
    """A label image ``(H, W)`` in which cell k has the number of the k-th correction, from 1.

    Args:
        labels: of the model, 1..n.
        corrections: each with the ``label`` that is kept, or a ``polygon`` of corners (x, y).
    """
    new = np.zeros(int(labels.max(initial=0)) + 1, np.int32)
    for number, cell in enumerate(corrections, start=1):
        if "label" in cell:
            new[cell["label"]] = number
    corrected: NDArray[np.int32] = new[labels]
    for number, cell in enumerate(corrections, start=1):
        if "polygon" in cell:
            fill_free(corrected, (np.array(cell["polygon"], np.float64),), number)
    return corrected


def _corners(boxes: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    return np.array(boxes, np.float32).reshape(-1, 4)
