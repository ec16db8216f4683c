"""The tables of a confluence run: a row a cell, an image, a group, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence

from cellwright.assays.confluence.cover import ConfluenceReport, CoveredField, PooledCover
from cellwright.assays.tables import Row, value_and_ends, write_parquet
from cellwright.images.csv_table import write_csv
from cellwright.inference.run_folder import ERROR_COLUMNS

SUMMARY_COLUMNS = (
    *("image_id", "group", "well", "field", "height", "width", "n_cells"),
    *("confluence", "area_mean", "area_mean_um2", "pixel_size_um", "overlay", "notes"),
)
"""Columns of ``summary.csv``."""

_FIGURES = ("confluence", "cells_per_image", "area_mean", "area_mean_um2")

GROUP_COLUMNS = (
    *("group", "n_images", "n_cells"),
    *(f"{name}{end}" for name in _FIGURES for end in ("", "_low", "_high")),
)
"""Columns of ``groups.csv``, 95 % intervals; its last row pools all images."""

_WORDS = ("image_id", "class", "group", "well", "field")


def write_tables(report: ConfluenceReport, cell_columns: Sequence[str]) -> None:
    """``cells.csv``, ``cells.parquet``, ``summary.csv``, ``groups.csv``, ``errors.csv``."""
    cells = [row for field in report.fields for row in field.cells]
    kinds: dict[str, type] = {
        **dict.fromkeys(cell_columns, float),
        **dict.fromkeys(_WORDS, str),
        "label": int,
    }
    write_csv(report.out / "cells.csv", kinds, cells)
    write_parquet(report.out / "cells.parquet", kinds, cells)
    write_csv(report.out / "summary.csv", SUMMARY_COLUMNS, map(summary_row, report.fields))
    pooled = (*report.groups, report.overall)
    write_csv(report.out / "groups.csv", GROUP_COLUMNS, map(group_row, pooled))
    write_csv(report.out / "errors.csv", ERROR_COLUMNS, (item.row for item in report.left_out))


def summary_row(field: CoveredField) -> Row:
    """The row of an image (:data:`SUMMARY_COLUMNS`)."""
    image = field.image
    return (
        *(image.id, image.group, image.well, image.field, *field.size, field.n_cells),
        *(_short(field.confluence), _short(field.area_mean_px), _short(field.area_mean_um2)),
        *(field.pixel_size_um, field.overlay, "; ".join(field.notes)),
    )


def group_row(pooled: PooledCover) -> Row:
    """The row of a group (:data:`GROUP_COLUMNS`)."""
    shares = (pooled.confluence, pooled.cells_per_image)
    areas = (pooled.area_mean_px, pooled.area_mean_um2)
    return (pooled.name, pooled.n_images, pooled.n_cells, *value_and_ends(*shares, *areas))


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
