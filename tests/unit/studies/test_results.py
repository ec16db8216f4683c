"""Statuses by the one rule, and the table that holds them."""

from __future__ import annotations

import csv

import pytest

from cellwright.errors import DatasetError
from cellwright.studies.results import (
    COLUMNS,
    read_published,
    status_of,
    tabulate,
    write_rows,
)
from cellwright.studies.study import Cell, Figure, Outcome, Record, Study


@pytest.mark.parametrize(
    ("ends", "published", "apart", "status", "note"),
    [
        ((94.0, 96.0), "95.2", "", "reproduced", ""),
        ((94.0, 95.0), "95.2", "", "differs", ""),
        ((95.2, 97.0), "95.2", "", "reproduced", ""),
        (
            (94.0, 96.0),
            "95.2",
            "other data",
            "differs",
            "other data; published value inside our interval",
        ),
        (
            (94.0, 95.0),
            "95.2",
            "other machine",
            "differs",
            "other machine; published value outside our interval",
        ),
        ((94.0, 96.0), None, "", "measured", ""),
    ],
)
def test_the_rule_for_figures_with_an_interval(ends, published, apart, status, note):
    figure = Figure("3", "r", "m", 95.0, *ends, apart=apart)
    assert status_of(figure, published) == (status, note)


@pytest.mark.parametrize(
    ("value", "published", "status"),
    [(3.0059, "3.01", "reproduced"), (2.98, "3.01", "differs"), (2.4, "2", "reproduced")],
)
def test_an_exact_figure_is_rounded_to_what_was_printed(value, published, status):
    assert status_of(Figure("1", "r", "m", value), published)[0] == status


def test_an_undefined_figure_was_not_attempted():
    assert status_of(Figure("1", "r", "m", None), "1")[0] == "not attempted"


def toy(tmp_path, text):
    (tmp_path / "published.csv").write_text(text)
    return Study("toy", "", "", tmp_path, {}, lambda _: {}, lambda _: [])


def test_every_published_and_every_planned_place_has_a_row(tmp_path):
    study = toy(tmp_path, "table,row,metric,value\n1,net,m,2\n1,other,m,3\n")
    cells = [Cell("c", (("1", "net", "m"), ("1", "net", "size")), lambda _: Outcome(()))]
    record = Record("c", "done", Outcome((Figure("1", "net", "m", 1.0, 0.0, 4.0, 9),)))
    rows = tabulate(study, cells, {"c": record})
    found = {(row.row, row.metric): (row.status, row.published, row.note) for row in rows}
    assert found == {
        ("net", "m"): ("reproduced", "2", ""),
        ("net", "size"): ("not attempted", "", "not measured by this preset"),
        ("other", "m"): ("not attempted", "3", "not run"),
    }
    path = write_rows(tmp_path / "results.csv", rows)
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == COLUMNS
    assert lines[0]["value"] == "1" and lines[0]["high"] == "4" and lines[2]["value"] == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("table,row,value\n", "needs the columns"),
        ("table,row,metric,value\n1,a,m,about 3\n", "no number"),
        ("table,row,metric,value\n1,a,m,3\n1,a,m,4\n", "stands twice"),
    ],
)
def test_a_damaged_table_of_published_values_is_refused(tmp_path, text, message):
    (tmp_path / "published.csv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_published(tmp_path)
