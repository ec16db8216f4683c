"""Every row of STUDIES: what a reader needs, a quick size, and places for all published values."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cellwright.errors import UnknownNameError
from cellwright.studies import STUDIES
from cellwright.studies.readme import filled
from cellwright.studies.results import COLUMNS, read_published
from cellwright.studies.study import Request

STATUSES = {"reproduced", "differs", "not attempted", "measured"}


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_says_what_it_repeats(name: str) -> None:
    study = STUDIES[name]
    assert study.name == name
    assert study.title and study.paper
    readme = (study.folder / "README.md").read_text(encoding="utf-8")
    assert f"cellwright study run {name}" in readme
    has_published = (study.folder / "published.csv").exists()
    assert has_published or "nothing published" in readme.lower()


@pytest.mark.parametrize("name", STUDIES)
def test_every_size_has_a_plan_with_names_of_its_own(name: str, tmp_path: Path) -> None:
    study = STUDIES[name]
    assert {"quick", "cpu", "gpu", "paper"} <= set(study.presets)
    for preset, summary in study.presets.items():
        cells = study.plan(Request(preset, None, tmp_path))
        assert summary and cells
        assert len({cell.name for cell in cells}) == len(cells)
        assert all(cell.places for cell in cells)
    with pytest.raises(UnknownNameError, match="choose one of"):
        study.plan(Request("enormous", None, tmp_path))
    assert not list(tmp_path.iterdir()), "a plan measures nothing"


@pytest.mark.parametrize("name", STUDIES)
def test_every_published_value_has_a_cell_at_the_papers_size(name: str, tmp_path: Path) -> None:
    study = STUDIES[name]
    planned = {
        place for cell in study.plan(Request("paper", None, tmp_path)) for place in cell.places
    }
    assert set(read_published(study.folder)) <= planned


@pytest.mark.parametrize("name", STUDIES)
def test_committed_results_are_whole(name: str) -> None:
    study = STUDIES[name]
    path = study.folder / "results.csv"
    if not path.exists():
        pytest.skip("no results are committed yet")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert {row["status"] for row in rows} <= STATUSES
    places = {(row["table"], row["row"], row["metric"]) for row in rows}
    assert set(read_published(study.folder)) <= places
    assert all(row["note"] for row in rows if row["status"] == "not attempted")
    assert all(row["value"] for row in rows if row["status"] != "not attempted")


@pytest.mark.parametrize("name", STUDIES)
def test_the_tables_of_the_readme_are_those_of_the_results(name: str) -> None:
    study = STUDIES[name]
    assert (study.folder / "README.md").read_text(encoding="utf-8") == filled(study)
