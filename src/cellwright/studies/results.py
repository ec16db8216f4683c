"""Results of a study as tidy rows, each with the published value and what became of it.

**The rule of the status**, here and nowhere else:

- ``reproduced``: the published value lies inside our 95 % interval; for an exact figure
  (parameters), ours rounds to the digits that were printed.
- ``differs``: it does not, or the two cannot be set against each other because ours was
  measured on other data or another machine. Then the note says so, and whether the
  published value would lie inside our interval; agreement on other data reproduces nothing.
- ``not attempted``: there is no figure of ours; the note says why.
- ``measured``: ours has no published counterpart.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from cellwright.errors import DatasetError
from cellwright.images.write import atomic_path
from cellwright.studies.study import Cell, Figure, Place, Records, Study

Status = Literal["reproduced", "differs", "not attempted", "measured"]
PUBLISHED_COLUMNS = ("table", "row", "metric", "value")
NOT_RUN = "not run"


@dataclass(frozen=True)
class Row:
    """One line of ``results.csv``; empty text stands for what is not known."""

    study: str
    table: str
    row: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    published: str
    status: Status
    note: str


COLUMNS = tuple(one.name for one in fields(Row))


def read_published(folder: Path) -> dict[Place, str]:
    """Published values as they were printed, by place; nothing where there is no file.

    Raises:
        DatasetError: a column is missing, a place stands twice, or a value is no number.
    """
    path = folder / "published.csv"
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != PUBLISHED_COLUMNS:
            raise DatasetError(f"needs the columns {', '.join(PUBLISHED_COLUMNS)}", where=path)
        found: dict[Place, str] = {}
        for line in reader:
            place = (line["table"], line["row"], line["metric"])
            where = f"{path}:{reader.line_num}"
            if place in found:
                raise DatasetError(f"{' / '.join(place)} stands twice", where=where)
            try:
                float(line["value"])
            except (TypeError, ValueError) as error:
                raise DatasetError(f"{line['value']!r} is no number", where=where) from error
            found[place] = line["value"]
    return found


def tabulate(study: Study, cells: Sequence[Cell], records: Records) -> list[Row]:
    """Every published and every measured place: the grid's order, then what nobody fills."""
    published = read_published(study.folder)
    measured = {_place(figure): figure for figure in study.collect(records)}
    reasons = _reasons(cells, records)
    places = dict.fromkeys([*measured, *reasons, *published])
    rows = [_row(study.name, place, measured, published, reasons) for place in places]
    order = {table: number for number, table in enumerate(dict.fromkeys(p[0] for p in places))}
    return sorted(rows, key=lambda row: order[row.table])


def status_of(figure: Figure, published: str | None) -> tuple[Status, str]:
    """The rule of this module's header: status and the remark that belongs to it."""
    if figure.value is None:
        return "not attempted", "undefined here"
    if published is None:
        return "measured", ""
    exact = figure.low is None or figure.high is None
    if exact:
        digits = len(published.partition(".")[2])
        agrees = round(figure.value, digits) == float(published)
        where = "ours rounds to it" if agrees else "ours does not round to it"
    else:
        agrees = figure.low <= float(published) <= figure.high  # type: ignore[operator]
        where = f"published value {'inside' if agrees else 'outside'} our interval"
    if figure.apart:
        return "differs", f"{figure.apart}; {where}"
    return ("reproduced" if agrees else "differs"), ""


def _row(
    study: str,
    place: Place,
    measured: dict[Place, Figure],
    published: dict[Place, str],
    reasons: dict[Place, str],
) -> Row:
    printed = published.get(place)
    figure = measured.get(place)
    if figure is None:
        status: Status = "not attempted"
        return Row(
            study,
            *place,
            None,
            None,
            None,
            None,
            printed or "",
            status,
            reasons.get(place, NOT_RUN),
        )
    status, remark = status_of(figure, printed)
    note = "; ".join(part for part in (remark, figure.note) if part)
    value, low, high, n = figure.value, figure.low, figure.high, figure.n
    return Row(study, *place, value, low, high, n, printed or "", status, note)


def _reasons(cells: Sequence[Cell], records: Records) -> dict[Place, str]:
    """Why a place of the grid may have no figure."""
    reasons: dict[Place, str] = {}
    for cell in cells:
        record = records.get(cell.name)
        if record is None:
            why = NOT_RUN
        elif record.finish == "failed":
            why = f"failed: {record.reason.splitlines()[0] if record.reason else 'no message'}"
        else:
            why = record.reason or "not measured by this preset"
        for place in cell.places:
            reasons.setdefault(place, why)
    return reasons


def _place(figure: Figure) -> Place:
    return figure.table, figure.row, figure.metric


def write_rows(path: Path, rows: Sequence[Row]) -> Path:
    """Write ``results.csv``: six significant digits, a figure that needs more is none."""
    return write_lines(
        path, [{key: _cell(value) for key, value in asdict(row).items()} for row in rows]
    )


def write_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> Path:
    """Write ``results.csv`` from lines that are text already."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    return path


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value
