"""What is written can be read back by the rooms that train and count."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from cellwright.data.formats.boxes_csv import read
from cellwright.images.read import read_image
from cellwright.images.simulate.live_dead import LiveDeadScene, simulate_pair, simulate_series
from cellwright.images.simulate.storage import write_series
from cellwright.types import Boxes

SCENE = LiveDeadScene(height=160, width=200, n_cells=12, radius_px=(5, 8), viability=0.5)


def test_a_written_series_is_a_labelled_set(tmp_path: Path) -> None:
    pairs = list(simulate_series(2, SCENE, name="a", seed=1))
    folder = write_series(tmp_path / "out", pairs)
    labelled = read(tmp_path / "out")
    assert folder == tmp_path / "out" / "images"
    assert labelled.classes == ("blue", "red")
    assert [record.id for record in labelled] == [
        f"a_00{number}_{colour}" for number in (1, 2) for colour in ("blue", "red")
    ]
    assert {record.group for record in labelled} == {"a"}
    for pair, record in zip(pairs, labelled.records[1::2], strict=True):
        sample = record.load()
        assert isinstance(sample.annotation, Boxes)
        assert np.array_equal(sample.image, pair.red)
        assert np.array_equal(sample.annotation.xyxy, pair.red_boxes.xyxy)
        assert sample.annotation.class_ids.tolist() == [1] * int(pair.dead.sum())
        assert sample.pixel_size_um == SCENE.pixel_size_um


def test_one_class_name_for_both_colours(tmp_path: Path) -> None:
    write_series(tmp_path, [simulate_pair(SCENE)], classes=("nucleus", "nucleus"))
    assert read(tmp_path).classes == ("nucleus",)


def test_truth_says_counts_viability_and_labels(tmp_path: Path) -> None:
    pair = simulate_pair(SCENE, name="field")
    nothing = simulate_pair(replace(SCENE, n_cells=0), name="nothing")
    write_series(tmp_path, [pair, nothing])
    with (tmp_path / "truth" / "truth.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {
        "name": "field",
        "group": "series",
        "n_cells": "12",
        "n_live": "6",
        "n_dead": "6",
        "viability": "0.5",
    }
    assert rows[1]["viability"] == ""
    labels = read_image(tmp_path / "truth" / "instances" / "field.png").pixels[0]
    assert np.array_equal(labels, pair.instances.labels)


def test_an_image_without_cells_is_known_to_hold_none(tmp_path: Path) -> None:
    write_series(tmp_path, [simulate_pair(replace(SCENE, viability=1.0))])
    red = next(record for record in read(tmp_path) if record.id.endswith("red"))
    annotation = red.load_annotation()
    assert isinstance(annotation, Boxes)
    assert len(annotation) == 0
