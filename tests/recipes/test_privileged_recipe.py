"""A network learns with a stain, in float and in 8 bits, and ships without it: tiny, seeded."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.verify import verify
from cellwright.bundles.weights import graph_weights
from cellwright.errors import ConfigError
from cellwright.inference.classifier import Classifier
from cellwright.learning.config import TrainConfig
from cellwright.learning.train import train
from tiny_classes import draw_cell, write_classes


def a_config(folder, *, channels=("stain",), **changes) -> TrainConfig:
    return TrainConfig.model_validate(
        {
            "name": "discs",
            "task": "classification",
            "data": {"path": folder / "set", "ratios": {"train": 60, "val": 20, "test": 20}},
            "classification": {
                "settings": {"width": 8},
                "channels": ["shape"],
                "privileged": {"channels": list(channels)},
            },
            "schedule": {"epochs": 6, "batch_size": 8, "warmup_epochs": 0, "ema_decay": 0.5},
            **changes,
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("sections", [{}, {"quantization": {"kind": "aware"}}])
def test_the_stain_teaches_and_is_not_asked_for(tmp_path, sections):
    write_classes(tmp_path / "set", (20, 20, 10))
    bundle = open_bundle(train(a_config(tmp_path, **sections), tmp_path / "run").bundle)
    assert bundle.card.input.channel_names == ("shape",)
    assert all(replay.passed for replay in verify(bundle))
    if not sections:
        assert not any("head.dense" in name for name in graph_weights(bundle.graph()))
    found = Classifier(bundle).classify(
        [draw_cell(1, np.random.default_rng(5))[:1]], channel_names=("shape",)
    )
    assert found.probabilities.shape == (1, 3)
    assert bundle.card.training.recipe["classification"]["privileged"]["channels"] == ["stain"]
    with (tmp_path / "run" / "log" / "version_0" / "metrics.csv").open() as file:
        losses = [
            float(row["train/measured"]) for row in csv.DictReader(file) if row["train/measured"]
        ]
    assert losses[-1] < losses[0], "the measurements of the stain are not learned"


def test_channels_that_the_images_lack_are_named(tmp_path):
    write_classes(tmp_path / "set", (10, 10, 10))
    with pytest.raises(ConfigError, match="no channel 'dna'") as told:
        train(a_config(tmp_path, channels=["dna"]), tmp_path / "run")
    assert told.value.where == "classification.privileged.channels"
    assert "shape, stain" in told.value.remedy
