"""Networks made smaller while they learn: tiny, seeded runs, and what their bundles hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.onnx_graph import OnnxGraph, constant_values
from cellwright.bundles.verify import verify
from cellwright.bundles.weights import graph_weights
from cellwright.cli.train import say_what_ships
from cellwright.errors import ConfigError
from cellwright.learning.config import load_config
from cellwright.learning.train import train
from disc_unet import SETTINGS, learned_unet, write_unet
from tiny_masks import write_discs


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_discs(tmp_path_factory.mktemp("set"), n_images=8, edge=48) / "masks"


@pytest.fixture(scope="module")
def parent(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("parent")
    return write_unet(folder / "parent.cellwright", learned_unet("semantic"), "semantic")


def run(folder: Path, data: Path, *, task: str = "semantic", **sections: object):
    folder.mkdir(exist_ok=True)
    content = {
        "name": "small",
        "task": task,
        "threads": 1,
        "data": {"path": str(data)},
        "segmentation": {"settings": SETTINGS},
        "schedule": {
            "epochs": 3,
            "batch_size": 2,
            "precision": "32-true",
            "ema_decay": 0.5,
            "warmup_epochs": 0,
            "augmentation": "flips",
            "learning_rate": 0.005,
        },
    }
    for name, values in sections.items():
        both = isinstance(values, dict) and isinstance(content.get(name), dict)
        content[name] = {**content[name], **values} if both else values
    (folder / "run.yaml").write_text(yaml.safe_dump(content))
    config = load_config(folder / "run.yaml")
    return config, folder / "run"


def test_structured_pruning_leaves_a_narrower_bundle_that_knows_its_parent(data, parent, tmp_path):
    config, out = run(
        tmp_path, data, start_from=str(parent), pruning={"kind": "structured", "keep": 0.5}
    )
    bundle = open_bundle(train(config, out).bundle)
    assert graph_weights(bundle.graph())["down.2.0.weight"].shape[:2] == (16, 8)
    pruning = bundle.card.training.pruning
    assert (pruning["kind"], pruning["keep"]) == ("structured", "0.5")
    assert pruning["parent"].startswith("parent (discs")
    assert bundle.card.training.started_from.startswith("parent (discs")
    assert bundle.card.evaluations[0].metrics["jaccard"].value > 0.6
    # A training that begins with it takes over its widths, and says so.
    config, out = run(
        tmp_path / "again", data, start_from=str(out / "small.cellwright"), schedule={"epochs": 1}
    )
    again = open_bundle(train(config, out).bundle)
    assert graph_weights(again.graph())["down.2.0.weight"].shape[:2] == (16, 8)
    assert again.card.training.pruning == pruning
    assert again.card.training.shipped_epochs == (1,)


def test_a_training_that_ships_what_it_began_with_says_so(data, parent, tmp_path, capsys):
    # A rate that spoils the weights: epoch 1 is judged by those of the start, epoch 2 is worse.
    spoiling = {"epochs": 2, "warmup_epochs": 1, "learning_rate": 1.0}
    config, out = run(tmp_path, data, start_from=str(parent), schedule=spoiling)
    bundle = open_bundle(train(config, out).bundle)
    begun = graph_weights(open_bundle(parent).graph())
    for name, weight in graph_weights(bundle.graph()).items():
        np.testing.assert_allclose(weight, begun[name], rtol=1e-5, atol=1e-6, err_msg=name)
    say_what_ships(bundle.card.training)
    said = capsys.readouterr().err
    assert "the bundle holds epoch 0 of 2" in said
    assert (
        "improved nothing: epoch 0 ships, the weights that it began with, those of parent" in said
    )


def test_zeros_by_magnitude_are_exact_and_outlive_averaging_and_restarts(data, tmp_path):
    config, out = run(tmp_path, data, pruning={"kind": "magnitude", "every_steps": 2})
    bundle = open_bundle(train(config, out).bundle)
    weights = {
        name: weight
        for name, weight in graph_weights(bundle.graph()).items()
        if weight.ndim == 4 and weight.size >= 256
    }
    assert len(weights) >= 8
    for name, weight in weights.items():
        assert (weight == 0).sum() == round(0.9 * weight.size), name
    share = float(bundle.card.training.pruning["zeros"].rstrip("%"))
    assert 85 < share < 90
    assert open_bundle(train(config, out).bundle).graph() == bundle.graph()


def test_training_in_8_bits_ships_an_int8_graph(data, parent, tmp_path):
    config, out = run(
        tmp_path,
        data,
        start_from=str(parent),
        quantization={"kind": "aware"},
        pruning={"kind": "magnitude", "every_steps": 2},
    )
    bundle = open_bundle(train(config, out).bundle)
    assert [(one.file, one.precision) for one in bundle.card.graphs] == [
        ("graphs/int8.onnx", "int8")
    ]
    assert bundle.card.training.quantization == {"kind": "aware", "settled": "0.5"}
    assert all(replay.passed for replay in verify(bundle))
    assert bundle.card.evaluations[0].metrics["jaccard"].value > 0.6
    graph = OnnxGraph(bundle.graph())
    stored = [graph.weight(node.input[1]) for node in graph.nodes if node.op_type == "Conv"]
    integers = [constant_values(one) for one in stored if one.data_type == 3]
    assert len(integers) == len(stored) - 1
    # What was pruned in float is zero in 8 bits.
    large = [one for one in integers if one.size >= 256]
    assert np.mean([(one == 0).mean() for one in large]) > 0.89


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"pruning": {"kind": "structured"}}, "needs start_from"),
        ({"pruning": {"kind": "random"}}, "magnitude"),
        ({"pruning": {"kind": "magnitude", "keep": 0.5}}, "keep"),
        ({"quantization": {"kind": "after"}}, "aware"),
    ],
)
def test_bad_settings(data, tmp_path, sections, said):
    with pytest.raises(ConfigError, match=said):
        run(tmp_path, data, **sections)


def test_only_segmentation_becomes_smaller_in_training(data, tmp_path):
    with pytest.raises(ConfigError, match="not for task: detection"):
        run(tmp_path, data, task="detection", segmentation={}, quantization={"kind": "aware"})


def test_a_parent_of_another_shape_is_refused(data, parent, tmp_path):
    config, out = run(
        tmp_path,
        data,
        start_from=str(parent),
        segmentation={"settings": {"base_width": 8, "levels": 4}},
        pruning={"kind": "structured"},
    )
    with pytest.raises(ConfigError, match=r"fits only|only a trained network can be pruned"):
        train(config, out)
