"""Folds of a set as people label it, and the page about them; nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellwright.data.formats import read_labelled
from cellwright.data.formats.layout import Known
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import ConfigError, DatasetError
from cellwright.images.write import write_tiff
from cellwright.learning.config import TrainConfig
from cellwright.learning.cross_validation import FoldPlan, Prediction, cross_validate, judge_folds
from cellwright.learning.training_data import Parts
from cellwright.types import Category
from tiny_classes import CHANNELS, draw_cell, write_classes

UNLABELLED = frozenset({1, 14})


def labelled_but(folder: Path, unlabelled: frozenset[int]) -> LabelledSet:
    write_classes(folder / "set", (6, 6, 6))
    labelled = read_labelled(folder / "set")
    records = tuple(
        replace(record, load_annotation=Known(None)) if index in unlabelled else record
        for index, record in enumerate(labelled)
    )
    return replace(labelled, records=records)


def the_truth(parts: Parts, _folder: Path) -> Sequence[Prediction]:
    """Predictions that are right, of a test part in which every image has a class."""
    n_classes = len(parts.whole.classes)
    found = []
    assert parts.test is not None
    for record in parts.test:
        annotation = record.load_annotation()
        assert isinstance(annotation, Category)
        shares = tuple(float(index == annotation.class_id) for index in range(n_classes))
        found.append(Prediction(record.id, record.group, annotation.class_id, shares))
    return found


def test_images_that_nobody_labelled_are_in_no_fold(tmp_path: Path) -> None:
    labelled = labelled_but(tmp_path, UNLABELLED)
    seen: list[str] = []

    def predict(parts: Parts, folder: Path) -> Sequence[Prediction]:
        seen.extend(record.id for one in (parts.train, parts.val) for record in one)
        return the_truth(parts, folder)

    plan = FoldPlan(n_folds=2)
    found = judge_folds(labelled, predict, tmp_path / "run", plan=plan, name="cells")
    assert found.report.n_images == 16
    left_out = {labelled.records[index].id for index in UNLABELLED}
    judged = found.predictions.read_text()
    assert not left_out & set(seen)
    assert not any(name in judged for name in left_out)


def test_a_set_without_any_label_has_no_folds(tmp_path: Path) -> None:
    nothing = labelled_but(tmp_path, frozenset(range(18)))
    with pytest.raises(DatasetError, match="none of the 18 images of the set is labelled"):
        judge_folds(nothing, the_truth, tmp_path / "run", plan=FoldPlan(2), name="cells")


def test_a_fold_that_is_judged_alone_keeps_its_number(tmp_path: Path) -> None:
    labelled = labelled_but(tmp_path, frozenset())
    plan = FoldPlan(n_folds=3, only=(2,))
    judge_folds(labelled, the_truth, tmp_path / "run", plan=plan, name="cells")
    page = (tmp_path / "run" / "report.html").read_text()
    assert "fold 2" in page
    assert "fold 0" not in page


def test_folds_that_were_done_before_the_images_changed_are_not_pooled(tmp_path: Path) -> None:
    labelled = labelled_but(tmp_path, frozenset())
    plan = FoldPlan(n_folds=2)
    first = judge_folds(labelled, the_truth, tmp_path / "run", plan=plan, name="cells")
    again = judge_folds(labelled, the_truth, tmp_path / "run", plan=plan, name="cells")
    assert again.report.n_images == first.report.n_images
    another_cell = draw_cell(1, np.random.default_rng(9))
    write_tiff(labelled.records[0].image_path, another_cell, channel_names=CHANNELS)
    with pytest.raises(ConfigError, match="their labels or their parts changed since"):
        judge_folds(labelled, the_truth, tmp_path / "run", plan=plan, name="cells")


@pytest.mark.parametrize(
    ("setting", "value"),
    [("split_file", "split.csv"), ("ratios", {"train": 8, "test": 2}), ("allow_leak", True)],
)
def test_another_split_beside_the_folds_is_refused(
    setting: str, value: object, tmp_path: Path
) -> None:
    config = TrainConfig.model_validate(
        {
            "name": "cells",
            "task": "classification",
            "data": {"path": tmp_path / "nowhere", setting: value},
        }
    )
    with pytest.raises(
        ConfigError, match=rf"leave data\.{setting} out \(--set .*\), or train without --folds"
    ):
        cross_validate(config, tmp_path / "run", n_folds=2)
    assert not (tmp_path / "run").exists()


def test_images_alike_by_a_chamber_do_not_keep_folds_from_being_made(tmp_path: Path) -> None:
    labelled = labelled_but(tmp_path, frozenset())
    cell = draw_cell(0, np.random.default_rng(3), edge=96)
    for number, record in enumerate(labelled):
        write_tiff(record.image_path, cell + np.uint16(number), channel_names=CHANNELS)
    with pytest.raises(DatasetError, match=r"data\.copies=equal"):
        judge_folds(labelled, the_truth, tmp_path / "run", plan=FoldPlan(2), name="cells")
    plan = FoldPlan(2, copies="equal")
    found = judge_folds(labelled, the_truth, tmp_path / "equal", plan=plan, name="cells")
    assert found.report.n_images == 18


def test_parts_of_the_set_are_said_not_to_be_heeded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for seed, part in enumerate(("train", "valid", "test")):
        write_classes(tmp_path / "set" / part, (2, 2, 2), seed=seed)
    data = {"path": tmp_path / "set", "by": "image"}
    config = TrainConfig.model_validate({"name": "cells", "task": "classification", "data": data})
    with pytest.raises(DatasetError, match="fold"):  # before anything is learned
        cross_validate(config, tmp_path / "run", n_folds=9)
    assert "set: its own train, val and test parts are not heeded" in caplog.text
