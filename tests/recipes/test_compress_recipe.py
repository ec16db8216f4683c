"""``cellwright compress`` with a training before the verdict, from bundles that ``train`` wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.verify import verify
from cellwright.bundles.weights import graph_weights
from cellwright.cli.main import app
from cellwright.compression import latency
from cellwright.learning.config import load_config
from cellwright.learning.train import train
from processor import exact_int8_runtimes
from tiny_classes import write_classes
from tiny_masks import write_discs

SCHEDULE = {
    "epochs": 3,
    "batch_size": 8,
    "learning_rate": 0.005,
    "warmup_epochs": 0,
    "ema_decay": 0.5,
    "gentle_epochs": 0,
}
RATIOS = {"train": 60, "val": 20, "test": 20}


@pytest.fixture(scope="module", autouse=True)
def few_rounds():
    """How long anything takes is not for these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency, "ROUNDS", 2)
        yield


def trained(folder: Path, **sections: object) -> Path:
    content = {"name": "whole", "threads": 1, "schedule": SCHEDULE, **sections}
    (folder / "whole.yaml").write_text(yaml.safe_dump(content))
    return train(load_config(folder / "whole.yaml"), folder / "run").bundle


@pytest.fixture(scope="module")
def classifier(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    write_classes(folder / "set", (30, 30, 30))
    return trained(
        folder,
        task="classification",
        data={"path": "set", "ratios": RATIOS},
        classification={"settings": {"width": 16}},
    )


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("masks")
    write_discs(folder / "set", n_images=8, edge=48)
    return trained(
        folder,
        task="semantic",
        data={"path": "set/masks"},
        segmentation={"model": "se-unet", "settings": {"base_width": 16, "levels": 2}},
    )


def compress(bundle: Path, data: Path, out: Path, *arguments: str):
    typed = ["compress", str(bundle), str(data), "--out", str(out), "--threads", "1"]
    typed += ["--max-drop", "100", "--json", str(out.with_suffix(".json")), *arguments]
    return CliRunner().invoke(app, typed)


def test_a_classifier_is_pruned_and_then_learns_in_8_bits(classifier, tmp_path):
    data = classifier.parent.parent / "set"
    split = str(classifier.parent / "split.csv")
    small = tmp_path / "small.cellwright"
    done = compress(classifier, data, small, "--method", "prune", "--split", split)
    assert done.exit_code == 0, done.output
    verdict = json.loads(small.with_suffix(".json").read_text())
    assert (verdict["method"], verdict["parent"]) == ("prune", "whole")
    assert verdict["metric"] == "weighted_f1"
    assert verdict["settings"]["keep"] == "0.5"
    assert verdict["size_ratio"] > 2
    assert "trained on images of this very set" not in done.output
    card = open_bundle(small).card
    assert not any("another training part" in limit for limit in card.limits)
    assert card.compression.method == "prune"
    assert card.training.epochs == 1
    assert card.training.started_from.startswith("whole (")
    assert graph_weights(open_bundle(small).graph())["features.0.weight"].shape[0] == 8

    both = tmp_path / "both.cellwright"
    arguments = ("--method", "qat", "--split", split, "--epochs", "2", "--against", str(classifier))
    done = compress(small, data, both, *arguments)
    assert done.exit_code == 0, done.output
    new = open_bundle(both)
    assert new.card.graphs[0].precision == "int8"
    assert (new.card.training.pruning["kind"], new.card.compression.parent) == (
        "structured",
        "whole",
    )
    assert all(one.passed for one in verify(new, exact_int8_runtimes()))
    assert json.loads(both.with_suffix(".json").read_text())["size_ratio"] > 4


def test_a_classifier_loses_weights_by_the_schedule(classifier, tmp_path):
    out = tmp_path / "sparse.cellwright"
    done = compress(
        *(classifier, classifier.parent.parent / "set", out, "--method", "magnitude"),
        *("--epochs", "2", "--set", "pruning.every_steps=2"),
    )
    assert done.exit_code == 0, done.output
    # Without the parent's split the set is divided anew.
    assert "the model it is compared with was trained on images of this very set" in done.output
    said = [limit for limit in open_bundle(out).card.limits if "another training part" in limit]
    assert len(said) == 1
    for name, weight in graph_weights(open_bundle(out).graph()).items():
        if weight.ndim == 4 and weight.size >= 256:
            assert (weight == 0).sum() == round(0.9 * weight.size), name


def test_an_se_unet_is_pruned(segmenter, tmp_path):
    out = tmp_path / "small.cellwright"
    data = segmenter.parent.parent / "set" / "masks"
    done = compress(segmenter, data, out, "--method", "prune", "--keep", "0.6")
    assert done.exit_code == 0, done.output
    assert graph_weights(open_bundle(out).graph())["down.0.0.0.weight"].shape[0] == 10
    shown = CliRunner().invoke(app, ["models", "show", str(out)])
    assert "kind: structured, keep: 0.6" in shown.output


def test_what_cannot_be_is_said_before_any_training(classifier, segmenter, tmp_path):
    data = segmenter.parent.parent / "set" / "masks"
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text((classifier.parent.parent / "whole.yaml").read_text())
    out = tmp_path / "new.cellwright"
    for arguments, sentence in (
        (("--part", "all"), "judged on the validation part"),
        (("--set", "pruning.keep=2"), "pruning"),
        (("--recipe", str(recipe)), "this recipe trains for classification"),
    ):
        done = compress(segmenter, data, out, "--method", "prune", *arguments)
        assert isinstance(done.exception, Exception)
        assert sentence in str(done.exception) + done.output
    assert not out.exists()
