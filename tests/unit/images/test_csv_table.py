"""Tables that no spreadsheet runs, and that are read as they were written."""

from __future__ import annotations

import csv
from pathlib import Path

from cellwright.images.csv_table import read_csv, write_csv

NAMES = ("=1+1", "-a", "+b", "@c", "'=d", "''-e", "'f", "plain", "", "-1.5", "'-1.5")


def test_no_text_is_a_formula_and_all_is_read_as_it_was(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", ("name", "n"), [(name, -2) for name in NAMES])
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        raw = [row[0] for row in csv.reader(file)][1:]
    assert raw[:4] == ["'=1+1", "'-a", "'+b", "'@c"]
    assert [row["name"] for row in read_csv(tmp_path / "t.csv")] == list(NAMES)
    assert {row["n"] for row in read_csv(tmp_path / "t.csv")} == {"-2"}


def test_a_name_that_is_no_text_is_written_with_a_mark(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", ("name",), [("Zell\udce9",)])
    assert [row["name"] for row in read_csv(tmp_path / "t.csv")] == ["Zell\ufffd"]
