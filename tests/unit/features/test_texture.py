"""Texture against mahotas and scikit-image, and against textures that are known."""

from __future__ import annotations

import math

import mahotas
import numpy as np
import pytest
from skimage.feature import graycomatrix, graycoprops, local_binary_pattern

from cellwright.features.texture import (
    LEVELS,
    binary_patterns,
    co_occurrence,
    haralick,
    texture_of,
)

ALL = np.ones((40, 40), bool)


@pytest.fixture
def levels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, LEVELS, (40, 40)).astype(np.uint8)


def test_co_occurrence_is_that_of_scikit_image(levels: np.ndarray) -> None:
    known = graycomatrix(
        levels, [1], [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4], LEVELS, symmetric=True, normed=True
    )
    # scikit-image counts angles against rows: its 45 degrees go up and right.
    for step, index in (((0, 1), 0), ((1, -1), 3), ((1, 0), 2), ((1, 1), 1)):
        np.testing.assert_allclose(co_occurrence(levels, ALL, step), known[:, :, 0, index])


def test_figures_are_those_of_mahotas(levels: np.ndarray) -> None:
    """Inside a mask: mahotas leaves out the level 0 that it is given there."""
    mask = np.zeros((40, 40), bool)
    mask[5:30, 8:33] = True
    shifted = np.where(mask, levels + 1, 0).astype(np.uint8)
    known = mahotas.features.haralick(shifted, ignore_zeros=True).mean(axis=0)
    energy, contrast, correlation, homogeneity, entropy = haralick(levels, mask)
    assert energy == pytest.approx(known[0])
    assert contrast == pytest.approx(known[1])
    assert correlation == pytest.approx(known[2])
    assert homogeneity == pytest.approx(known[4])
    assert entropy == pytest.approx(known[8])
    assert graycoprops is not None


def test_a_checkerboard() -> None:
    """Neighbours along rows and columns differ by 8 levels, along diagonals by none."""
    y, x = np.mgrid[:40, :40]
    board = np.where((x + y) % 2 == 0, 4, 12).astype(np.uint8)
    energy, contrast, correlation, homogeneity, entropy = haralick(board, ALL)
    assert contrast == pytest.approx(64 / 2)
    assert homogeneity == pytest.approx((1 + 1 / 65) / 2)
    assert correlation == pytest.approx(0, abs=1e-3)
    assert energy == pytest.approx(0.5, abs=1e-3)
    assert entropy == pytest.approx(1, abs=1e-3)


def test_a_constant_picture() -> None:
    flat = np.full((40, 40), 9, np.uint8)
    assert haralick(flat, ALL) == pytest.approx([1, 0, 1, 1, 0])
    shares = binary_patterns(flat, ALL)
    assert shares[8] > 0.9  # every neighbour is as bright as the middle
    assert shares.sum() == pytest.approx(1)


def test_patterns_are_those_of_scikit_image(levels: np.ndarray) -> None:
    codes = local_binary_pattern(levels, 8, 1, method="uniform")
    known = np.bincount(codes.astype(int).ravel(), minlength=10) / codes.size
    np.testing.assert_allclose(binary_patterns(levels, ALL), known)


def test_a_region_without_pairs_has_no_texture() -> None:
    lightness = np.zeros((5, 5), np.float32)
    assert all(math.isnan(value) for value in texture_of(lightness, np.zeros((5, 5), bool)))
    dot = np.zeros((5, 5), bool)
    dot[2, 2] = True
    found = texture_of(lightness, dot)
    assert all(math.isnan(value) for value in found[:5])
    assert sum(found[5:]) == pytest.approx(1)
