from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from cellwright.audit.suspects import Suspect, ranked
from cellwright.audit.tables import (
    COLUMNS,
    accepted_of,
    holds_decisions,
    read_decisions,
    write_suspects,
)
from cellwright.errors import ConfigError


def suspect(image: str, score: float, label: int | None = 1) -> Suspect:
    kind = "missing" if label is None else "spurious"
    return Suspect(image, kind, label, "cell", (1.25, 2, 30, 40), score, "because, it is so")


SUSPECTS = ranked([suspect("007", 0.5), suspect("b", 0.9), suspect("b", 0.9, None)])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_most_certain_comes_first_and_the_bare_score_breaks_ties() -> None:
    strong = replace(suspect("z", 0.9), bare_score=0.8)
    assert [one.image for one in ranked([*SUSPECTS, strong])] == ["z", "b", "b", "007"]
    assert [one.rank for one in SUSPECTS] == [1, 2, 3]


def test_an_id_does_not_depend_on_rank_or_score() -> None:
    one = suspect("a", 0.5)
    assert replace(one, rank=7, score=0.9, reason="").id == one.id
    assert len({one.id, suspect("b", 0.5).id, suspect("a", 0.5, 2).id}) == 3


def test_the_table_has_a_row_a_suspect(tmp_path: Path) -> None:
    path = tmp_path / "suspects.csv"
    write_suspects(path, SUSPECTS)
    rows = rows_of(path)
    assert tuple(rows[0]) == COLUMNS
    assert [row["accept"] for row in rows] == ["", "", ""]
    assert (rows[2]["image"], rows[2]["x_min"], rows[2]["label"]) == ("007", "1.25", "1")
    assert not holds_decisions(path)


def test_decisions_survive_a_german_spreadsheet(tmp_path: Path) -> None:
    """Semicolons, decimal commas, a byte order mark, ids of images without leading zeros."""
    path = tmp_path / "suspects.csv"
    write_suspects(path, SUSPECTS)
    rows = rows_of(path)
    words = iter(("Yes", " no ", ""))
    lines = [";".join(COLUMNS)]
    for row in rows:
        row |= {"accept": next(words), "image": row["image"].lstrip("0")}
        lines.append(";".join(value.replace(".", ",") for value in row.values()))
    path.write_text("\r\n".join(lines), encoding="utf-8-sig")
    decisions = read_decisions(path)
    assert decisions == {SUSPECTS[0].id: True, SUSPECTS[1].id: False}
    assert accepted_of(SUSPECTS, decisions) == [SUSPECTS[0]]
    assert holds_decisions(path)


def test_decisions_are_written_again(tmp_path: Path) -> None:
    path = tmp_path / "suspects.csv"
    decisions = {SUSPECTS[0].id: True, SUSPECTS[2].id: False}
    write_suspects(path, SUSPECTS, decisions)
    assert read_decisions(path) == decisions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,rank\na,1\n", "'accept' is missing"),
        ("id,accept\nspurious-1,maybe\n", "'maybe' is neither yes nor no"),
        ("id,accept\nx-1,yes\nx-1,no\n", "decided both ways"),
        ("", "'accept' is missing"),
        ("id,accept\n" + "x" * 200_000 + ",yes\n", "larger than field limit"),
        ("id,accept\n,yes\n", "csv:2: the row is decided but has no id"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "suspects.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_decisions(path)


def test_a_missing_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"read \(no such file or directory\); give the suspects"):
        read_decisions(tmp_path / "nowhere.csv")


def test_accepting_a_suspect_of_another_audit_is_an_error() -> None:
    with pytest.raises(ConfigError, match="missing-0123"):
        accepted_of(SUSPECTS, {"missing-0123": True})
    assert accepted_of(SUSPECTS, {"missing-0123": False}) == []


def test_the_name_of_an_image_is_no_formula_of_the_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "suspects.csv"
    write_suspects(path, ranked([suspect("=HYPERLINK(1)", 0.5)]))
    assert rows_of(path)[0]["image"] == "'=HYPERLINK(1)"
