"""Models on measurements are learned, calibrated, shipped and run like networks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.interchange import INTERCHANGE
from cellwright.bundles.verify import verify
from cellwright.cli.main import app
from cellwright.compression.compress import compress
from cellwright.errors import BundleError, ConfigError, UnknownNameError
from cellwright.explain.grad_cam import GradCam
from cellwright.inference.classifier import Classifier
from cellwright.learning.classical_models import CLASSICAL
from cellwright.learning.config import load_config
from cellwright.learning.cross_validation import cross_validate
from cellwright.learning.train import train
from cellwright.tuning.space import examples, read_space
from cellwright.tuning.training import as_trainings, check_tunable
from tiny_classes import CHANNELS, CLASSES, draw_cell, write_classes, write_montage

CONFIG = {
    "name": "discs",
    "task": "classification",
    "data": {"path": "set", "ratios": {"train": 60, "val": 20, "test": 20}},
    "classification": {"model": "random-forest", "settings": {"n_estimators": 30}},
}


def a_config(folder: Path, **changes):
    path = folder / "train.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    return load_config(path, tuple(f"{key}={value}" for key, value in changes.items()))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("discs")
    write_classes(folder / "set")
    result = train(a_config(folder, **{"classification.sampling": "smote"}), folder / "run")
    return folder, open_bundle(result.bundle), result


def test_it_learns_and_the_card_says_what_is_measured(trained):
    folder, bundle, result = trained
    card = bundle.card
    assert card.classes == CLASSES
    features = card.classification.features
    assert features.kind == "simple"
    assert features.columns[0] == f"{CHANNELS[0]}_mean"
    assert card.training.epochs == 0
    assert result.report.metrics["accuracy"].value > 0.9
    assert [one.runtime for one in verify(bundle)] == ["onnxruntime"]
    assert verify(bundle)[0].passed
    page = (folder / "run" / "report.html").read_text()
    for words in ("Confusion matrix", "ROC curves", "What it goes by"):
        assert words in page
    table = (folder / "run" / "importance.csv").read_text().splitlines()
    assert len(table) == 1 + len(features.columns) + 11  # five families a channel, and one


def test_explain_says_what_it_goes_by(trained, tmp_path):
    folder, bundle, _ = trained
    few = folder / "few"
    write_classes(few, (6, 6, 6), seed=3)
    for name in ("a.html", "a.csv", "a.png"):
        out = tmp_path / name
        done = CliRunner().invoke(
            app, ["explain", str(bundle.path), "--data", str(few), "-o", str(out), "--json", "-"]
        )
        assert done.exit_code == 0, done.output
        found = json.loads(done.stdout)
        assert out.stat().st_size > 100
    assert found["n_images"] == 18
    assert set(found["lost"]) == set(bundle.card.classification.features.columns)
    assert next(iter(found["families"].values()))["value"] > 0


def test_predict_evaluate_and_assay_run_it(trained, tmp_path):
    folder, bundle, result = trained
    class_ids = [0, 1, 2, 2, 1, 0]
    montage = write_montage(tmp_path / "montage.tif", class_ids)
    for arguments in (
        ("predict", montage, "-m", bundle.path, "-o", tmp_path / "p", "--tile", "24"),
        ("assay", "cell-cycle", montage, "-m", bundle.path, "-o", tmp_path / "a", "--tile", "24"),
    ):
        done = CliRunner().invoke(app, list(map(str, arguments)))
        assert done.exit_code == 0, done.output
    rows = [line.split(",") for line in (tmp_path / "p" / "cells.csv").read_text().splitlines()]
    assert [row[2] for row in rows[1:]] == [CLASSES[one] for one in class_ids]
    split = str(folder / "run" / "split.csv")
    done = CliRunner().invoke(
        app,
        [
            *("evaluate", str(bundle.path), str(folder / "set"), "--split", split),
            *("--part", "test", "--json", "-"),
        ],
    )
    found = json.loads(done.stdout)["metrics"]["macro_f1"]["value"]
    assert found == result.report.metrics["macro_f1"].value


def test_what_is_unlike_the_training_is_marked(trained):
    _, bundle, _ = trained
    classifier = Classifier(bundle)
    rng = np.random.default_rng(5)
    cells = classifier.classify([draw_cell(index % 3, rng) for index in range(60)])
    noise = classifier.classify(list(rng.integers(0, 60000, (10, 2, 24, 24)).astype(np.uint16)))
    assert cells.unlike.mean() < 0.3
    assert noise.unlike.all()


def test_what_needs_a_network_is_refused(trained, tmp_path):
    _, bundle, _ = trained
    for refused in (
        lambda: GradCam(bundle),
        lambda: Classifier(bundle, runtime="openvino"),
        lambda: INTERCHANGE["openvino"](bundle, tmp_path),
        lambda: INTERCHANGE["bioimageio"](bundle, tmp_path),
        lambda: compress(bundle, None, method="ptq", out=tmp_path / "small.cellwright"),
    ):
        with pytest.raises(BundleError, match="fed measurements"):
            refused()
    assert not list(tmp_path.iterdir())
    assert len(INTERCHANGE["onnx"](bundle, tmp_path)) == 2


def test_measurements_of_another_version_are_refused(trained, tmp_path):
    _, bundle, _ = trained
    decoding = bundle.card.classification
    other = decoding.features.model_copy(update={"columns": decoding.features.columns[:-1]})
    card = bundle.card.model_copy(
        update={"classification": decoding.model_copy(update={"features": other})}
    )
    with pytest.raises(BundleError, match="does not make in this way"):
        Classifier(type(bundle)(bundle.path, card))


@pytest.mark.slow
@pytest.mark.parametrize("model", sorted(set(CLASSICAL) - {"random-forest"}))
def test_every_model_learns(model, tmp_path):
    write_classes(tmp_path / "set", (24, 24, 12))
    settings = "{n_estimators: 20}" if model == "gradient-boosting" else "{}"
    changes = {"classification.model": model, "classification.settings": settings}
    result = train(a_config(tmp_path, **changes), tmp_path / "run")
    assert result.report.metrics["accuracy"].value > 0.7


@pytest.mark.slow
def test_a_search_is_told_of_every_trial_once(tmp_path):
    write_classes(tmp_path / "set", (12, 12, 8))
    a_config(tmp_path)
    space = read_space(["classification.settings.max_depth=int:1:4"])
    path = tmp_path / "train.yaml"
    settings = load_config(path, next(examples(space)))
    check_tunable(settings)
    assert settings.classification.settings["max_depth"] == 1
    told = []
    measure = as_trainings(path, [], command="")
    measure(
        {"classification.settings.max_depth": 2},
        tmp_path / "trial",
        lambda epoch, value: told.append((epoch, value)),
    )
    [(epoch, value)] = told
    card = open_bundle(tmp_path / "trial" / "discs.cellwright").card
    assert epoch == 0
    assert value == card.evaluations[0].metrics["macro_f1"].value > 0.5
    several = (
        "classification.model=resnet",
        "classification.members=2",
        "classification.settings={}",
    )
    with pytest.raises(ConfigError, match="one after the other"):
        check_tunable(load_config(path, several))


@pytest.mark.slow
def test_folds_judge_it_too(tmp_path):
    write_classes(tmp_path / "set", (12, 12, 8))
    config = a_config(tmp_path, **{"data.ratios": "null"})
    found = cross_validate(config, tmp_path / "run", n_folds=2)
    assert np.sum(found.report.confusion) == 32


def test_what_cannot_be_trained_is_said_before_anything_is_read(tmp_path):
    for changes, error, words in (
        ({"classification.features": "colours"}, UnknownNameError, "simple"),
        ({"classification.sampling": "fair"}, UnknownNameError, "smote"),
        ({"classification.model": "forest"}, UnknownNameError, "random-forest"),
        ({"classification.settings": "{trees: 3}"}, ConfigError, "trees"),
        ({"classification.settings": "{n_estimators: -3}"}, ConfigError, "n_estimators"),
        ({"classification.mixup_alpha": 0.2}, ConfigError, "mixup_alpha"),
        ({"schedule.epochs": 3}, ConfigError, "schedule"),
        (
            {
                "classification.model": "resnet",
                "classification.settings": "{}",
                "classification.features": "simple",
            },
            ConfigError,
            "learns from pixels",
        ),
    ):
        with pytest.raises(error, match=words):
            train(a_config(tmp_path, **changes), tmp_path / "run")
