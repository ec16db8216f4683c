"""The Parquet table has the columns, values and types of the CSV table."""

from __future__ import annotations

import csv
from pathlib import Path

from pyarrow import parquet

from cellwright.assays.tables import (
    CELL_KINDS,
    LeftOut,
    read_left_out,
    write_parquet,
)
from cellwright.images.csv_table import write_csv
from cellwright.inference.run_folder import ERROR_COLUMNS

KINDS = {"name": str, "n": int, "share": float, "empty": float}
ROWS = [("a,b", 1, 0.5, None), ('say "x"', 2, None, None)]


def test_both_files_say_the_same(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", KINDS, ROWS)
    write_parquet(tmp_path / "t.parquet", KINDS, ROWS)
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.reader(file))
    assert read == [
        ["name", "n", "share", "empty"],
        ["a,b", "1", "0.5", ""],
        ['say "x"', "2", "", ""],
    ]
    table = parquet.read_table(tmp_path / "t.parquet")
    assert [str(kind) for kind in table.schema.types] == ["string", "int64", "double", "double"]
    assert table.to_pydict() == {
        name: [row[index] for row in ROWS] for index, name in enumerate(KINDS)
    }


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    write_parquet(tmp_path / "t.parquet", CELL_KINDS, [])
    assert parquet.read_table(tmp_path / "t.parquet").schema.names == list(CELL_KINDS)


def test_what_was_left_out_is_read_as_it_was_written(tmp_path: Path) -> None:
    given = (LeftOut("a", "in/a.png", "empty", "copy it"), LeftOut("b", "b, c.png", "torn"))
    write_csv(tmp_path / "errors.csv", ERROR_COLUMNS, (one.row for one in given))
    assert read_left_out(tmp_path) == given


def test_what_was_left_out_is_a_row() -> None:
    assert LeftOut("a", "in/a.png", "empty", "copy it").row == ("a", "in/a.png", "empty", "copy it")
