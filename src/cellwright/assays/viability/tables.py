"""The tables of a viability run: a row a cell, an image, a group, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator

from cellwright.assays.tables import CELL_KINDS, Row, value_and_ends, write_parquet
from cellwright.assays.viability.counts import CLASSES, CountedField, Pooled, ViabilityReport
from cellwright.assays.viability.true_counts import CountRanges
from cellwright.images.csv_table import write_csv
from cellwright.inference.detection_work import cell_rows
from cellwright.inference.run_folder import ERROR_COLUMNS

COUNT_COLUMNS = (
    *("n_cells_low", "n_cells_high", "n_live_low", "n_live_high", "n_dead_low", "n_dead_high"),
    *("by_count_low", "by_count_high"),
)
"""90 % intervals of true counts and of the viability; empty where the card has no calibration."""

SUMMARY_COLUMNS = (
    *("image_id", "group", "well", "field", "n_cells", "n_live", "n_dead", "n_dead_red_only"),
    *("viability", "viability_low", "viability_high", "pixel_size_um", "overlay", "notes"),
    *COUNT_COLUMNS,
)
"""Columns of ``summary.csv``; the interval of the viability is Wilson's, 95 %."""

GROUP_COLUMNS = (
    *("group", "n_images", "n_cells", "n_live", "n_dead"),
    *("viability", "viability_low", "viability_high"),
    *("by_cell_low", "by_cell_high", "by_image_low", "by_image_high"),
    *COUNT_COLUMNS,
)
"""Columns of ``groups.csv``; its last row pools all images."""


def write_tables(report: ViabilityReport) -> None:
    """``cells.csv``, ``cells.parquet``, ``summary.csv``, ``groups.csv``, ``errors.csv``."""
    cells = [row for field in report.fields for row in _cells(field)]
    write_csv(report.out / "cells.csv", CELL_KINDS, cells)
    write_parquet(report.out / "cells.parquet", CELL_KINDS, cells)
    write_csv(report.out / "summary.csv", SUMMARY_COLUMNS, map(summary_row, report.fields))
    pooled = (*report.groups, report.overall)
    write_csv(report.out / "groups.csv", GROUP_COLUMNS, map(group_row, pooled))
    write_csv(report.out / "errors.csv", ERROR_COLUMNS, (item.row for item in report.left_out))


def summary_row(field: CountedField) -> Row:
    """The row of an image (:data:`SUMMARY_COLUMNS`)."""
    image, cells = field.image, field.cells
    return (
        *(image.id, image.group, image.well, image.field),
        *(len(cells.boxes), cells.n_live, cells.n_dead, cells.n_red_only),
        *value_and_ends(field.viability),
        *(field.pixel_size_um, field.overlay, "; ".join(field.notes)),
        *_ends(field.ranges),
    )


def group_row(pooled: Pooled) -> Row:
    """The row of a group (:data:`GROUP_COLUMNS`)."""
    return (
        *(pooled.name, pooled.n_images, pooled.n_live + pooled.n_dead),
        *(pooled.n_live, pooled.n_dead),
        *value_and_ends(pooled.viability),
        *value_and_ends(pooled.by_cell)[1:],
        *value_and_ends(pooled.by_image)[1:],
        *_ends(pooled.by_count),
    )


def _cells(field: CountedField) -> Iterator[Row]:
    rows = cell_rows(field.cells.boxes, CLASSES, field.image, field.pixel_size_um)
    for row, seen in zip(rows, field.cells.seen_in, strict=True):
        yield (*row, seen)


def _ends(ranges: CountRanges) -> tuple[float | None, ...]:
    """Values of :data:`COUNT_COLUMNS`."""
    pairs: tuple[tuple[float | None, float | None], ...] = tuple(
        pair or (None, None) for pair in ranges
    )
    return tuple(None if end is None else round(end, 5) for pair in pairs for end in pair)
