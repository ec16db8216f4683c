"""Classes are learned, calibrated, resumed and shipped: tiny, seeded, on the CPU."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from typer.testing import CliRunner

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.verify import verify
from cellwright.cli.main import app
from cellwright.errors import ConfigError, DatasetError, UnknownNameError
from cellwright.images.write import write_labels, write_tiff
from cellwright.inference.classifier import Classifier
from cellwright.learning.config import load_config
from cellwright.learning.cross_validation import cross_validate
from cellwright.learning.train import train
from cellwright.models import CLASSIFIERS
from tiny_classes import CHANNELS, CLASSES, draw_cell, write_classes, write_montage

CONFIG = {
    "name": "discs",
    "task": "classification",
    "data": {"path": "set", "ratios": {"train": 60, "val": 20, "test": 20}},
    "classification": {
        "settings": {"width": 8},
        "sampling": "balanced",
        "weight_power": 0.5,
        "mixup_alpha": 0.2,
        "views": 8,
    },
    "schedule": {
        "epochs": 14,
        "batch_size": 8,
        "learning_rate": 0.005,
        "warmup_epochs": 0,
        "ema_decay": 0.8,
        "gentle_epochs": 2,
    },
}


def a_config(folder: Path, **changes):
    path = folder / "train.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    return load_config(path, tuple(f"{key}={value}" for key, value in changes.items()))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("discs")
    write_classes(folder / "set")
    result = train(a_config(folder), folder / "run")
    return folder, open_bundle(result.bundle), result


@pytest.mark.slow
def test_it_learns_and_the_card_says_so(trained):
    folder, bundle, result = trained
    card = bundle.card
    assert card.classes == CLASSES
    assert card.input.channel_names == CHANNELS
    assert card.classification.crop_px == (24, 24)
    assert result.report.metrics["accuracy"].value > 0.9
    assert {e.data.split(", ")[1] for e in card.evaluations} == {"validation part", "test part"}
    assert any("bright was learned from 14 images only" in limit for limit in card.limits)
    assert all(replay.passed for replay in verify(bundle))
    assert "Confusion matrix" in (folder / "run" / "report.html").read_text()


@pytest.mark.slow
def test_a_run_that_is_done_gives_the_same_again(trained):
    folder, bundle, _ = trained
    before = bundle.graph()
    again = train(a_config(folder), folder / "run")
    assert open_bundle(again.bundle).graph() == before


@pytest.mark.slow
def test_cells_like_those_of_training_raise_few_alarms(trained):
    _, bundle, result = trained
    classifier = Classifier(bundle)
    rng = np.random.default_rng(5)
    found = classifier.classify([draw_cell(index % 3, rng) for index in range(90)])
    assert (found.unlike == (found.energies > classifier.decoding.unlike.threshold)).all()
    assert found.unlike.mean() < 0.3
    assert result.report.metrics["false_alarms"].n == result.report.n_images


@pytest.mark.slow
def test_crops_montage_and_field_give_the_same_classes(trained, tmp_path):
    _, bundle, _ = trained
    class_ids = [0, 1, 2, 2, 1, 0]
    montage = write_montage(tmp_path / "montage.tif", class_ids)
    rng = np.random.default_rng(1)
    field = np.zeros((2, 24 * 6, 24), np.uint16)
    labels = np.zeros((24 * 6, 24), np.int32)
    crops = tmp_path / "crops"
    crops.mkdir()
    for index, class_id in enumerate(class_ids):
        cell = draw_cell(class_id, rng)
        write_tiff(crops / f"cell{index}.tif", cell, channel_names=CHANNELS)
        field[:, 24 * index : 24 * index + 24] = cell
        labels[24 * index + 8 : 24 * index + 16, 8:16] = index + 1
    (tmp_path / "field").mkdir()
    (tmp_path / "labels").mkdir()
    write_tiff(tmp_path / "field" / "a.tif", field, channel_names=CHANNELS)
    write_labels(tmp_path / "labels" / "a.tif", labels)
    told = []
    for source, extra in (
        (crops, ()),
        (montage, ("--tile", "24")),
        (tmp_path / "field", ("--labels", str(tmp_path / "labels"))),
    ):
        out = tmp_path / f"out-{source.stem}"
        done = CliRunner().invoke(
            app, ["predict", str(source), "-m", str(bundle.path), "-o", str(out), *extra]
        )
        assert done.exit_code == 0, done.output
        rows = [line.split(",") for line in (out / "cells.csv").read_text().splitlines()]
        told.append([row[2] for row in rows[1:]])
        assert rows[0][3:7] == ["score", "p_small", "p_large", "p_bright"]
        assert sum(map(float, rows[1][4:7])) == pytest.approx(1, abs=1e-3)
        summary = (out / "summary.csv").read_text().splitlines()
        assert len(summary) == (7 if source == crops else 2)
    assert told[0] == told[1] == told[2]
    # A network of seconds may take one cell for another, but the same wherever it lies.
    assert sum(CLASSES[one] == name for one, name in zip(class_ids, told[0], strict=True)) >= 5


@pytest.mark.slow
def test_the_cell_cycle_assay_counts_phases(trained, tmp_path):
    _, bundle, _ = trained
    montage = write_montage(tmp_path / "montage.tif", [0, 0, 1, 2, 2, 2, 1, 0])
    out = tmp_path / "out"
    done = CliRunner().invoke(
        app,
        [
            *("assay", "cell-cycle", str(montage), "-m", str(bundle.path), "-o", str(out)),
            *("--tile", "24", "--mitotic", "bright", "--json", "-"),
        ],
    )
    assert done.exit_code == 0, done.output
    overall = json.loads(done.stdout)["overall"]
    assert overall["counts"] == {"small": 3, "large": 2, "bright": 3}
    assert overall["mitotic_index"]["value"] == 3 / 8
    assert overall["mitotic_index"]["n"] == 8
    assert "Mitotic index" in (out / "report.html").read_text()
    tables = {
        name: list(csv.DictReader((out / name).open(newline="")))
        for name in ("groups.csv", "summary.csv", "cells.csv")
    }
    assert "mitotic_index_low" in tables["groups.csv"][0]
    pooled = tables["groups.csv"][0]["group"]
    assert {row["group"] for name in ("summary.csv", "cells.csv") for row in tables[name]} == {
        pooled
    }


@pytest.mark.slow
def test_evaluate_prints_what_the_card_claims(trained):
    folder, bundle, result = trained
    split = str(folder / "run" / "split.csv")
    done = CliRunner().invoke(
        app,
        [
            *("evaluate", str(bundle.path), str(folder / "set"), "--split", split),
            *("--part", "test", "--json", "-"),
        ],
    )
    content = json.loads(done.stdout)
    assert content["task"] == "classification"
    assert content["metrics"]["macro_f1"]["value"] == result.report.metrics["macro_f1"].value
    assert np.sum(content["confusion"]) == content["n_images"]
    assert "false_alarms" in content["metrics"]


@pytest.mark.slow
def test_a_channel_can_be_left_out_and_is_found_by_name(tmp_path):
    write_classes(tmp_path / "set", (12, 12, 12))
    changes = {"classification.channels": "[stain]", "schedule.epochs": 1}
    result = train(a_config(tmp_path, **changes), tmp_path / "run")
    classifier = Classifier(open_bundle(result.bundle))
    cell = draw_cell(2, np.random.default_rng(3))
    both = classifier.classify([cell], channel_names=CHANNELS)
    one = classifier.classify([cell[1:]])
    np.testing.assert_allclose(both.probabilities, one.probabilities)


def test_what_cannot_be_trained_is_said_before_anything_is_read(tmp_path):
    for key, value, error in (
        ("classification.model", "resnet9000", UnknownNameError),
        ("classification.sampling", "fair", UnknownNameError),
        ("schedule.augmentation", "nuclei", UnknownNameError),
        ("classification.settings", "{depth: 3}", ConfigError),
        ("views", 2, ConfigError),
        ("detector.name", "yolo11n", ConfigError),
    ):
        with pytest.raises(error):
            train(a_config(tmp_path, **{key: value}), tmp_path / "run")


def test_a_class_without_training_images_is_refused(tmp_path, monkeypatch):
    """After one network only, the one that was built to see whether its settings are right."""
    built = []
    network = CLASSIFIERS["resnet"]
    monkeypatch.setitem(CLASSIFIERS, "resnet", lambda *a, **k: built.append(a) or network(*a, **k))
    write_classes(tmp_path / "set", (10, 10, 1))
    split = ["id,group,part"]
    for index in range(10):
        part = "val" if index < 2 else "train"
        split += [f"small{index:03d},x,{part}", f"large{index:03d},x,{part}"]
    split.append("bright000,x,val")
    (tmp_path / "split.csv").write_text("\n".join(split))
    changes = {"data.ratios": "null", "data.split_file": "split.csv", "data.by": "image"}
    with pytest.raises(DatasetError, match="no image of the class 'bright'"):
        train(a_config(tmp_path, **changes), tmp_path / "run")
    assert len(built) == 1


@pytest.mark.slow
def test_folds_judge_every_image_once_and_go_on_after_a_kill(tmp_path):
    write_classes(tmp_path / "set", (12, 12, 8))
    short = {"schedule.epochs": 1, "schedule.gentle_epochs": 0}
    config = a_config(tmp_path, **short, **{"data.ratios": "null"})
    found = cross_validate(config, tmp_path / "run", n_folds=2)
    rows = [line.split(",") for line in found.predictions.read_text().splitlines()[1:]]
    assert len({row[0] for row in rows}) == len(rows) == 32
    assert np.sum(found.report.confusion) == 32
    parts = [
        dict(line.split(",")[::2] for line in (tmp_path / "run" / f"fold-{k}" / "split.csv").open())
        for k in range(2)
    ]
    for name in (row[0] for row in rows):
        assert sorted(part[name].strip() == "test" for part in parts) == [False, True]
    (tmp_path / "run" / "fold-1" / "predictions.csv").unlink()
    before = (tmp_path / "run" / "fold-0" / "discs.cellwright").stat().st_mtime_ns
    again = cross_validate(config, tmp_path / "run", n_folds=2)
    assert again.report.confusion == found.report.confusion
    assert (tmp_path / "run" / "fold-0" / "discs.cellwright").stat().st_mtime_ns == before
    with pytest.raises(ConfigError, match="other folds"):
        cross_validate(config, tmp_path / "run", n_folds=3)


def test_folds_are_refused_where_they_cannot_be(tmp_path):
    write_classes(tmp_path / "set", (8, 8, 4))
    with pytest.raises(DatasetError, match="'bright' occurs in 4 groups"):
        config = a_config(tmp_path, **{"data.ratios": "null"})
        cross_validate(config, tmp_path / "run", n_folds=5)


def _best(run: Path) -> dict[str, torch.Tensor]:
    state = torch.load(run / "checkpoints" / "best.ckpt", map_location="cpu", weights_only=True)
    return {name: value for name, value in state["state_dict"].items() if "weight" in name}


@pytest.mark.slow
def test_frozen_layers_stay_and_the_class_layer_learns(tmp_path):
    write_classes(tmp_path / "set")
    for name, rate in (("slow", 1e-5), ("fast", 0.05)):
        changes = {
            "classification.transfer.last_blocks": 0,
            "schedule.epochs": 2,
            "schedule.learning_rate": rate,
        }
        train(a_config(tmp_path, **changes), tmp_path / name)
    slow, fast = (_best(tmp_path / name) for name in ("slow", "fast"))
    moved = {name for name, value in slow.items() if not torch.equal(value, fast[name])}
    assert moved == {"network.head.weight"}


@pytest.mark.slow
def test_training_ends_when_nothing_becomes_better(tmp_path):
    write_classes(tmp_path / "set")
    changes = {"schedule.patience": 2, "schedule.epochs": 30, "schedule.learning_rate": 1e-9}
    train(a_config(tmp_path, **changes), tmp_path / "run")
    log = (tmp_path / "run" / "log" / "version_0" / "metrics.csv").read_text()
    with_figures = [line for line in log.splitlines() if ",,,," not in line]
    assert len(with_figures) < 12


def test_more_blocks_than_the_network_has_are_refused_before_any_image_is_read(tmp_path):
    with pytest.raises(ConfigError, match="has 5"):
        train(a_config(tmp_path, **{"classification.transfer.last_blocks": 9}), tmp_path / "run")
