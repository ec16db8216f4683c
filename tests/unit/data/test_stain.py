"""One cause at a time: against torchvision, against skimage, and against values worked out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import separate_stains
from torchvision.transforms.v2 import functional

from cellwright.data.stain import (
    GIEMSA,
    brightened,
    complete,
    in_other_light,
    restained,
    saturated,
    turned_hue,
    with_gamma,
)

ONES, ZEROS = np.ones(3), np.zeros(3)


@pytest.fixture
def colour():
    return np.random.default_rng(0).random((3, 16, 20)).astype(np.float32)


@pytest.mark.parametrize("factor", [0.0, 0.7, 1.0, 1.3])
def test_brightness_and_saturation_are_those_of_torchvision(colour, factor):
    picture = torch.from_numpy(colour)
    assert brightened(colour, factor) == pytest.approx(
        functional.adjust_brightness(picture, factor).numpy(), abs=1e-6
    )
    assert saturated(colour, factor) == pytest.approx(
        functional.adjust_saturation(picture, factor).numpy(), abs=2e-4
    )


@pytest.mark.parametrize("turn", [-0.1, 0.0, 0.25])
def test_hue_is_that_of_torchvision(colour, turn):
    expected = functional.adjust_hue(torch.from_numpy(colour), turn).numpy()
    assert turned_hue(colour, turn) == pytest.approx(expected, abs=1e-4)


def test_a_third_of_the_circle_makes_red_green():
    red = np.zeros((3, 1, 1), np.float32)
    red[0] = 1
    assert turned_hue(red, 1 / 3)[:, 0, 0] == pytest.approx([0, 1, 0], abs=1e-6)


def test_light_and_gamma_by_hand():
    grey = np.full((3, 1, 1), 0.25, np.float32)
    assert in_other_light(grey, np.array([1.2, 1.0, 8.0]))[:, 0, 0] == pytest.approx([0.3, 0.25, 1])
    assert with_gamma(grey, 0.5)[:, 0, 0] == pytest.approx([0.5] * 3)


def test_nothing_changes_where_no_stain_does(colour):
    bright = 0.1 + 0.9 * colour
    assert restained(bright, ONES, ZEROS) == pytest.approx(bright, abs=1e-5)


def test_twice_the_stain_is_twice_its_amount_as_skimage_takes_it_apart():
    rng = np.random.default_rng(1)
    amounts = np.zeros((6, 5, 3))
    amounts[..., :2] = rng.uniform(0.1, 0.8, (6, 5, 2))
    colour = np.exp(-amounts @ complete(GIEMSA)).transpose(2, 0, 1).astype(np.float32)
    more = restained(colour, np.array([2.0, 1.0, 1.0]), ZEROS)
    apart = np.linalg.inv(complete(GIEMSA))
    before, after = (separate_stains(one.transpose(1, 2, 0), apart) for one in (colour, more))
    assert after[..., 0] == pytest.approx(2 * before[..., 0], rel=1e-3)
    assert after[..., 1] == pytest.approx(before[..., 1], rel=1e-3)


def test_an_offset_stains_the_empty_background():
    white = np.ones((3, 1, 1), np.float32)
    stained = restained(white, ONES, np.array([0.3, 0.0, 0.0]))
    assert stained[:, 0, 0] == pytest.approx(np.exp(-0.3 * GIEMSA[0]), abs=1e-6)


def test_stain_vectors_have_length_one_and_the_third_is_perpendicular():
    rows = complete(GIEMSA)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(ONES, abs=1e-5)
    assert rows[2] @ rows[:2].T == pytest.approx([0, 0], abs=1e-12)
