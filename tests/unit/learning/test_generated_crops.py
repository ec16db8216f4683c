"""Rare classes filled with generated crops: how many, of which classes, from the training part."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cellwright.errors import ConfigError, DatasetError, UnknownNameError
from cellwright.images.read import read_image
from cellwright.learning.class_crops import CropSet
from cellwright.learning.generated_crops import (
    FOLDER,
    fill_rare,
    missing_crops,
    mixed,
    note_quality,
    settings_for,
)
from cellwright.learning.generation_config import Generation

CLASSES = ("common", "second", "rare")
SMALL = Generation(
    edge_px=8,
    settings={"epochs": 2, "width": 4, "latent": 4, "keep_every": 1, "learning_rate": 1e-2},
)


def crops_of(counts: tuple[int, ...], *, seed: int = 0) -> CropSet:
    ids = np.repeat(np.arange(len(counts)), counts)
    pixels = np.random.default_rng(seed).integers(0, 65536, (len(ids), 2, 10, 10), np.uint16)
    return CropSet(pixels, ids)


def test_classes_are_filled_to_the_second_largest_or_to_what_is_asked():
    counts = np.array([90, 60, 8])
    assert missing_crops(counts, CLASSES, Generation()) == {2: 52}
    assert missing_crops(counts, CLASSES, Generation(up_to=70)) == {1: 10, 2: 62}
    assert missing_crops(counts, CLASSES, Generation(up_to=70, classes=("second",))) == {1: 10}
    assert missing_crops(counts, CLASSES, Generation(up_to=5)) == {}
    with pytest.raises(UnknownNameError, match="common, rare, second"):
        missing_crops(counts, CLASSES, Generation(classes=("Telophase",)))


def test_real_crops_stay_and_generated_ones_follow(tmp_path):
    train = crops_of((9, 6, 3))
    filled = fill_rare(train, CLASSES, SMALL, tmp_path, seed=0)
    assert filled.generated == {2: 3}
    assert np.array_equal(filled.crops.pixels[:18], train.pixels)
    assert filled.crops.class_ids[18:].tolist() == [2, 2, 2]
    assert filled.only_generated.pixels.shape == (3, 2, 10, 10)
    sheet = read_image(tmp_path / FOLDER / "rare.png").pixels
    assert sheet.shape[1:] == (8, 64)
    again = fill_rare(train, CLASSES, SMALL, tmp_path, seed=0)
    assert np.array_equal(again.crops.pixels, filled.crops.pixels)
    assert "3 generated crops" in filled.sentences(CLASSES)[0]


def test_only_the_crops_given_are_learned_from(tmp_path):
    """Another training part gives other crops; crops of no other part can play a role."""
    one = fill_rare(crops_of((9, 6, 3)), CLASSES, SMALL, tmp_path / "one", seed=0)
    other = fill_rare(crops_of((9, 6, 3), seed=1), CLASSES, SMALL, tmp_path / "two", seed=0)
    assert not np.array_equal(one.only_generated.pixels, other.only_generated.pixels)


def test_nothing_is_added_unasked(tmp_path):
    train = crops_of((4, 4, 4))
    assert fill_rare(train, CLASSES, None, tmp_path, seed=0).crops is train
    assert not list(tmp_path.iterdir())


def test_half_are_mixed_within_their_class():
    crops = np.random.default_rng(0).random((8, 1, 4, 4)).astype(np.float32)
    out = mixed(crops, Generation(mixup_share=0.5), seed=0)
    assert np.array_equal(out[4:], crops[4:])
    assert not np.array_equal(out[:4], crops[:4])
    assert out.min() >= crops.min() and out.max() <= crops.max()
    assert mixed(crops, Generation(), seed=0) is crops


def test_settings_are_the_papers_unless_replaced():
    wanted = Generation(method="wgan-div", settings={"epochs": 3})
    assert settings_for(wanted, "Prophase", seed=1).critic_steps == 10
    assert settings_for(wanted, "Telophase", seed=1).learning_rate == 1e-5
    assert settings_for(wanted, "a class of one's own", seed=1).epochs == 3
    with pytest.raises(ConfigError, match="does not take these settings"):
        settings_for(Generation(settings={"epoch": 3}), "Prophase", seed=1)
    for name, value in {"batch_size": 0, "epochs": 1.5, "learning_rate": float("inf")}.items():
        with pytest.raises(ConfigError, match=rf"settings\.{name}: must be .*, not {value}"):
            settings_for(Generation(settings={name: value}), "Prophase", seed=1)


def test_a_single_crop_teaches_nothing(tmp_path):
    with pytest.raises(DatasetError, match="1 images of the class 'rare'"):
        fill_rare(crops_of((6, 6, 1)), CLASSES, SMALL, tmp_path, seed=0)


def test_quality_is_written_beside_the_sheets(tmp_path):
    train = crops_of((9, 6, 4))
    filled = fill_rare(train, CLASSES, SMALL, tmp_path, seed=0)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(200, 3))
    note_quality(filled, train, network, CLASSES, tmp_path)
    assert '"name": "rare"' in (tmp_path / FOLDER / "quality.json").read_text()
