"""``cellwright.csv``: what a label format has no place for, one row an image.

Columns: ``image`` (path below the set's folder, with ``/``), ``id``, ``group``,
``split`` (train, val, test or empty) and ``pixel_size_um`` (empty if unknown). Every
writer adds the file, other programs ignore it, and readers let it overrule the layout.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cellwright.data.csv_header import other_separator
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import DatasetError, why_unreadable
from cellwright.images.write import atomic_path

SIDECAR = "cellwright.csv"
COLUMNS = ("image", "id", "group", "split", "pixel_size_um")
SPLITS = ("train", "val", "test")


class SidecarRow(NamedTuple):
    """What the sidecar says about one image."""

    id: str
    group: str
    split: str | None
    pixel_size_um: float | None


def read_sidecar(root: Path) -> dict[str, SidecarRow]:
    """Rows by image path below ``root``; empty where there is no sidecar.

    Raises:
        DatasetError: missing columns, an unknown split or a pixel size that is no number > 0.
    """
    path = root / SIDECAR
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if set(COLUMNS) - set(reader.fieldnames or ()):
                what = other_separator(reader.fieldnames) or "columns are missing"
                raise DatasetError(
                    what, where=path, remedy=f"it needs the columns {', '.join(COLUMNS)}"
                )
            return {row["image"]: _parsed(row, where=f"{path}:{reader.line_num}") for row in reader}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(
            f"cannot be read ({why_unreadable(error)})",
            where=path,
            remedy="see that you may read it and that it is saved as CSV in UTF-8",
        ) from error


def _parsed(row: Mapping[str, str | None], *, where: str) -> SidecarRow:
    if None in row.values() or not row["id"]:
        raise DatasetError("the row is incomplete", where=where)
    split = row["split"] or None
    if split is not None and split not in SPLITS:
        raise DatasetError(
            f"unknown split {split!r}", where=where, remedy=f"use one of {', '.join(SPLITS)}"
        )
    try:
        pixel_size = float(row["pixel_size_um"]) if row["pixel_size_um"] else None
    except ValueError:
        pixel_size = -1.0
    if pixel_size is not None and not 0 < pixel_size < float("inf"):
        raise DatasetError(
            f"the pixel size must be a number > 0, not {row['pixel_size_um']!r}", where=where
        )
    return SidecarRow(str(row["id"]), row["group"] or str(row["id"]), split, pixel_size)


def write_groups(root: Path, labelled: LabelledSet, groups: Mapping[str, str]) -> Path:
    """Say in ``cellwright.csv`` which group each image is of; what else it says stays.

    Args:
        root: the folder that ``labelled`` was read from.
        labelled: the set.
        groups: record id to group, of every record.

    Returns:
        The file.

    Raises:
        CellwrightError: the folder cannot be written.
    """
    rows = {
        record.image_path.relative_to(root).as_posix(): SidecarRow(
            record.id, groups[record.id], record.split, record.pixel_size_um
        )
        for record in labelled
    }
    write_sidecar(root, rows)
    return root / SIDECAR


def write_sidecar(root: Path, rows: Mapping[str, SidecarRow]) -> None:
    """Write ``cellwright.csv`` into ``root``; keys are image paths below it."""
    with (
        atomic_path(root / SIDECAR) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for image, row in rows.items():
            size = "" if row.pixel_size_um is None else repr(row.pixel_size_um)
            writer.writerow([image, row.id, row.group, row.split or "", size])
