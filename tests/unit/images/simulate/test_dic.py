"""Simulated DIC at high magnification: truth that counts, relief that the shear lights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellwright.bundles.bundle import open_bundle
from cellwright.errors import ConfigError
from cellwright.images.simulate import SIMULATORS
from cellwright.images.simulate.dic import DicScene, simulate_dic, simulate_movie
from cellwright.inference.segmenter import Segmenter
from cellwright.metrics.instances import matched_share

SMALL = DicScene(height=160, width=180, n_cells=3, radius_px=(22, 28), clump_fraction=0, seed=2)


def test_it_stands_in_the_table() -> None:
    assert SIMULATORS["dic"] is simulate_movie


def test_the_same_seed_gives_the_same_pixels() -> None:
    first, again = simulate_dic(SMALL), simulate_dic(SMALL)
    assert (first.image == again.image).all()
    assert (first.instances.labels == again.instances.labels).all()
    assert (simulate_dic(replace(SMALL, seed=3)).image != first.image).any()


def test_truth_is_what_was_asked_for() -> None:
    field = simulate_dic(SMALL)
    assert field.image.shape == (1, 160, 180) and field.image.dtype == np.uint8
    assert len(field.instances) == 3
    assert field.confluence == pytest.approx((field.instances.labels > 0).mean())


def lit_side(scene: DicScene) -> float:
    """Light right of a cell's middle less that left of it, at its border, grey levels."""
    field = simulate_dic(replace(scene, grain=0, n_cells=1, unevenness=0))
    inside = field.instances.labels > 0
    rows, columns = np.nonzero(inside)
    middle = field.image[0, int(rows.mean())].astype(float)
    left, right = columns[rows == int(rows.mean())][[0, -1]]
    return float(middle[right - 3 : right + 4].mean() - middle[left - 3 : left + 4].mean())


def test_the_shear_lights_one_side_and_its_reverse_the_other() -> None:
    for seed in range(3):
        one = lit_side(replace(SMALL, shear_degrees=180, focus=0, seed=seed))
        other = lit_side(replace(SMALL, shear_degrees=0, focus=0, seed=seed))
        assert one > 5 and other < -5


def test_without_contrast_cells_cannot_be_seen() -> None:
    field = simulate_dic(replace(SMALL, strength=0, unevenness=0))
    inside = field.instances.labels > 0
    pixels = field.image[0].astype(float)
    assert pixels[inside].mean() == pytest.approx(pixels[~inside].mean(), abs=0.5)
    assert pixels[inside].std() == pytest.approx(pixels[~inside].std(), rel=0.1)


def test_cytoplasm_is_rough_and_glass_is_smooth() -> None:
    field = simulate_dic(replace(SMALL, unevenness=0))
    inside = field.instances.labels > 0
    pixels = field.image[0].astype(float)
    assert pixels[inside].std() > 1.4 * pixels[~inside].std()


def test_the_model_of_real_cells_finds_most_of_them() -> None:
    segmenter = Segmenter(open_bundle("hela-dic-half-int8"), threads=1)
    fields = list(simulate_movie(2, seed=11))
    found = [
        matched_share(one.instances, segmenter.segment_fully(one.image).cells) for one in fields
    ]
    assert np.mean(found) > 0.5


def test_a_movie_has_fields_of_its_own() -> None:
    fields = list(simulate_movie(2, SMALL, name="day1", seed=2))
    assert [field.name for field in fields] == ["day1_001", "day1_002"]
    assert {field.group for field in fields} == {"day1"}
    assert (fields[0].image != fields[1].image).any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"radius_px": (4, 9)},
        {"clump_fraction": 2},
        {"strength": -1},
        {"height": 20},
        {"n_cells": -1},
    ],
)
def test_a_scene_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        replace(SMALL, **wrong)


def test_no_cells_at_all() -> None:
    empty = simulate_dic(replace(SMALL, n_cells=0))
    assert len(empty.instances) == 0 and empty.confluence == 0
