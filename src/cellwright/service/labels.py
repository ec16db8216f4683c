"""Corrected images of a job with their labels, as ``cellwright train`` reads them."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright.bundles.card import Card
from cellwright.bundles.mask_output import SemanticMasks
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import UnknownNameError
from cellwright.service.cells import CellsOfJob
from cellwright.service.problems import RefusedError
from cellwright.service.records import Outcome
from cellwright.types import Annotation, Category, Instances, SemanticMask

LABEL_FORMATS: dict[str, tuple[str, ...]] = {
    "detection": ("yolo", "coco", "csv", "voc"),
    "instances": ("instances", "coco"),
    "semantic": ("masks", "instances", "coco"),
    "classification": ("folders",),
}
"""Task -> rows of :data:`~cellwright.data.formats.FORMATS` that hold its corrections."""


@dataclass(frozen=True)
class LoadCorrected:
    """Makes the annotation of one corrected image when it is written, not before."""

    cells: CellsOfJob
    outcome: Outcome
    as_mask: bool

    def __call__(self) -> Annotation:
        """Boxes, instances, a mask of classes, or the class of a picture of one cell."""
        found = self.cells.of(self.outcome, "corrected")
        if isinstance(found, Instances):
            return as_mask(found) if self.as_mask else found
        if self.cells.card.task == "classification":
            return Category(int(found.class_ids[0]))
        return found


def formats_of(task: str) -> tuple[str, ...]:
    """Formats that the corrected images of a model for ``task`` can leave in."""
    return LABEL_FORMATS[task]


def zip_labels(cells: CellsOfJob, outcomes: Sequence[Outcome], format_name: str) -> Path:
    """A zip, for the caller to delete, of the corrected images and their labels.

    Only images that a person has corrected are in it: a model's own cells are no labels.

    Raises:
        UnknownNameError: a format that is none or does not hold this task's labels.
        RefusedError: nothing is corrected yet, or cells of a montage have no image of their own.
    """
    from cellwright.data.formats import FORMATS  # noqa: PLC0415 - not for the start

    task = cells.card.task
    if format_name not in formats_of(task):
        raise UnknownNameError(f"label format for {task}", format_name, formats_of(task))
    corrected = [outcome for outcome in outcomes if outcome.corrections is not None]
    if task == "classification":
        corrected = _one_cell_each(corrected)
    if not corrected:
        raise RefusedError(
            409, "no image of this job is corrected yet", remedy="correct one and save it"
        )
    records = tuple(
        Record(
            id=Path(outcome.name).stem,
            image_path=cells.files.image(outcome.sha256, outcome.suffix),
            load_annotation=LoadCorrected(cells, outcome, as_mask=format_name == "masks"),
            group=Path(outcome.name).stem,
        )
        for outcome in corrected
    )
    labelled = LabelledSet("corrected", _classes(cells.card, format_name), records)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "labels"
        FORMATS[format_name].write(labelled, out)
        return zipped(out)


def as_mask(cells: Instances) -> SemanticMask:
    """Class of each pixel: 0 for none, else the class of its cell + 1."""
    ids = np.zeros(len(cells), np.int64) if cells.class_ids is None else cells.class_ids
    of_label = np.concatenate([[0], ids + 1]).astype(np.uint8)
    return SemanticMask(of_label[cells.labels])


def zipped(folder: Path) -> Path:
    """All files of a folder in a zip of their own, for the caller to delete."""
    with tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as file:
        # Images are compressed already.
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder).as_posix())
        return Path(file.name)


def _classes(card: Card, format_name: str) -> tuple[str, ...]:
    """Class names as the format wants them: masks name the background too."""
    if format_name != "masks":
        return card.classes
    decoding = card.segmentation
    background = decoding.background if isinstance(decoding, SemanticMasks) else "background"
    return (background, *card.classes)


def _one_cell_each(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Images of one cell, without those that a person has taken out."""
    for outcome in outcomes:
        if len((outcome.cells or {"rows": ()})["rows"]) > 1:
            raise RefusedError(
                409,
                "the image shows several cells, and labels of one need an image each",
                where=outcome.name,
                remedy="take the corrected table instead",
            )
    return [outcome for outcome in outcomes if outcome.corrections]
