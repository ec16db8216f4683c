"""A run folder belongs to its settings, also one made before some of them could be set."""

import numpy as np
import pytest
import torch
import yaml

from cellwright.bundles.card import InputSpec
from cellwright.data.formats import read_labelled
from cellwright.errors import ConfigError
from cellwright.learning.config import TrainConfig
from cellwright.learning.run_record import claim_parts, claim_run_dir
from cellwright.learning.run_record import test_tensors as tensors_to_replay
from cellwright.learning.training_data import Parts
from tiny_masks import write_discs

OLD = {"name": "a", "data": {"dataset": "bccd_blood_cells"}, "seed": 1}


def test_an_older_folder_is_taken_up_where_new_settings_are_at_their_defaults(tmp_path):
    config = TrainConfig.model_validate(OLD)
    held = config.model_dump(mode="json")
    for key in ("task", "segmentation"):
        del held[key]
    del held["data"]["datasets"], held["input"]["window_px"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(held))
    (tmp_path / "checkpoints").mkdir()
    claim_run_dir(config, tmp_path)
    with pytest.raises(ConfigError, match=r"other settings \(seed\)"):
        claim_run_dir(config.model_copy(update={"seed": 2}), tmp_path)
    with pytest.raises(ConfigError, match=r"\(task\)"):
        claim_run_dir(config.model_copy(update={"task": "semantic"}), tmp_path)


def test_a_folder_in_which_nothing_was_learned_takes_other_settings(tmp_path):
    config = TrainConfig.model_validate(OLD)
    claim_run_dir(config, tmp_path)
    other = config.model_copy(update={"seed": 2})
    claim_run_dir(other, tmp_path)
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["seed"] == 2
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(ConfigError, match=r"other settings \(seed\)"):
        claim_run_dir(config, tmp_path)


def test_leave_to_train_on_a_leak_is_no_other_setting_of_what_is_learned(tmp_path):
    config = TrainConfig.model_validate(OLD)
    claim_run_dir(config, tmp_path)
    allowed = config.model_copy(
        update={"data": config.data.model_copy(update={"allow_leak": True})}
    )
    claim_run_dir(allowed, tmp_path)
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["data"]["allow_leak"] is True


@pytest.mark.parametrize("content", ["", "- 1", "name: [", "from: another program"])
def test_a_folder_that_holds_something_else_is_not_taken(content, tmp_path):
    (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(ConfigError):
        claim_run_dir(TrainConfig.model_validate(OLD), tmp_path)


def whole_set(folder, *, test):
    labelled = read_labelled(folder)
    part_of = {one.id: "test" if one.id == test else "train" for one in labelled}
    return Parts(labelled, labelled, labelled, None, part_of)


def test_a_run_that_was_begun_keeps_its_images_its_labels_and_their_parts(tmp_path):
    data, run = write_discs(tmp_path / "set", n_images=3, edge=32) / "masks", tmp_path / "run"
    run.mkdir()
    claim_parts(whole_set(data, test="discs00"), run)
    claim_parts(whole_set(data, test="discs01"), run)
    (run / "checkpoints").mkdir()
    claim_parts(whole_set(data, test="discs01"), run)
    with pytest.raises(ConfigError, match=r"changed since this run began.*--out"):
        claim_parts(whole_set(data, test="discs00"), run)

    one, other = (data / "masks" / f"discs0{number}.png" for number in (1, 2))
    one.write_bytes(other.read_bytes())
    with pytest.raises(ConfigError, match="changed since this run began"):
        claim_parts(whole_set(data, test="discs01"), run)
    (run / "data.sha256").unlink()  # as in a folder of before it was kept
    claim_parts(whole_set(data, test="discs01"), run)
    assert len((run / "data.sha256").read_text().strip()) == 64


def test_test_tensors_are_the_networks_own_answer():
    spec = InputSpec(channels=2, multiple=16)
    tensors = tensors_to_replay(lambda image: (image * 2, image.sum(1)), ["a", "b"], spec)
    assert tensors["input"].shape == (1, 2, 32, 48)
    assert np.array_equal(tensors["a"], tensors["input"] * 2)
    assert torch.allclose(torch.from_numpy(tensors["b"]), torch.from_numpy(tensors["input"]).sum(1))


def test_an_answer_without_end_is_a_diverged_training():
    with pytest.raises(ConfigError, match=r"training diverged.*lower schedule\.learning_rate"):
        tensors_to_replay(lambda image: (image / 0,), ["a"], InputSpec(channels=1))
