"""The pieces of paper 1's study that can be checked without training."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from cellwright.data.formats import read_labelled
from cellwright.data.splits import read_split
from cellwright.inference.evaluate import LabelledPredictions
from cellwright.studies import STUDIES
from cellwright.studies.results import read_published
from cellwright.studies.study import NotAttempted
from cellwright.studies.viability_yolo.detection import (
    PRINTED,
    Setting,
    _of_colour,
    apart_from_paper,
    train_config,
)
from cellwright.studies.viability_yolo.presets import PRESETS, Simulation
from cellwright.studies.viability_yolo.simulated import colour_of, simulated_set
from cellwright.studies.viability_yolo.speed import per_second
from cellwright.types import Boxes

TINY = Simulation(series=(2, 1, 1), pairs=2, height=96, width=128, seed=3)


def test_published_values_are_those_of_the_paper():
    found = read_published(STUDIES["viability-yolo"].folder)
    assert len(found) == 5 * 4 + 5 * 6
    assert found["1", "YOLOv9-T", "weights (M)"] == "2"
    assert found["1", "YOLOv12-N", "GPU TensorRT (FPS)"] == "84.78"
    assert found["3", "YOLOv10-N", "blue R (%)"] == "91.8"
    assert found["3", "YOLOv12-N", "red AP50:95 (%)"] == "84.2"
    # Means over the five rows, worked out from the printed table.
    means = {
        metric: np.mean([float(v) for (t, _, m), v in found.items() if (t, m) == ("3", metric)])
        for metric in ("blue P (%)", "red AP50:95 (%)")
    }
    assert means == pytest.approx({"blue P (%)": 96.22, "red AP50:95 (%)": 83.94})
    table4 = read_published(STUDIES["learning-curve"].folder)
    assert [table4["4", row, "train images"] for row in ("2%", "25%", "100%")] == ["5", "63", "252"]


def test_simulated_series_go_to_one_part_and_both_colours_are_labelled(tmp_path):
    folder = simulated_set(tmp_path / "set", TINY)
    part_of = read_split(folder / "split.csv")
    labelled = read_labelled(folder, format="csv")
    assert labelled.classes == ("nucleus",)
    of_group = {record.group: set() for record in labelled}
    for record in labelled:
        of_group[record.group].add(part_of[record.id])
        assert colour_of(record.id) in ("blue", "red")
    assert [*of_group.values()] == [{"train"}, {"train"}, {"val"}, {"test"}]
    n = {
        c: sum(len(r.load_annotation()) for r in labelled if colour_of(r.id) == c)
        for c in ("blue", "red")
    }
    assert n["blue"] > n["red"] > 0

    stamp = (folder / "boxes.csv").stat().st_mtime_ns
    simulated_set(folder, TINY)
    assert (folder / "boxes.csv").stat().st_mtime_ns == stamp
    (folder / "split.csv").unlink()  # as a killed writer leaves it
    simulated_set(folder, TINY)
    assert read_split(folder / "split.csv") == part_of


def test_the_same_seed_gives_the_same_series(tmp_path):
    def rows(name, simulation):
        with (simulated_set(tmp_path / name, simulation) / "boxes.csv").open(newline="") as file:
            return list(csv.reader(file))

    assert rows("a", TINY) == rows("b", TINY) != rows("c", replace(TINY, seed=4))


def test_every_network_is_trained_alike(tmp_path):
    setting = Setting(replace(PRESETS["quick"], simulation=TINY), None, tmp_path)
    configs = [train_config(setting, name) for name in PRINTED]
    same = {
        config.model_dump_json(exclude={"name", "description", "detector"}) for config in configs
    }
    assert len(same) == 1
    assert {config.detector.name for config in configs} == set(PRINTED)


def test_the_papers_settings():
    schedule = PRESETS["paper"].schedule
    assert (schedule["epochs"], schedule["batch_size"]) == (150, 4)
    assert (schedule["learning_rate"], schedule["augmentation"]) == (1.667e-3, "paper1")
    paper = PRESETS["paper"]
    images = [2 * paper.simulation.pairs * n for n in paper.simulation.series]
    assert (paper.longest_px, images) == (1280, [252, 72, 36])


def test_colours_are_judged_apart():
    boxes = Boxes(np.array([[0, 0, 4, 4]], np.float32), np.array([0]))
    ids = ("s0_001_blue", "s0_001_red", "s1_001_blue")
    found = LabelledPredictions(ids, ("s0", "s0", "s1"), (boxes,) * 3, (boxes,) * 3, ())
    red = _of_colour(found, "red")
    assert (red.ids, red.groups, len(red.truth)) == (("s0_001_red",), ("s0",), 1)


def test_only_the_papers_own_set_can_be_set_against_it(tmp_path):
    labelled = read_labelled(simulated_set(tmp_path / "set", TINY), format="csv")
    assert apart_from_paper(labelled, None) == "other data: simulated pairs"
    assert apart_from_paper(labelled, "here") == "other data: set"
    records = tuple(replace(labelled.records[0], id=str(index)) for index in range(360))
    own = replace(labelled, classes=("Blue-cells", "Red-cells"), records=records)
    assert apart_from_paper(own, "roboflow") == ""
    assert apart_from_paper(replace(own, records=records[1:]), "roboflow") != ""


def test_passes_a_second_are_those_of_the_median_pass():
    figure = per_second("net", "FPS", [0.1, 0.1, 0.5, 0.1, 0.125], threads=2)
    assert figure.value == pytest.approx(10)
    assert figure.low <= 10 <= figure.high
    assert figure.apart == "other machine, 2 threads"


def test_what_was_not_trained_is_not_timed(tmp_path):
    with pytest.raises(NotAttempted, match="yolov8n was not trained"):
        Setting(PRESETS["quick"], None, tmp_path).bundle("yolov8n")
