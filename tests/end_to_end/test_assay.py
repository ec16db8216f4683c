"""``cellwright assay viability`` as it is typed: pairs of images to live / all with intervals."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cellwright.images.write import write_png

from .conftest import Run, Say


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_viability_of_pairs_is_close_to_the_truth(
    cellwright: Run, blob_bundle: Path, live_dead: Path, tmp_path: Path
) -> None:
    images = live_dead / "images"
    arguments = ("assay", "viability", images, "--model", blob_bundle, "--out", tmp_path)
    done = cellwright(*arguments, "--json", "-")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    truth = {row["name"]: float(row["viability"]) for row in rows(live_dead / "truth/truth.csv")}
    assert report["images"].keys() == truth.keys()
    for name, image in report["images"].items():
        share = image["viability"]
        assert share["value"] == pytest.approx(truth[name], abs=0.1)
        assert share["low"] < share["value"] < share["high"]
    assert set(report["groups"]) == {"control", "treated"}
    cells = rows(tmp_path / "cells.csv")
    assert len(cells) == report["overall"]["live"] + report["overall"]["dead"]
    assert (tmp_path / "cells.parquet").stat().st_size > 0
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert {path.stem for path in (tmp_path / "overlays").glob("*.png")} == truth.keys()


def test_what_cannot_be_paired_or_read_is_said_and_the_rest_is_counted(
    cellwright: Run, blob_bundle: Path, live_dead: Path, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    shutil.copytree(live_dead / "images", images)
    (images / "control_001_red.png").unlink()
    (images / "control_002_red.png").write_bytes(b"not a picture")
    out = tmp_path / "out"
    done = cellwright("assay", "viability", images, "--model", blob_bundle, "--out", out)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    errors = rows(out / "errors.csv")
    assert len(errors) == 2
    assert any("partner" in row["error"] for row in errors)
    assert all(f"{row['error']}; {row['remedy']}" in done.stderr for row in errors)
    assert len(rows(out / "summary.csv")) == 4


def test_names_of_another_microscope(
    cellwright: Run, blob_bundle: Path, live_dead: Path, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for colour, channel in (("blue", "ch00"), ("red", "ch01")):
        source = live_dead / "images" / f"treated_001_{colour}.png"
        shutil.copy(source, images / f"treated_001_{channel}.png")
    arguments = ("assay", "viability", images, "-m", blob_bundle, "-o", tmp_path / "out")
    named = cellwright(*arguments, "--blue", "{name}_ch00", "--red", "{name}_ch01", "--json", "-")
    assert list(json.loads(named.stdout)["images"]) == ["treated_001"]
    unnamed = cellwright(*arguments)
    assert unnamed.returncode == 2
    assert "Traceback" not in unnamed.stderr
    assert unnamed.stdout == ""
    assert "error: there is no result at all: " in unnamed.stderr
    assert "matches neither pattern; the patterns are" in unnamed.stderr
    assert len(rows(tmp_path / "out" / "errors.csv")) == 2
    assert "could be counted" in (tmp_path / "out" / "report.html").read_text()


def test_images_without_cells_are_said(say: Say, blob_bundle: Path, tmp_path: Path) -> None:
    for colour in ("blue", "red"):
        write_png(tmp_path / "in" / f"a_{colour}.png", np.zeros((1, 64, 64), np.uint8))
    code, said = say("assay", "viability", tmp_path / "in", "-m", blob_bundle, "-o", tmp_path / "o")
    assert code == 0
    assert "No cell was found in 1 image: check that the model" in said


@pytest.mark.parametrize(
    "assay", [("viability", "-m", "live-dead-fluo"), ("confluence",), ("leukemia",)]
)
def test_results_are_not_written_among_the_images(
    assay: tuple[str, ...], say: Say, live_dead: Path
) -> None:
    images = live_dead / "images"
    before = sorted(images.iterdir())
    code, said = say("assay", assay[0], images, *assay[1:], "--out", images)
    assert code == 2
    assert f"error: {images}: the results would be written among the images" in said
    assert sorted(images.iterdir()) == before


def test_one_way_of_counting_at_a_time(
    say: Say, blob_bundle: Path, live_dead: Path, tmp_path: Path
) -> None:
    images = live_dead / "images"
    arguments = ("assay", "viability", images, "-m", blob_bundle, "-o", tmp_path)
    code, said = say(*arguments, "--blue", "{name}_blue", "--live", "nucleus")
    assert code == 2
    assert "one kind only" in said
