"""Simulated smears: truth that counts, classes that differ as they should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellwright.errors import ConfigError
from cellwright.images.simulate import SIMULATORS
from cellwright.images.simulate.smear import SmearScene, simulate_slide, simulate_smear

SMALL = SmearScene(height=200, width=240, n_red=14, n_white=3, radius_px=12, n_platelets=2, seed=4)


def test_it_stands_in_the_table() -> None:
    assert SIMULATORS["smear"] is simulate_slide


def test_the_same_seed_gives_the_same_pixels() -> None:
    first, again = simulate_smear(SMALL), simulate_smear(SMALL)
    assert (first.image == again.image).all()
    assert (first.nuclei == again.nuclei).all()
    assert (simulate_smear(replace(SMALL, seed=5)).image != first.image).any()


@pytest.mark.parametrize("share", [0.0, 1 / 3, 1.0])
def test_truth_is_what_was_asked_for(share: float) -> None:
    field = simulate_smear(replace(SMALL, blast_share=share))
    assert field.image.shape == (3, 200, 240) and field.image.dtype == np.uint8
    assert len(field.white) == 3
    assert field.n_blasts == round(3 * share)
    assert 10 <= len(field.red) <= 14
    assert not ((field.white.labels > 0) & (field.red.labels > 0)).any()
    inside = field.nuclei > 0
    assert (field.nuclei[inside] == field.white.labels[inside]).all()
    assert set(np.unique(field.nuclei)) == {0, 1, 2, 3}


def test_the_nucleus_of_a_blast_nearly_fills_its_cell() -> None:
    def ratio(share: float) -> float:
        field = simulate_smear(replace(SMALL, blast_share=share))
        return float((field.nuclei > 0).sum() / (field.white.labels > 0).sum())

    assert ratio(1.0) > 0.65
    assert ratio(0.0) < 0.6


def test_nuclei_are_dark_and_empty_glass_is_bright() -> None:
    field = simulate_smear(SMALL)
    glass = (field.white.labels == 0) & (field.red.labels == 0)
    green = field.image[1].astype(float)
    assert green[field.nuclei > 0].mean() < 90
    assert np.median(green[glass]) > 190
    red, _, blue = (plane[field.red.labels > 0].mean() for plane in field.image)
    assert red > blue  # red cells are red


def test_a_slide_has_a_stain_of_its_own() -> None:
    one, other = (next(simulate_slide(1, SMALL, name="a", seed=seed)) for seed in (1, 2))
    assert one.name == "a_001" and one.group == "a"
    medians = [np.median(field.image.reshape(3, -1), axis=1) for field in (one, other)]
    assert np.abs(medians[0] - medians[1]).max() > 1


@pytest.mark.parametrize(
    "wrong", [{"n_white": -1}, {"blast_share": 1.2}, {"radius_px": 1}, {"eosin": 0}, {"height": 8}]
)
def test_a_scene_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        replace(SMALL, **wrong)


def test_no_cells_at_all() -> None:
    empty = simulate_smear(replace(SMALL, n_red=0, n_white=0, n_platelets=0))
    assert len(empty.white) == len(empty.red) == 0
    assert not empty.nuclei.any()
