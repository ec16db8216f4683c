"""The table of cells that a person has corrected, measured anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cellwright.images.read import open_image
from cellwright.inference.detection_work import cell_rows
from cellwright.inference.identity import NamedImage, name_images
from cellwright.inference.run_folder import CELL_COLUMNS, Row
from cellwright.service.cells import SEGMENTS, CellsOfJob, numbers_of
from cellwright.service.records import Outcome
from cellwright.service.tabulate import ResultTable
from cellwright.types import Instances

CLASS_COLUMNS = (
    *("image_id", "label", "class", "score"),
    *("bbox-0", "bbox-1", "bbox-2", "bbox-3", "centroid-0", "centroid-1"),
)


def corrected_table(cells: CellsOfJob, outcomes: Sequence[Outcome]) -> ResultTable:
    """A row a cell of the corrected images, with the columns of ``cells``; no cell has a score.

    A cell that was kept has the label that ``cells`` gives it.

    Raises:
        MissingError: the label image of a corrected image is gone.
    """
    corrected = [outcome for outcome in outcomes if outcome.corrections is not None]
    rows = tuple(
        (row[0], label, row[2], None, *row[4:])
        for outcome in corrected
        for label, row in zip(
            numbers_of(outcome.corrections or (), outcome), _rows(cells, outcome), strict=True
        )
    )
    return ResultTable(columns_of(cells), rows)


def columns_of(cells: CellsOfJob) -> tuple[str, ...]:
    """Columns of the table, of which each task has ``image_id, label, class, score`` first."""
    if cells.card.task in SEGMENTS:
        # SciPy and scikit-image, which detection does without, take a second to import.
        from cellwright.inference.region_table import region_columns  # noqa: PLC0415

        return region_columns(cells.card.input.channels)
    return CELL_COLUMNS if cells.card.task == "detection" else CLASS_COLUMNS


def _rows(cells: CellsOfJob, outcome: Outcome) -> list[Row]:
    found = cells.of(outcome, "corrected")
    size = (outcome.summary or {}).get("pixel_size_um")
    named = replace(name_images([Path(outcome.name)])[0], group="")
    if isinstance(found, Instances):
        return _region_rows(cells, outcome, found, named, size)
    rows = cell_rows(found, cells.card.classes, named, size)
    return [row[: len(columns_of(cells))] for row in rows]


def _region_rows(
    cells: CellsOfJob,
    outcome: Outcome,
    found: Instances,
    named: NamedImage,
    pixel_size_um: float | None,
) -> list[Row]:
    from cellwright.inference.region_table import region_rows  # noqa: PLC0415 - as above

    with open_image(cells.files.image(outcome.sha256, outcome.suffix)) as source:
        return region_rows(
            found,
            source,
            classes=cells.card.classes,
            image=named,
            pixel_size_um=pixel_size_um,
            n_channels=cells.card.input.channels,
        )
