"""Simulated unstained cells: truth that counts, and contrast that a threshold cannot use."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from cellwright.data.formats import read_labelled
from cellwright.errors import ConfigError
from cellwright.images.simulate import SIMULATORS
from cellwright.images.simulate.storage import write_fields
from cellwright.images.simulate.unstained import (
    UnstainedScene,
    simulate_culture,
    simulate_field,
)
from cellwright.types import Instances

SMALL = UnstainedScene(height=160, width=200, n_cells=14, radius_px=(9, 15), seed=5)


def test_it_stands_in_the_table() -> None:
    assert SIMULATORS["unstained"] is simulate_culture


def test_the_same_seed_gives_the_same_pixels() -> None:
    first, again = simulate_field(SMALL), simulate_field(SMALL)
    assert (first.image == again.image).all()
    assert (first.instances.labels == again.instances.labels).all()
    assert (simulate_field(UnstainedScene(seed=1)).image != simulate_field(
        UnstainedScene(seed=2)).image).any()  # fmt: skip


@pytest.mark.parametrize("contrast", ["dic", "phase"])
def test_truth_is_what_was_asked_for(contrast: str) -> None:
    field = simulate_field(
        UnstainedScene(height=300, width=300, n_cells=30, contrast=contrast, seed=3)
    )
    assert field.image.dtype == np.uint8 and field.image.shape == (1, 300, 300)
    assert len(field.instances) == 30
    assert field.confluence == (field.instances.labels > 0).mean()
    radius = np.sqrt(np.bincount(field.instances.labels.ravel())[1:] / np.pi)
    assert 8 < np.median(radius) < 28
    touching = field.instances.labels[:, 1:] != field.instances.labels[:, :-1]
    both = (field.instances.labels[:, 1:] > 0) & (field.instances.labels[:, :-1] > 0)
    assert (touching & both).sum() > 30


def test_dic_shows_slopes_and_phase_shows_thickness() -> None:
    """Flat light, so that only the cells differ from their surround."""
    shown = {}
    for contrast in ("dic", "phase"):
        scene = UnstainedScene(contrast=contrast, unevenness=0, strength=0.5, seed=7)
        field = simulate_field(scene)
        inside = field.instances.labels > 0
        pixels = field.image[0].astype(float)
        spread = pixels[~inside].std()
        shown[contrast] = (pixels[inside].mean() - pixels[~inside].mean()) / spread
    assert abs(shown["dic"]) < 0.1
    assert shown["phase"] < -0.4


def test_strength_zero_shows_nothing() -> None:
    field = simulate_field(UnstainedScene(strength=0, unevenness=0, seed=1))
    inside = field.instances.labels > 0
    pixels = field.image[0].astype(float)
    assert pixels[inside].mean() == pytest.approx(pixels[~inside].mean(), abs=0.1)
    assert pixels[inside].std() == pytest.approx(pixels[~inside].std(), rel=0.05)


def test_an_empty_culture_and_impossible_scenes() -> None:
    empty = simulate_field(UnstainedScene(height=64, width=64, n_cells=0))
    assert len(empty.instances) == 0 and empty.confluence == 0
    for wrong in ({"n_cells": 500}, {"radius_px": (2, 3)}, {"strength": 1.5}, {"height": 8}):
        with pytest.raises(ConfigError):
            simulate_field(UnstainedScene(**{"height": 64, "width": 64} | wrong))


def test_written_fields_are_a_labelled_set(tmp_path: Path) -> None:
    fields = list(simulate_culture(3, SMALL, name="day1", seed=2))
    assert write_fields(tmp_path, iter(fields)) == tmp_path / "images"
    labelled = read_labelled(tmp_path)
    for record, field in zip(labelled, fields, strict=True):
        sample = record.load()
        assert (sample.id, sample.group, sample.pixel_size_um) == (field.name, "day1", 0.65)
        assert isinstance(sample.annotation, Instances)
        assert (sample.annotation.labels == field.instances.labels).all()
        assert (sample.image == field.image).all()
    with (tmp_path / "truth.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["n_cells"]) for row in rows] == [len(field.instances) for field in fields]
