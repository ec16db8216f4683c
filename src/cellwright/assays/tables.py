"""Tables an assay writes: one row a cell, an image, a group, or a file that was left out."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cellwright.images.csv_table import plain_cell, read_csv, safe_cell
from cellwright.images.write import atomic_path
from cellwright.inference.run_folder import CELL_COLUMNS, ERROR_COLUMNS
from cellwright.metrics.intervals import Interval

Row: TypeAlias = Sequence[str | int | float | None]

ERRORS = "errors.csv"

SEEN_IN = "seen_in"
"""Column that says in which images of its field a cell was found."""

CELL_KINDS: dict[str, type] = {
    **dict.fromkeys(CELL_COLUMNS, float),
    **dict.fromkeys(("image_id", "class", "group", "well", "field", SEEN_IN), str),
    "label": int,
}
"""Columns of ``cells.csv`` and ``cells.parquet`` and the type of each."""


RESULTS = ("cells.csv", "cells.parquet", "summary.csv", "groups.csv", ERRORS, "report.html")
"""Files that an assay with a run of its own ends with."""


@contextmanager
def all_or_none(out: Path, names: Sequence[str]) -> Iterator[None]:
    """Within it files ``names`` are written into ``out``; where that is stopped, none is left.

    Tables without their report would look like a run that is done.
    """
    try:
        yield
    except BaseException:
        for name in names:
            (out / name).unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class LeftOut:
    """A file that was not counted: which, why, and what would help."""

    image_id: str
    file: str
    error: str
    remedy: str = ""

    @property
    def row(self) -> Row:
        """Its row of ``errors.csv`` (:data:`~cellwright.inference.run_folder.ERROR_COLUMNS`)."""
        return (self.image_id, self.file, self.error, self.remedy)


def read_left_out(out: Path) -> tuple[LeftOut, ...]:
    """The rows of the ``errors.csv`` that a run of ``predict`` wrote into ``out``."""
    return tuple(LeftOut(*(row[name] for name in ERROR_COLUMNS)) for row in read_csv(out / ERRORS))


def write_groups(out: Path, group_of: Mapping[str, str]) -> None:
    """Put what each image was pooled with into the column ``group`` of the tables of ``predict``.

    Args:
        out: folder of ``cells.csv`` and ``summary.csv``, which are read and written row by row.
        group_of: image id to group.
    """
    for table in ("cells.csv", "summary.csv"):
        _regroup(out / table, group_of)


def _regroup(path: Path, group_of: Mapping[str, str]) -> None:
    with (
        path.open(newline="", encoding="utf-8") as held,
        atomic_path(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        reader = csv.DictReader(held)
        writer = csv.DictWriter(file, reader.fieldnames or (), lineterminator="\n")
        writer.writeheader()
        for row in reader:
            group = group_of[plain_cell(row["image_id"])]
            writer.writerow({**row, "group": safe_cell(group)})


def value_and_ends(*intervals: Interval) -> tuple[float | None, ...]:
    """Value, low and high end of each, to five decimals; None where there is none.

    >>> value_and_ends(Interval(1 / 3, 0.25, None, 9))
    (0.33333, 0.25, None)
    """
    numbers = (number for one in intervals for number in (one.value, one.low, one.high))
    return tuple(None if number is None else round(number, 5) for number in numbers)


def write_parquet(path: Path, columns: Mapping[str, type], rows: Sequence[Row]) -> None:
    """A Parquet file whose columns are of the given types (str, int, float); None is null."""
    import pyarrow as pa  # noqa: PLC0415 - a large library that only this table needs
    from pyarrow import parquet  # noqa: PLC0415

    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    arrays = {
        column: pa.array([row[index] for row in rows], type=kinds[kind])
        for index, (column, kind) in enumerate(columns.items())
    }
    with atomic_path(path) as temporary:
        parquet.write_table(pa.table(arrays), temporary)
