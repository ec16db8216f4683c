"""What a training refuses before anything is learned, for every task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cellwright.errors import ConfigError
from cellwright.learning.config import TrainConfig
from cellwright.learning.run_record import claim_parts, claim_run_dir
from cellwright.learning.train import train
from cellwright.learning.training_data import load_parts
from tiny_cells import write_cells
from tiny_classes import write_classes
from tiny_masks import write_discs

TASKS = ("detection", "semantic", "instances", "classification", "random-forest")


def a_config(task: str, folder: Path, **sections: Any) -> TrainConfig:
    """A short training of a tiny set, which is written where it is not yet."""
    data = folder / "set"
    if not data.exists():
        if task == "detection":
            write_cells(data, n_images=8, edge=64)
        elif task in ("semantic", "instances"):
            discs = write_discs(folder / "discs", n_images=8, edge=48)
            (discs / "masks").rename(data)
        else:
            write_classes(data, (8, 8, 8))
    section: dict[str, Any] = {}
    if task == "random-forest":
        task, section = "classification", {"classification": {"model": "random-forest"}}
    else:
        section = {"schedule": {"epochs": 1, "batch_size": 4}}
    return TrainConfig.model_validate(
        {"name": "tiny", "task": task, "threads": 1, "data": {"path": data}, **section, **sections}
    )


def another_image(data: Path) -> None:
    """The set with one image exchanged for a copy of its neighbour."""
    first, second, *_ = sorted(path for path in data.rglob("*") if path.suffix in (".png", ".tif"))
    first.write_bytes(second.read_bytes())


@pytest.mark.parametrize("task", TASKS)
def test_a_run_does_not_go_on_with_other_images(task: str, tmp_path: Path) -> None:
    config, run = a_config(task, tmp_path), tmp_path / "run"
    claim_run_dir(config, run)
    claim_parts(load_parts(config.data), run)
    held = (run / "split.csv").read_text(), (run / "data.sha256").read_text()
    (run / "log").mkdir()
    another_image(tmp_path / "set")
    with pytest.raises(ConfigError, match=r"changed since this run began.*--out"):
        train(config, run)
    assert ((run / "split.csv").read_text(), (run / "data.sha256").read_text()) == held

    (run / "log").rmdir()
    claim_parts(load_parts(config.data), run)
    assert (run / "data.sha256").read_text() != held[1]
