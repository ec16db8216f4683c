"""Training configs: defaults, overrides, and messages that name the field."""

import pytest
import yaml

from cellwright.errors import ConfigError
from cellwright.learning.config import load_config


def write(path, content):
    path.write_text(yaml.safe_dump(content) if isinstance(content, dict) else content)
    return path


def test_a_minimal_config_and_its_overrides(tmp_path):
    path = write(tmp_path / "run.yaml", {"name": "a", "data": {"path": "labels"}})
    config = load_config(path, ("schedule.epochs=3", "detector.settings.width=16", "seed=5"))
    assert config.schedule.epochs == 3
    assert config.detector.settings == {"width": 16}
    assert config.seed == 5
    # Relative to the file, not to where the command is typed.
    assert config.data.path == tmp_path / "labels"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"name": "a"}, "data: is missing"),
        ({"name": "a", "data": {}}, "data.dataset or data.path"),
        ({"name": "a", "data": {"dataset": "x", "path": "y"}}, "data.dataset or data.path"),
        ({"name": "a", "data": {"dataset": "x"}, "epochs": 3}, "epochs"),
        ({"name": "A B", "data": {"dataset": "x"}}, "name"),
        ({"name": "a", "data": {"dataset": "x"}, "schedule": {"epochs": 0}}, "schedule.epochs"),
        ("- a\n- b\n", "mapping"),
        ("name: [", r"run\.yaml: line 1, column 8: is no YAML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, said):
    path = write(tmp_path / "run.yaml", content)
    with pytest.raises(ConfigError, match=said):
        load_config(path)


@pytest.mark.parametrize(
    "override",
    ["epochs", "=3", "name.a=3", "seed=[1", "name='a", "seed=a: b: c", "seed=@", "name=2026-02-30"],
)
def test_a_bad_override_is_explained(tmp_path, override):
    path = write(tmp_path / "run.yaml", {"name": "a", "data": {"dataset": "x"}})
    with pytest.raises(ConfigError, match="--set"):
        load_config(path, (override,))


def test_a_missing_file_is_explained(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"shcedule": {"epochs": 3}},
            "run.yaml: unknown setting 'shcedule'; did you mean 'schedule'? choose one of: "
            "classification, data, ",
        ),
        (
            {"schedule": {"learning_rat": 1e-3}},
            "run.yaml: schedule.learning_rat: unknown setting 'learning_rat'; "
            "did you mean 'learning_rate'? choose one of: augmentation, batch_size, ",
        ),
        (
            {"classification": {"transfer": {"frozen": 3}}},
            "classification.transfer.frozen: unknown setting 'frozen'; "
            "did you mean 'frozen_epochs'? choose one of: frozen_epochs, last_blocks",
        ),
        (
            {"pruning": {"kind": "structured", "kep": 0.5}},
            "unknown setting 'kep'; did you mean 'keep'? choose one of: keep, kind",
        ),
        (
            {"data": "voc"},
            "run.yaml: data: this is a section, not the value 'voc'; write "
            "data: {dataset: VALUE}, with settings out of: dataset, datasets, path, ",
        ),
        ({"data": {"dataset": "x", "path": "y"}}, "run.yaml: data: name either data.dataset or "),
        (
            {"name": "A b"},
            "run.yaml: name: 'A b' is no name that a bundle can have; write up to 80 lower-case ",
        ),
        ({"seed": -1}, "seed: must be greater than or equal to 0, not -1"),
        ({"seed": 99999999999}, "seed: must be less than 2147483648"),
        ({"data": {"dataset": "x", "split_seed": -1}}, "data.split_seed: must be greater"),
        ({"schedule": {"warmup_epochs": float("inf")}}, "warmup_epochs: must be a finite number"),
        ({"schedule": {"learning_rate": float("inf")}}, "learning_rate: must be a finite number"),
        ({"schedule": {"weight_decay": float("inf")}}, "weight_decay: must be a finite number"),
        (
            {"classification": {"privileged": {"channels": ["dye"], "weight": float("inf")}}},
            "classification.privileged.weight: must be a finite number",
        ),
        (
            {"classification": {"channels": ["dye", "dye"]}},
            "classification.channels: names 'dye' more than once",
        ),
        ({"threads": 100000}, "threads: must be less than or equal to 1024"),
        ({"schedule": {"epochs": 0}}, "epochs: must be greater than or equal to 1, not 0"),
        ({"schedule": {"epochs": 1.5}}, "schedule.epochs: must be a valid integer, not 1.5"),
        ({"task": "boxes"}, "'instances' or 'classification', not 'boxes'"),
        ({"pruning": {"keep": 0.5}}, "run.yaml: pruning: its kind is missing"),
        ({"pruning": {"kind": "x"}}, "its kind must be one of 'structured', 'magnitude'"),
    ],
)
def test_a_fault_says_what_can_be_written_instead(tmp_path, changes, said):
    path = write(tmp_path / "run.yaml", {"name": "a", "data": {"dataset": "x"}, **changes})
    with pytest.raises(ConfigError) as raised:
        load_config(path)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
