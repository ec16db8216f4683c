"""Corrected images of a job with their labels, as ``cellwright train`` reads them."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cellwright.data.formats import FORMATS
from cellwright.data.formats.layout import Known
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import UnknownNameError
from cellwright.service.files import Files
from cellwright.service.problems import RefusedError
from cellwright.service.records import Outcome
from cellwright.types import Boxes

LABEL_FORMATS = {"detection": ("yolo", "coco", "csv", "voc")}
"""Rows of :data:`~cellwright.data.formats.FORMATS` that hold the corrections of a task."""


def formats_of(task: str) -> tuple[str, ...]:
    """Formats that the corrected images of a model for ``task`` can leave in."""
    return LABEL_FORMATS.get(task, ())


def zip_labels(
    outcomes: Sequence[Outcome], files: Files, classes: Sequence[str], format_name: str
) -> Path:
    """A zip, for the caller to delete, of the corrected images and their labels.

    Only images that a person has corrected are in it: a model's own boxes are no labels.

    Raises:
        UnknownNameError: a format that is none or holds no boxes.
        RefusedError: nothing is corrected yet.
    """
    if format_name not in LABEL_FORMATS["detection"]:
        raise UnknownNameError("label format", format_name, LABEL_FORMATS["detection"])
    records = tuple(
        Record(
            id=Path(outcome.name).stem,
            image_path=files.image(outcome.sha256, outcome.suffix),
            load_annotation=Known(as_boxes(outcome.corrections, classes)),
            group=Path(outcome.name).stem,
        )
        for outcome in outcomes
        if outcome.corrections is not None
    )
    if not records:
        raise RefusedError(
            409, "no image of this job is corrected yet", remedy="correct one and save it"
        )
    labelled = LabelledSet("corrected", tuple(classes), records)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "labels"
        FORMATS[format_name].write(labelled, out)
        return zipped(out)


def as_boxes(corrections: Sequence[Any], classes: Sequence[str]) -> Boxes:
    """Stored corrections as annotated boxes."""
    corners = np.array([box["xyxy"] for box in corrections], np.float32).reshape(-1, 4)
    ids = np.array([list(classes).index(box["class"]) for box in corrections], np.int64)
    return Boxes(corners, ids)


def zipped(folder: Path) -> Path:
    """All files of a folder in a zip of their own, for the caller to delete."""
    with tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as file:
        # Images are compressed already.
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder).as_posix())
        return Path(file.name)
