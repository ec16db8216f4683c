"""A study's page: its tables beside the published values, its plots, where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cellwright.reports.page import Page, show
from cellwright.studies.results import Row
from cellwright.studies.study import Records, Request, Study


def write_page(
    path: Path, study: Study, request: Request, *, rows: Sequence[Row], records: Records
) -> Path:
    """Write the HTML page of a run."""
    page = Page(study.title, f"preset {request.preset}: {study.presets[request.preset]}")
    page.text(study.paper)
    for sentence in study.conclude(records):
        page.note(sentence, tone="good")
    for failed in (record for record in records.values() if record.finish == "failed"):
        page.note(f"{failed.cell} failed: {failed.reason}", tone="warning")
    for table in dict.fromkeys(row.table for row in rows):
        _add_table(page, table, [row for row in rows if row.table == table])
    study.draw(page, records)
    _add_origins(page, records)
    return page.save(path)


def _add_table(page: Page, table: str, rows: Sequence[Row]) -> None:
    page.section(f"Table {table}" if table.isdigit() else table)
    lines = [
        (row.row, row.metric, row.value, _ends(row), row.n, row.published, row.status, row.note)
        for row in rows
    ]
    columns = ("row", "metric", "ours", "95 % interval", "n", "published", "status", "note")
    page.table(columns, lines)


def _ends(row: Row) -> str:
    return "" if row.low is None or row.high is None else f"{show(row.low)} to {show(row.high)}"


def _add_origins(page: Page, records: Records) -> None:
    page.section("Where the figures come from")
    lines = [
        (
            record.cell,
            record.finish,
            record.outcome.data,
            record.outcome.data_checksum[:16],
            record.outcome.seed,
            record.origin.get("commit", ""),
            record.origin.get("seconds"),
        )
        for record in records.values()
    ]
    page.table(("cell", "finish", "data", "checksum", "seed", "commit", "seconds"), lines)
    for key in ("command", "machine"):
        values = sorted({str(record.origin.get(key, "")) for record in records.values()} - {""})
        page.text(f"{key.capitalize()}: " + "; ".join(values))
