"""Every row of DATASETS: complete, and the real set loads where it is at hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cellwright.data.datasets import DATASETS, load_dataset
from cellwright.data.formats import FORMATS
from cellwright.types import Boxes, Category, Instances, SemanticMask

DATA = Path(os.environ.get("CELLWRIGHT_DATA", "/nonexistent"))


@pytest.mark.parametrize("name", DATASETS)
def test_a_row_says_what_a_user_must_know(name: str) -> None:
    row = DATASETS[name]
    assert row.name == name
    assert row.format in FORMATS
    assert row.task in FORMATS[row.format].tasks
    assert row.licence
    assert row.citation
    assert row.known_flaws
    assert row.url.startswith("https://")
    assert row.sha256 is None or len(row.sha256) == 64


@pytest.mark.real_data
@pytest.mark.parametrize("name", DATASETS)
def test_the_real_set_loads(name: str) -> None:
    if not (DATA / name).is_dir():
        pytest.skip("CELLWRIGHT_DATA does not hold this set")
    row, labelled = DATASETS[name], load_dataset(name)
    assert (labelled.name, labelled.classes, labelled.licence) == (name, row.classes, row.licence)
    assert 0 < len(labelled) <= row.n_images
    assert all(record.group == row.group_of(record.id) for record in labelled)
    for record in labelled.records[:: max(1, len(labelled) // 5)]:
        sample = record.load()
        if isinstance(sample.annotation, SemanticMask):
            assert set(np.unique(sample.annotation.mask)) == set(range(len(row.classes)))
        elif isinstance(sample.annotation, Category):
            assert 0 <= sample.annotation.class_id < len(row.classes)
        else:
            assert isinstance(sample.annotation, Boxes | Instances)
            assert len(sample.annotation) > 0


@pytest.mark.real_data
@pytest.mark.skipif(not (DATA / "bccd_blood_cells").is_dir(), reason="the set is not at hand")
def test_bccd_has_the_boxes_its_authors_count_less_the_two_without_area() -> None:
    labelled = load_dataset("bccd_blood_cells")
    counts = dict.fromkeys(labelled.classes, 0)
    for record in labelled:
        annotation = record.load_annotation()
        assert isinstance(annotation, Boxes)
        for class_id in annotation.class_ids:
            counts[labelled.classes[class_id]] += 1
    # 3350 red cells in the files, two of them without area.
    assert counts == {"Platelets": 292, "RBC": 3348, "WBC": 301}
    flawed = {record.id: record.problems for record in labelled if record.problems}
    assert set(flawed) == {"BloodImage_00338", "BloodImage_00343"}
    assert all("has no area: left out" in problem for (problem,) in flawed.values())
    assert {record.split for record in labelled} == {"train", "val"}


@pytest.mark.real_data
@pytest.mark.skipif(not (DATA / "livedead_labelfree").is_dir(), reason="the set is not at hand")
def test_livedead_agrees_with_the_yolo_files_that_come_with_it() -> None:
    labelled = load_dataset("livedead_labelfree")
    for record in labelled.records[::40]:
        annotation = record.load_annotation()
        assert isinstance(annotation, Boxes)
        text = (DATA / "livedead_labelfree/labels_yolo" / f"{record.id}.txt").read_text()
        classes = [int(line.split()[0]) for line in text.splitlines()]
        assert sorted(classes) == sorted(annotation.class_ids.tolist())
