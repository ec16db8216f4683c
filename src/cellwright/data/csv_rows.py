"""Tables of commas that people make: their rows, or in one sentence why they are none.

A quotation mark that is not closed swallows the rows behind it, and a decimal comma moves the cells
beside it: such tables are refused, never read as something else.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from cellwright.data.csv_header import other_separator
from cellwright.errors import AnnotationError, CellwrightError, why_unreadable


def table_text(path: Path, *, kind: type[CellwrightError], remedy: str) -> str:
    """The text of a table, also of one that a spreadsheet put a byte order mark in front of.

    Raises:
        CellwrightError: of this kind, with this remedy; the file cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise kind(
            f"cannot be read ({why_unreadable(error)})", where=path, remedy=remedy
        ) from error


def column_names(text: str) -> list[str]:
    """The cells of the first line; none where it cannot be cut."""
    try:
        return next(csv.reader(io.StringIO(text), strict=True), [])
    except csv.Error:
        return []


def csv_rows(
    text: str,
    columns: Sequence[str],
    *,
    where: object,
    kind: type[CellwrightError] = AnnotationError,
) -> Iterator[tuple[str, dict[str, str]]]:
    """Every row of a table and its place; blank lines are passed over.

    Args:
        text: the whole table.
        columns: that it must have; it may have others.
        where: the file, for errors.
        kind: of error.

    Yields:
        Where the row stands, and its cells by column: fewer than there are columns, if it is short.

    Raises:
        CellwrightError: of this kind; columns are missing, a quotation mark is not closed, or a row
            has more cells than the first line has names.
    """
    reader = csv.reader(io.StringIO(text), strict=True)
    begun = 1
    try:
        names = next(reader, [])
        _refuse_lacking(names, columns, where=where, kind=kind)
        begun = reader.line_num + 1
        for cells in reader:
            place, begun = f"{where}:{reader.line_num}", reader.line_num + 1
            # Spreadsheets fill rows up with empty cells.
            if any(cells[len(names) :]):
                raise kind(
                    f"the row has {len(cells)} cells, but the first line names {len(names)}",
                    where=place,
                    remedy="write decimals with a point, and put text that holds a comma into "
                    "quotation marks",
                )
            if cells:
                yield place, dict(zip(names, cells, strict=False))
    except csv.Error as error:
        raise kind(
            f"is no table from here on ({error})",
            where=f"{where}:{begun}",
            remedy="look for a quotation mark that is not closed",
        ) from error


def _refuse_lacking(
    names: Sequence[str], columns: Sequence[str], *, where: object, kind: type[CellwrightError]
) -> None:
    missing = [name for name in columns if name not in names]
    if missing:
        raise kind(
            other_separator(names) or f"the column {missing[0]!r} is missing",
            where=where,
            remedy=f"the first line must name {', '.join(columns)}",
        )
