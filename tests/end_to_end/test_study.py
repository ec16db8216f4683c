"""``cellwright study``: the smallest size of a study through the real command, and resuming it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")


def lines_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_an_unknown_study_or_size_lists_the_choices(say, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said = say("study", "run", "viability")
    assert code == 2
    assert "viability-yolo" in said
    code, said = say("study", "run", "learning-curve", "--preset", "huge")
    assert code == 2
    assert "choose one of: cpu, gpu, paper, quick" in said
    code, said = say("study", "report", "learning-curve")
    assert code == 2
    assert "there is no run of learning-curve here" in said


def test_the_list_names_every_study(cellwright):
    done = cellwright("study", "list")
    assert done.returncode == 0
    assert "viability-yolo" in done.stdout and "learning-curve" in done.stdout


def test_a_learning_curve_is_run_once_and_a_removed_cell_again(cellwright, tmp_path):
    out = tmp_path / "curve"
    first = cellwright("study", "run", "learning-curve", "--quick", "--out", out)
    assert first.returncode == 0, first.stderr
    assert "no forecast beyond 6 images" in first.stdout
    cells = sorted((out / "cells").glob("*.json"))
    assert len(cells) == 4
    held = json.loads(cells[0].read_text())
    assert held["origin"]["command"].startswith("cellwright study run learning-curve --quick")
    assert len(held["details"]["curves"]["recall"]) == 1
    assert len(held["data_checksum"]) == 64

    stamps = {path: path.stat().st_mtime_ns for path in cells}
    cells[1].unlink()
    again = cellwright("study", "run", "learning-curve", "--quick", "--out", out)
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("done before") == 3
    kept = [path for path in cells if path != cells[1]]
    assert all(path.stat().st_mtime_ns == stamps[path] for path in kept)
    assert cells[1].exists()

    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Figure 3" in page and "<script" not in page
    rows = {(r["table"], r["row"], r["metric"]): r for r in lines_of(out / "results.csv")}
    assert rows["4", "100%", "train images"]["published"] == "252"
    assert rows["4", "2%", "train images"]["status"] == "not attempted"

    other = cellwright("study", "run", "learning-curve", "--preset", "cpu", "--out", out)
    assert other.returncode == 2
    assert "choose another --out" in other.stderr


def test_the_detectors_are_trained_timed_and_reported(cellwright, tmp_path):
    pytest.importorskip("ultralytics")
    out = tmp_path / "study"
    done = cellwright("study", "run", "viability-yolo", "--quick", "--out", out)
    assert done.returncode == 0, done.stderr
    rows = {(r["table"], r["row"], r["metric"]): r for r in lines_of(out / "results.csv")}
    assert float(rows["1", "YOLOv11-N", "weights (M)"]["value"]) == pytest.approx(2.59, abs=0.02)
    assert float(rows["1", "YOLOv11-N", "FLOPs at 640 px (G)"]["value"]) == pytest.approx(
        6.4, abs=0.15
    )
    assert rows["3", "cell-detector (ours)", "blue R (%)"]["status"] == "measured"
    assert rows["3", "YOLOv8-N", "blue R (%)"]["status"] == "not attempted"
    assert rows["dense", "YOLOv11-N", "cells in the field"]["value"] == "20"
    assert float(rows["int8", "YOLOv11-N", "smaller (times)"]["value"]) > 2
    if not torch.cuda.is_available():
        gpu = rows["1", "YOLOv11-N", "GPU TensorRT (FPS)"]
        assert (gpu["status"], gpu["note"]) == ("not attempted", "no GPU")
    report = cellwright("study", "report", "viability-yolo", "--out", out)
    assert report.returncode == 0, report.stderr
    assert Path(report.stdout.strip()) == out / "report.html"


def test_a_u_net_is_trained_quantized_and_pruned(cellwright, tmp_path):
    out = tmp_path / "study"
    done = cellwright("study", "run", "unet-compression", "--quick", "--out", out)
    assert done.returncode == 0, done.stderr
    rows = {(r["table"], r["row"], r["metric"]): r for r in lines_of(out / "results.csv")}
    name = "JaccardBCE-RMSprop, {}".format
    for treatment in ("Base", "PostQ", "DuringTQ", "Pruned"):
        row = rows["3", name(treatment), "accuracy"]
        assert row["published"] and row["status"] == "differs"
        assert "other data" in row["note"] and 0 <= float(row["value"]) <= 1
    zeros = {t: float(rows["cost", name(t), "zeros (%)"]["value"]) for t in ("Base", "Pruned")}
    assert zeros["Base"] < 1 and zeros["Pruned"] > 50
    for treatment in ("PostQ", "DuringTQ"):
        assert float(rows["cost", name(treatment), "smaller (times)"]["value"]) > 1.5
    assert rows["seeds", name("Pruned"), "Jaccard, mean of the seeds"]["n"] == "2"
    assert float(rows["1", "batch 2", "an epoch (s)"]["value"]) > 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Figure 7" in page and "Figures 8 and 9" in page
