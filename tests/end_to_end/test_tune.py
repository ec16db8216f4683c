"""``cellwright tune``: a tiny search through the real command, gone on with, and its files."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml

from tiny_masks import write_classes

pytestmark = pytest.mark.slow
pytest.importorskip("torch")
pytest.importorskip("optuna")


def a_config(folder: Path) -> Path:
    data = write_classes(folder / "set", names=("plasma", "small", "large"), n_images=8)
    path = folder / "train.yaml"
    content = {
        "name": "tiny",
        "task": "semantic",
        "threads": 1,
        "data": {"path": str(data)},
        "segmentation": {"model": "se-unet-enhanced", "settings": {"base_width": 4, "levels": 3}},
        "schedule": {"epochs": 2, "batch_size": 4, "ema_decay": 0.5, "gentle_epochs": 0},
    }
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_search_leaves_a_table_a_config_to_train_with_and_a_page(cellwright, tmp_path):
    config, out = a_config(tmp_path), tmp_path / "search"
    ranges = (
        "--search", "segmentation.settings.boost=float:1:100:log",
        "--search", "segmentation.settings.n_chosen=int:0:20",
    )  # fmt: skip
    first = cellwright("tune", config, *ranges, "--trials", "2", "--out", out)
    assert first.returncode == 0, first.stderr
    with (out / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == ["0", "1"]
    for row in rows:  # 16 maps at the bottom: more cannot be chosen, and the trial says so
        too_many = int(row["segmentation.settings.n_chosen"]) > 16
        assert row["state"] == ("fail" if too_many else "complete")
        assert ("of 16 maps" in row["error"]) == too_many
    best = yaml.safe_load((out / "best.yaml").read_text())
    chosen = max((row for row in rows if row["value"]), key=lambda row: float(row["value"]))
    held = best["segmentation"]["settings"]
    assert held["n_chosen"] == int(chosen["segmentation.settings.n_chosen"])
    assert held["boost"] == pytest.approx(float(chosen["segmentation.settings.boost"]))
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "log10 of boost" not in page  # axes are drawn, not written
    assert "segmentation.settings.boost" in page and "<script" not in page
    assert (out / "trial-0000" / "config.yaml").exists()

    # One more trial, with the same command: what is done is not done again.
    again = cellwright("tune", config, *ranges, "--trials", "3", "--out", out)
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("…") == 1


def test_what_cannot_be_searched_is_refused_before_anything_is_written(say, tmp_path):
    config, out = a_config(tmp_path), tmp_path / "search"
    for arguments, reason in (
        ((), "nothing to search"),
        (("--search", "schedule.epoch=int:1:5"), "schedule.epoch"),
        (("--search", "schedule.epochs=int:1:5", "--sampler", "tree"), "choose one of: gp, grid"),
        (("--search", "schedule.learning_rate=float:1e-4:1e-2", "--sampler", "grid"), "how many"),
    ):
        code, said = say("tune", config, *arguments, "--out", out)
        assert (code, said.count("error: ")) == (2, 1)
        assert reason in said
        assert not out.exists()
