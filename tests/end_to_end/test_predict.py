"""``cellwright predict`` as it is typed: counts, tables, damaged files, resuming after a kill."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cellwright.images.read import list_images, read_image
from cellwright.images.write import write_png
from hostile_files import write_hostile_files

from .conftest import Run


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def true_counts(live_dead: Path) -> dict[str, int]:
    """Nuclei of each image by the labels beside it."""
    counts: dict[str, int] = {}
    for row in rows(live_dead / "boxes.csv"):
        image = row["image"].removesuffix(".png")
        counts[image] = counts.get(image, 0) + bool(row["class"])
    return counts


def test_counts_are_close_to_the_truth_and_tables_agree(
    cellwright: Run, blob_bundle: Path, live_dead: Path, tmp_path: Path
) -> None:
    done = cellwright(
        "predict", live_dead / "images", "--model", blob_bundle, "--out", tmp_path, "--json", "-"
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    summary = {row["image_id"]: int(row["n_cells"]) for row in rows(tmp_path / "summary.csv")}
    cells = rows(tmp_path / "cells.csv")
    truth = true_counts(live_dead)
    assert summary.keys() == truth.keys()
    assert said["counts"] == {"nucleus": len(cells)} == {"nucleus": sum(summary.values())}
    assert sum(summary.values()) == pytest.approx(sum(truth.values()), rel=0.15)
    assert max(abs(summary[name] - truth[name]) for name in truth) <= 12
    assert rows(tmp_path / "errors.csv") == []
    overlays = {path.stem for path in (tmp_path / "overlays").glob("*.png")}
    assert overlays == truth.keys()
    first = cells[0]
    assert float(first["bbox-0"]) < float(first["centroid-0"]) < float(first["bbox-2"])
    assert float(first["bbox-1"]) < float(first["centroid-1"]) < float(first["bbox-3"])


def test_damaged_files_become_rows_and_the_run_goes_on(
    cellwright: Run, blob_bundle: Path, live_dead: Path, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    good = (live_dead / "images" / "control_001_blue.png").read_bytes()
    (images / "good.png").write_bytes(good)
    (images / "cut.png").write_bytes(good[: len(good) // 2])
    (images / "empty.png").write_bytes(b"")
    (images / "text.jpg").write_text("this is no picture")
    out = tmp_path / "out"
    done = cellwright("predict", images, "--model", blob_bundle, "--out", out)
    assert done.returncode == 0
    assert f"3 files not counted: all are listed in {out / 'errors.csv'}" in done.stderr
    errors = rows(out / "errors.csv")
    assert all(row["remedy"] in done.stderr for row in errors)
    assert "Traceback" not in done.stderr
    assert [row["image_id"] for row in rows(out / "summary.csv")] == ["good"]
    errors = rows(out / "errors.csv")
    assert {Path(row["file"]).name for row in errors} == {"cut.png", "empty.png", "text.jpg"}
    assert all(row["error"] for row in errors)


def test_two_hundred_hostile_files_give_a_row_each(
    cellwright: Run, blob_bundle: Path, tmp_path: Path
) -> None:
    files = write_hostile_files(tmp_path / "images", seed=7)
    assert len(files) >= 200
    out = tmp_path / "out"
    done = cellwright("predict", tmp_path / "images", "--model", blob_bundle, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    counted = {row["file"] for row in rows(out / "summary.csv")}
    refused = {row["file"]: row for row in rows(out / "errors.csv")}
    assert counted.isdisjoint(refused)
    assert counted | refused.keys() == {str(path) for path in list_images([tmp_path / "images"])}
    assert all(row["error"] and row["remedy"] for row in refused.values())
    must_refuse = {str(file.path) for file in files if file.outcome == "refused"}
    assert must_refuse & counted == set()


def test_nothing_that_worked_is_exit_code_2(
    cellwright: Run, blob_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    out = tmp_path / "out"
    done = cellwright("predict", tmp_path / "empty.png", "--model", blob_bundle, "--out", out)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    [row] = rows(out / "errors.csv")
    assert done.stdout == ""
    said = f"error: there is no result at all: empty: {row['error']}; {row['remedy']} (1 file"
    assert done.stderr.splitlines()[-1].startswith(said)


def test_results_of_another_model_are_not_mixed(
    cellwright: Run, blob_bundle: Path, live_dead: Path, tmp_path: Path
) -> None:
    image = live_dead / "images" / "control_001_red.png"
    command = ("predict", image, "--model", blob_bundle, "--out", tmp_path)
    assert cellwright(*command).returncode == 0
    refused = cellwright(*command, "--score-threshold", "0.5")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: ")
    assert "--existing replace" in refused.stderr
    assert cellwright(*command, "--score-threshold", "0.5", "--existing", "replace").returncode == 0


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal that cannot be caught")
def test_a_killed_run_does_the_rest_only(
    cellwright: Run, blob_bundle: Path, live_dead: Path, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    picture = read_image(live_dead / "images" / "control_001_blue.png").pixels
    for number in range(40):
        write_png(images / f"field_{number:02d}.png", picture[:, number:, :])
    out, whole = tmp_path / "out", tmp_path / "whole"
    command = ["predict", str(images), "--model", str(blob_bundle), "--threads", "1", "--out"]
    killed = subprocess.Popen(
        [sys.executable, "-m", "cellwright.cli.main", *command, str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while len(list(out.glob("overlays/*.png"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL, "it finished before it could be killed"
    assert not (out / "cells.csv").exists()

    again = json.loads(cellwright(*command, out, "--json", "-").stdout)
    assert 3 <= again["n_resumed"] < 40
    assert cellwright(*command, whole).returncode == 0
    assert (out / "cells.csv").read_bytes() == (whole / "cells.csv").read_bytes()
