"""Leukemia screening: the split in order, the controls, the threshold, the figures, a small run."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from cellwright.cli.main import app
from cellwright.data.datasets import load_dataset
from cellwright.data.formats import read_labelled
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.data.splits import check_split, read_split
from cellwright.errors import UnknownNameError
from cellwright.learning.training_data import Parts
from cellwright.studies.grid import measure
from cellwright.studies.leukemia_screening.blocks import split_in_order
from cellwright.studies.leukemia_screening.classical import (
    CLASSICAL,
    field_features,
    learned,
    true_ids,
)
from cellwright.studies.leukemia_screening.controls import background_colour, colour_histogram
from cellwright.studies.leukemia_screening.judged import (
    ACCURACY,
    BINARY,
    CLEAN,
    FALL,
    SHIFTED,
    Scored,
    binary_figures,
    figures_of,
    places_of,
    threshold_of,
)
from cellwright.studies.leukemia_screening.simulated import draw_field, drawn_set
from cellwright.studies.leukemia_screening.study import plan
from cellwright.studies.leukemia_screening.variants import cells_alone, grey
from cellwright.studies.study import Request
from cellwright.types import Category

DATA = Path(os.environ.get("CELLWRIGHT_DATA", "/nonexistent"))
SPLIT = Path(__file__).parents[3] / "zoo" / "splits" / "leukemia.csv"


def record(name: str, class_id: int, group: str) -> Record:
    return Record(name, Path(name), partial(Category, class_id), group=group)


def test_the_first_blocks_are_learned_from_and_the_last_tested():
    records = [
        record(f"{kind}{number:02d}", class_id, f"{kind}-{number // 2:02d}")
        for class_id, kind in enumerate("ab")
        for number in range(20)
    ]
    labelled = LabelledSet("smears", ("a", "b"), tuple(records))
    part_of = split_in_order(labelled)
    check_split(labelled, part_of)
    parts = [part_of[f"a{number:02d}"] for number in range(20)]
    assert parts == ["train"] * 16 + ["val"] * 2 + ["test"] * 2
    assert [part_of[f"b{number:02d}"] for number in range(20)] == parts


@pytest.mark.real_data
@pytest.mark.skipif(not (DATA / "all_pbs_leukemia").is_dir(), reason="the set is not at hand")
def test_the_committed_split_is_that_of_the_study():
    assert split_in_order(load_dataset("all_pbs_leukemia")) == read_split(SPLIT)


def test_a_background_of_one_colour_is_that_colour():
    image = np.zeros((3, 10, 10), np.uint8)
    image[:, 5:] = np.array([200, 180, 190], np.uint8)[:, None, None]
    assert background_colour(image) == pytest.approx([200, 180, 190])


def test_a_histogram_holds_shares():
    shares = colour_histogram(draw_field(1, np.random.default_rng(0)))
    assert shares.shape == (128,)
    assert shares.reshape(4, 32).sum(axis=1) == pytest.approx(np.ones(4))


def test_grey_has_one_value_a_pixel_and_cells_alone_keep_the_nucleus():
    field = draw_field(3, np.random.default_rng(0))
    assert np.ptp(grey(field, "a"), axis=0).max() == 0
    alone = cells_alone(field, "a")
    assert alone.shape == (3, 112, 112)
    assert (alone == 255).all(axis=0).mean() > 0.5
    assert (alone[0] < 150).any()


def scored(leukemic: list[float], true: list[int]) -> Scored:
    probabilities = np.stack([1 - np.array(leukemic), np.array(leukemic)], axis=1)
    return Scored(probabilities, np.array(true), tuple(str(one // 2) for one in range(len(true))))


def test_the_threshold_lets_one_of_twenty_benign_images_pass():
    benign = (np.arange(20) / 20).tolist()
    val = scored([*benign, 0.99], [0] * 20 + [1])
    threshold = threshold_of(val)
    assert threshold == pytest.approx(0.9)
    assert (val.leukemic[val.true_ids == 0] > threshold).sum() == 1


def test_binary_figures_by_hand():
    val = scored([0.1, 0.2, 0.3, 0.9], [0, 0, 0, 1])
    test = scored([0.1, 0.25, 0.6, 0.4, 0.7, 0.2], [0, 0, 0, 1, 1, 1])
    found = {name: one.value for name, one in binary_figures(val, test).items()}
    assert found[ACCURACY] == pytest.approx(3 / 6)
    assert found["precision (%)"] == pytest.approx(1 / 2)
    assert found["recall (%)"] == pytest.approx(1 / 3)
    # Three benign images of validation: none may lie above, so the threshold is 0.3.
    assert found["sensitivity (%) at 95 % specificity on validation"] == pytest.approx(2 / 3)
    assert found["specificity (%) there"] == pytest.approx(2 / 3)


def test_a_row_fills_its_places_and_a_fall_is_the_difference():
    clean = scored([0.1, 0.2, 0.9, 0.8], [0, 0, 1, 1])
    moved = scored([0.1, 0.7, 0.9, 0.8], [0, 0, 1, 1])
    shifts = dict.fromkeys([place[2] for place in places_of("x") if place[0] == FALL], moved)
    figures = figures_of("x", clean, {CLEAN: clean, **shifts}, ("benign", "early"))
    assert {(one.table, one.row, one.metric) for one in figures} == set(places_of("x"))
    by_place = {(one.table, one.metric): one for one in figures}
    assert by_place[BINARY, ACCURACY].value == 100
    assert by_place[SHIFTED, "hue"].value == pytest.approx(75)
    fall = by_place[FALL, "hue"]
    assert fall.value == pytest.approx(25)
    assert fall.low <= 25 <= fall.high


@pytest.fixture(scope="module")
def fields(tmp_path_factory):
    return read_labelled(drawn_set(tmp_path_factory.mktemp("a") / "fields", fields=8, seed=0))


def test_features_are_measured_once(fields, tmp_path, monkeypatch):
    first = field_features(fields, edge_px=48, store=tmp_path)
    assert len(first) == 32
    monkeypatch.setattr(Record, "load", None)
    again = field_features(fields, edge_px=48, store=tmp_path)
    assert np.array_equal(first, again, equal_nan=True)


@pytest.mark.parametrize("name", sorted(CLASSICAL))
def test_a_classical_row_gives_probabilities(fields, tmp_path_factory, name):
    store = tmp_path_factory.getbasetemp() / "features"
    see = partial(field_features, edge_px=48, store=store)
    parts = Parts(fields, fields, fields, None, {})
    probabilities = learned(parts, see, name, seed=0)(fields)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(32))
    assert (probabilities.argmax(axis=1) == true_ids(fields)).mean() > 0.5


@pytest.mark.slow
def test_a_network_and_a_network_without_its_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    cells = {cell.name: cell for cell in plan(Request("quick", None, tmp_path))}
    done = measure(cells["recipe"], tmp_path, command="")
    assert done.finish == "done", done.reason
    assert {figure.table for figure in done.outcome.figures} == {
        place[0] for place in places_of("x")
    }
    missing = measure(cells["vgg16"], tmp_path, command="")
    assert missing.finish == "not attempted"
    assert "not on this computer" in missing.reason

    bundle = tmp_path / "work" / "recipe" / "recipe.cellwright"
    asked = ["evaluate", str(bundle), str(tmp_path / "fields"), "--json", "-", "--shift"]
    moved = CliRunner().invoke(app, [*asked, "dark"])
    assert moved.exit_code == 0, moved.output
    assert json.loads(moved.stdout)["n_images"] == 80
    refused = CliRunner().invoke(app, [*asked, "sepia"])
    assert isinstance(refused.exception, UnknownNameError)
