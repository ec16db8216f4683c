"""Tables of a README come from the results and are left alone otherwise."""

from __future__ import annotations

import pytest

from cellwright.errors import DatasetError
from cellwright.studies.readme import filled, publish
from cellwright.studies.results import tabulate, write_rows
from cellwright.studies.study import Cell, Figure, Outcome, Record, Study

PAGE = """# Toy
before
<!-- table: 3 -->
old
<!-- end -->
after <!-- table: origin -->
old
<!-- end -->
"""


@pytest.fixture
def toy(tmp_path):
    (tmp_path / "published.csv").write_text(
        "table,row,metric,value\n3,net,P (%),95.2\n3,other,P (%),97\n"
    )
    (tmp_path / "README.md").write_text(PAGE)
    return Study("toy", "", "", tmp_path, {}, lambda _: {}, lambda _: [])


@pytest.fixture
def records():
    figures = (
        Figure("3", "net", "P (%)", 95.04, 94.0, 96.25, 812),
        Figure("3", "net", "cells", 2500.0),
    )
    origin = {
        "command": "cellwright study run toy",
        "commit": "abc",
        "machine": "a box",
        "date": "2026-11-20T10:00:00+00:00",
        "seconds": 1800.0,
    }
    return {"c": Record("c", "done", Outcome(figures, 7, "d", "f" * 64), origin=origin)}


def test_publishing_renews_results_and_tables(toy, records, tmp_path):
    assert filled(toy) == PAGE, "nothing is filled before there are results"
    table = write_rows(tmp_path / "run" / "results.csv", tabulate(toy, [], records))
    page = publish(toy, records, table).read_text()
    assert page == filled(toy)
    assert page.startswith("# Toy\nbefore\n<!-- table: 3 -->\n|  | P (%) | cells |\n| --- |")
    assert "| net | 95 (94 to 96.2) [95.2] | 2,500 |" in page
    assert "| other | not attempted: not run [97] |  |" in page
    assert "`cellwright study run toy`; commit abc; 2026-11-20; a box; 0.5 hours; seeds 7" in page
    assert "old" not in page


def test_what_was_not_run_keeps_its_committed_figure(toy, records, tmp_path):
    publish(toy, records, write_rows(tmp_path / "run" / "results.csv", tabulate(toy, [], records)))
    later = Record(
        "d",
        "done",
        Outcome((Figure("3", "other", "P (%)", 96.5, 96.0, 97.5, 90),), 8, "d", "e" * 64),
        origin={
            "command": "cellwright study run toy --only d",
            "commit": "def",
            "machine": "another box",
            "date": "2026-11-28T10:00:00+00:00",
            "seconds": 900.0,
        },
    )
    places = tuple(
        (figure.table, figure.row, figure.metric) for figure in records["c"].outcome.figures
    )
    not_run = Cell("c", places, lambda _: Outcome(()))
    table = write_rows(tmp_path / "run" / "results.csv", tabulate(toy, [not_run], {"d": later}))
    page = publish(toy, {"d": later}, table).read_text()
    assert "| net | 95 (94 to 96.2) [95.2] | 2,500 |" in page
    assert "| other | 96.5 (96 to 97.5) [97] |  |" in page
    assert page.index("| net |") < page.index("| other |"), "the order stays"
    assert (
        "`cellwright study run toy`, `cellwright study run toy --only d`; commit abc, def;" in page
    )
    assert "2026-11-28; a box; another box; 0.75 hours; seeds 7, 8;" in page


def test_a_block_without_a_table_is_an_error(toy, records, tmp_path):
    (tmp_path / "README.md").write_text(PAGE.replace("table: 3", "table: 33"))
    table = write_rows(tmp_path / "run" / "results.csv", tabulate(toy, [], records))
    with pytest.raises(DatasetError, match="no table '33'"):
        publish(toy, records, table)
