"""What a training refuses before anything is learned, for every task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from cellwright.errors import CellwrightError, ConfigError, DatasetError
from cellwright.images.write import write_png
from cellwright.learning import classification, fit, segmentation, segmentation_fit
from cellwright.learning import train as detection
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


@pytest.mark.parametrize(
    ("task", "recipe"),
    [
        ("detection", detection),
        ("semantic", segmentation),
        ("random-forest", classification),
    ],
)
def test_an_evaluation_that_is_killed_leaves_the_bundle_that_was_there(
    task: str, recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = a_config(task, tmp_path), tmp_path / "run"
    run.mkdir()
    (run / "tiny.cellwright").write_bytes(b"a good one")

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(recipe, "settle", killed)
    with pytest.raises(KeyboardInterrupt):
        train(config, run)
    assert {path.name: path.read_bytes() for path in run.glob("*.cellwright")} == {
        "tiny.cellwright": b"a good one"
    }


@pytest.mark.parametrize(
    ("task", "module"),
    [("detection", fit), ("semantic", segmentation_fit), ("classification", classification)],
)
def test_a_training_that_diverged_is_called_that(
    task: str, module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_end(learner: Any, *_: Any, **__: Any) -> dict[str, Tensor]:
        state = learner.network.state_dict()
        return {k: v * float("nan") if v.is_floating_point() else v for k, v in state.items()}

    monkeypatch.setattr(module, "run_trainer", without_end)
    with pytest.raises(ConfigError, match=r"training diverged.*lower schedule\.learning_rate"):
        train(a_config(task, tmp_path), tmp_path / "run")


@pytest.mark.parametrize(
    ("task", "section", "said"),
    [
        ("semantic", {}, "nothing but background"),
        ("instances", {}, "nothing but background"),
        ("instances", {"smallest_radius_px": 1000}, r"smallest_radius_px \(1000\)"),
    ],
)
def test_bare_labels_teach_nothing(
    task: str, section: dict[str, float], said: str, tmp_path: Path
) -> None:
    config = a_config(task, tmp_path, segmentation=section)
    if not section:
        for path in (tmp_path / "set" / "masks").iterdir():
            write_png(path, np.zeros((1, 48, 48), np.uint8))
    with pytest.raises(DatasetError, match=said):
        train(config, tmp_path / "run")


@pytest.mark.parametrize(
    ("task", "sections", "said"),
    [
        ("detection", {"detector": {"settings": {"base": 1}}}, "unknown setting 'base'.*n_bins"),
        ("detection", {"detector": {"settings": {"width": 0}}}, "width: must be .* 16, not 0"),
        ("detection", {"schedule": {"augmentation": "cels"}}, "did you mean 'cells'"),
        (
            "classification",
            {"classification": {"generation": {"settings": {"batch_size": 0}}}},
            r"generation\.settings\.batch_size: must be a whole number, 1 or more, not 0",
        ),
    ],
)
def test_what_cannot_be_trained_is_said_before_any_image_is_read(
    task: str, sections: dict[str, Any], said: str, tmp_path: Path
) -> None:
    (tmp_path / "set").mkdir()
    with pytest.raises(CellwrightError, match=said):
        train(a_config(task, tmp_path, **sections), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_boxes_without_end_are_a_training_that_diverged(tmp_path: Path) -> None:
    rates = {"epochs": 1, "batch_size": 4, "learning_rate": 1e4, "warmup_epochs": 0}
    config = a_config("detection", tmp_path, schedule=rates)
    with pytest.raises(ConfigError, match=r"training diverged.*lower schedule\.learning_rate"):
        train(config, tmp_path / "run")
