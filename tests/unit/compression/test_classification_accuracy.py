"""Classes: both bundles on the same crops, the int8 graph of a small network that tells them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from cellwright.bundles.bundle import graph_entry, open_bundle, write_bundle
from cellwright.bundles.card import Card, InputSpec, TrainingRecord
from cellwright.bundles.class_probabilities import ClassProbabilities, Unlike
from cellwright.bundles.export import export_network
from cellwright.bundles.verify import verify
from cellwright.cli.main import app
from cellwright.compression import latency
from cellwright.compression.accuracy import judge_of
from cellwright.compression.calibration_data import images_of
from cellwright.compression.compress import CompressionJob, compress
from cellwright.compression.method import in_silence
from cellwright.compression.verdict import CompressionRefusedError
from cellwright.data.formats import read_labelled
from cellwright.images.normalise import Normalisation
from cellwright.inference.classifier import OUTPUT
from cellwright.inference.evaluate_classification import evaluate_classifier
from tiny_classes import CHANNELS, CLASSES, write_classes

EDGE = 24


class Amounts(nn.Module):
    """How much of each channel there is, then one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(nn.Conv2d(2, 8, 3, padding=1), nn.ReLU())
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.look(x).mean(dim=(2, 3)))


def learned(crops: np.ndarray, class_ids: np.ndarray) -> nn.Module:
    torch.manual_seed(0)
    network = Amounts()
    rule = torch.optim.Adam(network.parameters(), 0.03)
    images, target = torch.from_numpy(crops), torch.from_numpy(class_ids)
    for _ in range(200):
        rule.zero_grad()
        nn.functional.cross_entropy(10 * network(images), target).backward()
        rule.step()
    return network.eval()


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    folder = write_classes(tmp_path_factory.mktemp("cells") / "set", (30, 30, 20))
    return read_labelled(folder, format="folders")


@pytest.fixture(scope="module")
def bundle(cells, tmp_path_factory):
    """A float classifier; its channels are found by name, in another order than the files'."""
    limits = ((0.0, 1500.0), (400.0, 800.0))
    spec = InputSpec(
        channels=2,
        channel_names=tuple(reversed(CHANNELS)),
        normalisation=Normalisation(kind="fixed", limits=limits),
    )
    samples = [record.load() for record in cells]
    raw = np.stack([sample.image[::-1] for sample in samples]).astype(np.float32)
    low, high = np.array(limits, np.float32).T[:, None, :, None, None]
    crops = np.clip((raw - low) / (high - low), 0, 1)
    network = learned(crops, np.array([sample.annotation.class_id for sample in samples]))
    graph = export_network(network, channels=2, output_names=[OUTPUT], size=(EDGE, EDGE))
    decoding = ClassProbabilities(
        crop_px=(EDGE, EDGE), views=8, unlike=Unlike(threshold=0.0, quantile=0.9)
    )
    card = Card(
        name="amounts",
        task="classification",
        classes=CLASSES,
        description="",
        licence="Apache-2.0",
        input=spec,
        classification=decoding,
        training=TrainingRecord(
            data="discs",
            data_licence="",
            data_checksum="",
            n_images=80,
            command="",
            commit="",
            seed=0,
            machine="",
            epochs=1,
            date="2026-01-01",
        ),
        graphs=(graph_entry("graphs/fp32.onnx", graph),),
    )
    with torch.no_grad():
        answer = network(torch.from_numpy(crops[:1])).numpy()
    path = tmp_path_factory.mktemp("bundle") / "amounts.cellwright"
    tests = {"input": crops[:1], OUTPUT: answer}
    return open_bundle(write_bundle(path, card, {"graphs/fp32.onnx": graph}, tests))


def a_job(cells, **changes) -> CompressionJob:
    return replace(
        CompressionJob(
            judged=cells,
            judged_name="discs",
            calibration=images_of(cells)[:16],
            calibration_name="16 images",
            threads=1,
            max_drop=10.0,
            settings={"ranges": "minmax"},
        ),
        **changes,
    )


@pytest.fixture(scope="module")
def made(bundle, cells, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "amounts-int8.cellwright"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency, "ROUNDS", 2)
        verdict = compress(bundle, a_job(cells), method="ptq", out=out)
    return verdict, open_bundle(out)


def test_the_weighted_f1_decides_and_its_drop_is_the_difference(bundle, cells, made):
    verdict, _ = made
    assert verdict.metric == "weighted_f1"
    before = evaluate_classifier(bundle, cells, runtime="onnxruntime", threads=1)
    value = before.metrics["weighted_f1"].value
    assert value > 0.8, "the network must have learned something to lose"
    for one in verdict.runtimes:
        after = one.report.metrics["weighted_f1"].value
        assert one.drop.value == pytest.approx(100 * (value - after), abs=1e-9)
        assert one.drop.low <= one.drop.value <= one.drop.high


def test_the_int8_bundle_runs_and_its_card_holds_what_was_measured(cells, made):
    _, new = made
    assert [one.precision for one in new.card.graphs] == ["int8"]
    assert all(replay.passed for replay in verify(new))
    assert new.tests["input"].shape == (1, 2, EDGE, EDGE)
    measured = evaluate_classifier(new, cells, runtime="openvino", threads=1)
    for name, value in new.card.evaluations[0].metrics.items():
        assert value.value == pytest.approx(measured.metrics[name].value), name


def test_temperature_and_likeness_are_chosen_anew_only_with_enough_images(bundle, cells, made):
    _, new = made
    assert new.card.classification.unlike.threshold != 0.0
    assert new.card.classification.unlike.quantile == 0.9
    judge = judge_of(bundle)
    few = replace(cells, records=cells.records[:3])
    with in_silence("") as progress:
        look = judge.look(bundle, few, runtime="onnxruntime", threads=1, progress=progress)
    assert look.settled() == bundle.card


def test_one_that_lost_too_much_is_refused_with_the_figure(bundle, cells, made, tmp_path):
    verdict, _ = made
    refused = replace(verdict, max_drop=(verdict.worst.drop.value or 0.0) - 0.01)
    with pytest.raises(CompressionRefusedError, match="points of weighted_f1"):
        refused.require_accepted()


def test_the_command_says_it(bundle, cells, tmp_path, monkeypatch):
    monkeypatch.setattr(latency, "ROUNDS", 2)
    folder = cells.records[0].image_path.parent.parent
    out = tmp_path / "small.cellwright"
    words = ["compress", str(bundle.path), str(folder), "--format", "folders", "-o", str(out)]
    done = CliRunner().invoke(
        app, [*words, "--max-drop", "10", "--ranges", "minmax", "--threads", "1", "--json", "-"]
    )
    assert done.exit_code == 0, done.output
    content = json.loads(done.stdout)
    assert content["metric"] == "weighted_f1" and content["accepted"]
    assert out.exists()
