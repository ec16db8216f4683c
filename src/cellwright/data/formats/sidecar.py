"""``cellwright.csv``: what a label format has no place for, one row an image.

Columns: ``image`` (path below the set's folder, with ``/``), ``id``, ``group``,
``split`` (train, val, test or empty) and ``pixel_size_um`` (empty if unknown). Every
writer adds the file, other programs ignore it, and readers let it overrule the layout.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cellwright.data.csv_rows import column_names, csv_rows, table_text
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import DatasetError
from cellwright.images.write import atomic_path

SIDECAR = "cellwright.csv"
COLUMNS = ("image", "id", "group", "split", "pixel_size_um")
SPLITS = ("train", "val", "test")
NO_ROW = (
    "it has no row in cellwright.csv, which says of other images which group they are of: taken as "
    "a group of its own"
)


class SidecarRow(NamedTuple):
    """What the sidecar says about one image."""

    id: str
    group: str
    split: str | None
    pixel_size_um: float | None


def read_sidecar(root: Path) -> dict[str, SidecarRow]:
    """Rows by image path below ``root``; empty where there is no sidecar.

    Raises:
        DatasetError: missing columns, an image twice, an unknown split or a pixel size that is no
            number > 0.
    """
    path = root / SIDECAR
    if not path.is_file():
        return {}
    rows: dict[str, SidecarRow] = {}
    for where, row in csv_rows(_text(path), COLUMNS, where=path, kind=DatasetError):
        parsed = _parsed(row, where=where)
        if rows.setdefault(row["image"], parsed) is not parsed:
            raise DatasetError(
                f"{row['image']!r} has two rows", where=where, remedy="keep one of the two"
            )
    return rows


def _text(path: Path) -> str:
    remedy = "see that you may read it and that it is saved as CSV in UTF-8"
    return table_text(path, kind=DatasetError, remedy=remedy)


def _parsed(row: Mapping[str, str], *, where: str) -> SidecarRow:
    if set(COLUMNS) - row.keys() or not row["id"].strip():
        raise DatasetError("the row is incomplete", where=where)
    # A blank behind a name would make it another group. An id is what its writer says.
    name, (group, split, size) = row["id"], (row[column].strip() for column in COLUMNS[2:])
    if split and split not in SPLITS:
        raise DatasetError(
            f"unknown split {split!r}", where=where, remedy=f"use one of {', '.join(SPLITS)}"
        )
    try:
        pixel_size = float(size) if size else None
    except ValueError:
        pixel_size = -1.0
    if pixel_size is not None and not 0 < pixel_size < float("inf"):
        raise DatasetError(f"the pixel size must be a number > 0, not {size!r}", where=where)
    return SidecarRow(name, group or name, split or None, pixel_size)


def write_groups(root: Path, labelled: LabelledSet, groups: Mapping[str, str]) -> Path:
    """Say in ``cellwright.csv`` which group each image is of; what else it says stays.

    Args:
        root: the folder that ``labelled`` was read from.
        labelled: the set.
        groups: record id to group, of every record.

    Returns:
        The file.

    Raises:
        DatasetError: images that lie in a cache or an archive, not in the folder.
        CellwrightError: the folder cannot be written.
    """
    refuse_elsewhere(root, labelled)
    path = root / SIDECAR
    text = _text(path) if path.is_file() else ""
    others = [name for name in column_names(text) if name not in COLUMNS]
    held = (
        {row["image"]: row for _, row in csv_rows(text, COLUMNS, where=path, kind=DatasetError)}
        if text
        else {}
    )
    rows = {}
    for record in labelled:
        place = record.image_path.relative_to(root).as_posix()
        row = SidecarRow(record.id, groups[record.id], record.split, record.pixel_size_um)
        more = held.get(place, {})
        rows[place] = [*_cells(row), *(more.get(name, "") for name in others)]
    _write(path, rows, others)
    return path


def refuse_elsewhere(root: Path, labelled: LabelledSet) -> None:
    """Refuse a set whose images ``cellwright.csv`` cannot name.

    Raises:
        DatasetError: they lie in a cache or an archive, not in the folder.
    """
    if not all(record.image_path.is_relative_to(root) for record in labelled):
        raise DatasetError(
            "its images lie in no folder of the set: cellwright.csv has no place for them",
            where=root,
            remedy="convert the set first: cellwright data convert SET NEW --to folders",
        )


def write_sidecar(root: Path, rows: Mapping[str, SidecarRow]) -> None:
    """Write ``cellwright.csv`` into ``root``; keys are image paths below it."""
    _write(root / SIDECAR, {image: _cells(row) for image, row in rows.items()})


def refuse_sidecar(root: Path, layout: str) -> None:
    """Refuse a ``cellwright.csv`` beside what has its images elsewhere: nobody would heed it.

    Raises:
        DatasetError: there is one.
    """
    if (root / SIDECAR).is_file():
        raise DatasetError(
            f"{SIDECAR} has no effect on a set of the layout {layout}",
            where=root,
            remedy=f"remove it, or convert the set first: cellwright data convert SET NEW --to "
            f"folders; NEW may have a {SIDECAR}",
        )


def _cells(row: SidecarRow) -> list[str]:
    size = "" if row.pixel_size_um is None else repr(row.pixel_size_um)
    return [row.id, row.group, row.split or "", size]


def _write(path: Path, rows: Mapping[str, Sequence[str]], others: Sequence[str] = ()) -> None:
    with (
        atomic_path(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, *others])
        writer.writerows([image, *cells] for image, cells in rows.items())
