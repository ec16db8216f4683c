"""Results of a job as tables and as labels that ``cellwright train`` reads."""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cellwright.data.formats import FORMATS
from cellwright.data.formats.layout import Known
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import UnknownNameError
from cellwright.inference.run_folder import ERROR_COLUMNS
from cellwright.service.files import Files
from cellwright.service.problems import RefusedError
from cellwright.service.store import Outcome
from cellwright.types import Boxes

LABEL_FORMATS = ("coco", "csv", "voc", "yolo")
"""Rows of :data:`~cellwright.data.formats.FORMATS` that hold boxes."""

CORRECTED_COLUMNS = ("image_id", "label", "class", "bbox-0", "bbox-1", "bbox-2", "bbox-3")


def summary_table(outcomes: Sequence[Outcome]) -> str:
    """``summary.csv`` of the images that are done."""
    done = [outcome.summary for outcome in outcomes if outcome.summary is not None]
    columns = list(done[0]) if done else ["image_id"]
    return _table(columns, ([row[name] for name in columns] for row in done))


def cell_table(outcomes: Sequence[Outcome]) -> str:
    """``cells.csv`` of the images that are done."""
    done = [outcome.cells for outcome in outcomes if outcome.cells is not None]
    columns = done[0]["columns"] if done else ["image_id"]
    return _table(columns, (row for cells in done for row in cells["rows"]))


def error_table(outcomes: Sequence[Outcome]) -> str:
    """``errors.csv``: the images that could not be done, and why."""
    rows = (
        (Path(outcome.name).stem, outcome.name, problem["what"], problem["remedy"])
        for outcome in outcomes
        if (problem := outcome.problem) is not None
    )
    return _table(ERROR_COLUMNS, rows)


def corrected_table(outcomes: Sequence[Outcome]) -> str:
    """``corrected.csv``: a row a cell of the images that a person has corrected."""
    rows = []
    for outcome in outcomes:
        for index, box in enumerate(outcome.corrections or ()):
            x0, y0, x1, y1 = box["xyxy"]
            rows.append((Path(outcome.name).stem, index + 1, box["class"], y0, x0, y1, x1))
    return _table(CORRECTED_COLUMNS, rows)


def zip_labels(
    outcomes: Sequence[Outcome], files: Files, classes: Sequence[str], format_name: str
) -> Path:
    """A zip, for the caller to delete, of the corrected images and their labels.

    Only images that a person has corrected are in it: a model's own boxes are no labels.

    Raises:
        UnknownNameError: a format that is none or holds no boxes.
        RefusedError: nothing is corrected yet.
    """
    if format_name not in LABEL_FORMATS:
        raise UnknownNameError("label format", format_name, LABEL_FORMATS)
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
        return _zipped(out)


def as_boxes(corrections: Sequence[Any], classes: Sequence[str]) -> Boxes:
    """Stored corrections as annotated boxes."""
    corners = np.array([box["xyxy"] for box in corrections], np.float32).reshape(-1, 4)
    ids = np.array([list(classes).index(box["class"]) for box in corrections], np.int64)
    return Boxes(corners, ids)


def _zipped(folder: Path) -> Path:
    with tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as file:
        # Images are compressed already.
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder).as_posix())
        return Path(file.name)


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
