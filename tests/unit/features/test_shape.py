"""Shape against scikit-image and against what geometry says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.draw import disk, ellipse
from skimage.measure import regionprops

from cellwright.features.columns import SHAPE
from cellwright.features.shape import shape_of

NAMES = [feature.name for feature in SHAPE]


def shape(mask: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, shape_of(mask), strict=True))


def blob(seed: int) -> np.ndarray:
    """An irregular region of several hundred pixels."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((60, 70), bool)
    for _ in range(6):
        centre, radius = rng.uniform(20, 42, 2), rng.uniform(5, 14)
        mask[disk(centre, radius, shape=mask.shape)] = True
    return mask


@pytest.mark.parametrize("seed", range(12))
def test_numbers_are_those_of_scikit_image(seed: int) -> None:
    mask = blob(seed)
    found, known = shape(mask), regionprops(mask.astype(np.uint8))[0]
    for name in NAMES[:6]:
        assert found[name] == pytest.approx(known[name], rel=1e-9), name
    assert found["solidity"] == pytest.approx(known["solidity"], rel=1e-9)


def test_a_circle() -> None:
    mask = np.zeros((220, 220), bool)
    mask[disk((110, 110), 100)] = True
    found = shape(mask)
    assert found["area"] == pytest.approx(math.pi * 100**2, rel=0.005)
    assert found["perimeter"] == pytest.approx(2 * math.pi * 100, rel=0.06)
    assert found["equivalent_diameter_area"] == pytest.approx(200, rel=0.005)
    assert found["form_factor"] == pytest.approx(1, abs=0.12)
    assert found["eccentricity"] < 0.02 and found["elongation"] < 0.001
    assert found["solidity"] > 0.985


def test_an_ellipse() -> None:
    mask = np.zeros((200, 300), bool)
    mask[ellipse(100, 150, 40, 80)] = True
    found = shape(mask)
    assert found["axis_major_length"] == pytest.approx(160, rel=0.01)
    assert found["axis_minor_length"] == pytest.approx(80, rel=0.01)
    assert found["eccentricity"] == pytest.approx(math.sqrt(1 - 0.25), abs=0.01)
    assert found["elongation"] == pytest.approx(0.5, abs=0.01)


def test_edge_cases() -> None:
    assert all(math.isnan(value) for value in shape_of(np.zeros((5, 5), bool)))
    one = np.zeros((5, 5), bool)
    one[2, 2] = True
    assert shape(one)["area"] == 1 and shape(one)["solidity"] == 1
    line = np.zeros((5, 9), bool)
    line[2, 1:8] = True
    assert shape(line)["eccentricity"] == 1 and shape(line)["solidity"] == 1
    assert shape_of(np.ones((6, 6), bool))[0] == 36


def test_turning_a_region_changes_nothing() -> None:
    mask = blob(3)
    np.testing.assert_allclose(shape_of(mask), shape_of(np.rot90(mask)), rtol=1e-9)
