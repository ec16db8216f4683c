"""Several networks in one bundle, and rare classes filled with generated crops: tiny, seeded."""

from __future__ import annotations

import json

import pytest

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.verify import verify
from cellwright.errors import UnknownNameError
from cellwright.learning.config import TrainConfig
from cellwright.learning.train import train
from tiny_classes import write_classes

GAN = {"epochs": 2, "width": 4, "latent": 4, "batch_size": 8}


def a_config(folder, **classification):
    return TrainConfig.model_validate(
        {
            "name": "discs",
            "task": "classification",
            "data": {"path": folder / "set", "ratios": {"train": 60, "val": 20, "test": 20}},
            "classification": {"settings": {"width": 8}, **classification},
            "schedule": {"epochs": 1, "batch_size": 8, "warmup_epochs": 0, "gentle_epochs": 0},
        }
    )


@pytest.mark.slow
def test_members_are_trained_apart_and_ship_as_one_graph(tmp_path):
    write_classes(tmp_path / "set", (10, 10, 10))
    one, two = (
        open_bundle(train(a_config(tmp_path, members=n), tmp_path / f"run-{n}").bundle)
        for n in (1, 2)
    )
    assert len(two.card.graphs) == 1
    assert (one.card.training.shipped_epochs, two.card.training.shipped_epochs) == ((1,), (1, 1))
    assert 1.7 < len(two.graph()) / len(one.graph()) < 2.2
    assert all(replay.passed for replay in verify(two))
    folders = sorted(path.name for path in (tmp_path / "run-2").glob("member-*"))
    assert folders == ["member-0", "member-1"]
    assert "Training" in (tmp_path / "run-2" / "report.html").read_text()


@pytest.mark.slow
def test_generated_crops_fill_the_training_part_and_are_confessed(tmp_path):
    write_classes(tmp_path / "set", (20, 20, 10))
    generation = {"edge_px": 16, "settings": GAN, "mixup_share": 0.5}
    config = a_config(tmp_path, generation=generation, sampling="undersampled")
    bundle = open_bundle(train(config, tmp_path / "run").bundle)
    card = bundle.card
    assert card.training.n_images == 30
    assert any("bright was learned from 6 generated crops" in limit for limit in card.limits)
    assert card.evaluations[1].n_images == 10, "no generated crop may be judged"
    (row,) = json.loads((tmp_path / "run" / "gan" / "quality.json").read_text())
    assert (row["name"], row["n_real"], row["n_generated"]) == ("bright", 6, 6)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Generated crops" in page and "bright, generated" in page
    with pytest.raises(UnknownNameError, match="class to fill"):
        wrong = a_config(tmp_path, generation={"classes": ["dim"]})
        train(wrong, tmp_path / "wrong")
