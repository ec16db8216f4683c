"""The settings of a fine-tuning follow from the bundle's own training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.errors import BundleError, ConfigError, UnknownNameError
from cellwright.learning.config import load_config
from cellwright.learning.fine_tuning import FineTuning, fine_tuning_config
from cellwright.learning.run_record import recipe_of
from cellwright.models.unet import UNet
from disc_unet import SETTINGS, write_unet

RECIPE = {
    "name": "whole",
    "task": "semantic",
    "data": {"path": "elsewhere"},
    "segmentation": {"settings": SETTINGS, "loss": "dice"},
    "schedule": {"epochs": 60, "gentle_epochs": 9, "learning_rate": 0.004, "warmup_epochs": 3},
}


@pytest.fixture
def bundle(tmp_path) -> Bundle:
    return open_bundle(
        write_unet(tmp_path / "whole.cellwright", UNet(1, 1, **SETTINGS), "semantic")
    )


def plan(folder: Path, **changes: object) -> FineTuning:
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    given = {"method": "prune", "recipe": folder / "recipe.yaml", **changes}
    return FineTuning(data={"path": "labels"}, name="small", **given)


def test_the_bundles_own_training_but_shorter_and_gentler(bundle, tmp_path):
    config = fine_tuning_config(bundle, plan(tmp_path, keep=0.4))
    schedule = config.schedule
    assert (schedule.epochs, schedule.gentle_epochs) == (20, 3)
    assert (schedule.learning_rate, schedule.warmup_epochs) == (0.002, 1.0)
    assert (config.pruning.kind, config.pruning.keep) == ("structured", 0.4)
    assert config.segmentation.loss == "dice"
    assert config.start_from == str(bundle.path)
    assert (config.name, str(config.data.path)) == ("small", "labels")


def test_what_is_asked_for_comes_last(bundle, tmp_path):
    asked = plan(tmp_path, method="qat", epochs=7, overrides=("schedule.batch_size=6",))
    config = fine_tuning_config(bundle, asked)
    assert (config.schedule.epochs, config.schedule.batch_size) == (7, 6)
    assert config.quantization.kind == "aware"
    assert config.pruning is None


def test_a_card_that_knows_its_recipe_needs_no_file(bundle, tmp_path):
    asked = plan(tmp_path)
    recipe = recipe_of(load_config(asked.recipe))
    assert "data" not in recipe
    training = bundle.card.training.model_copy(update={"recipe": recipe})
    knowing = Bundle(bundle.path, bundle.card.model_copy(update={"training": training}))
    alone = plan(tmp_path, recipe=None)
    assert fine_tuning_config(knowing, alone) == fine_tuning_config(bundle, asked)
    with pytest.raises(BundleError, match=r"which network it is.*--recipe"):
        fine_tuning_config(bundle, alone)


def test_mirror_images_are_those_of_the_card_not_of_the_recipe(bundle, tmp_path):
    four = bundle.card.segmentation.model_copy(update={"views": 4})
    settled = Bundle(bundle.path, bundle.card.model_copy(update={"segmentation": four}))
    assert fine_tuning_config(settled, plan(tmp_path)).views == 4
    assert fine_tuning_config(settled, plan(tmp_path, overrides=("views=1",))).views == 1


def test_a_recipe_holds_no_path(tmp_path):
    raw = {**RECIPE, "task": "classification", "segmentation": {}}
    raw["classification"] = {"model": "vgg", "settings": {"weights": "/home/me/vgg.pth"}}
    (tmp_path / "classes.yaml").write_text(yaml.safe_dump(raw))
    recipe = recipe_of(load_config(tmp_path / "classes.yaml"))
    assert recipe["classification"] == {"model": "vgg", "settings": {}}
    assert "/" not in str(recipe)


def test_what_does_not_fit_is_refused(bundle, tmp_path):
    with pytest.raises(UnknownNameError, match=r"magnitude, prune, qat"):
        fine_tuning_config(bundle, plan(tmp_path, method="ptq"))
    with pytest.raises(ConfigError, match="keep"):
        fine_tuning_config(bundle, plan(tmp_path, keep=2.0))
    asked = plan(tmp_path)
    asked.recipe.write_text(yaml.safe_dump({**RECIPE, "task": "instances", "segmentation": {}}))
    with pytest.raises(ConfigError, match="trains for instances, but the bundle is for semantic"):
        fine_tuning_config(bundle, asked)


def test_a_stain_of_the_training_teaches_again_unless_told_otherwise():
    unstained = open_bundle("cell-cycle-unstained")
    asked = FineTuning(method="prune", data={"path": "labels"}, name="small")
    chosen = fine_tuning_config(unstained, asked).classification
    assert chosen.privileged.channels == ("PI_DNA_Ch4",)
    assert (chosen.members, chosen.channels) == (3, unstained.card.input.channel_names)
    without = replace(asked, overrides=("classification.privileged=null",))
    assert fine_tuning_config(unstained, without).classification.privileged is None
