"""Regions against SciPy and scikit-image, and by hand where they have no say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import remove_small_holes, remove_small_objects

from cellwright.inference import regions
from cellwright.inference.regions import clean_mask, components, label_regions
from cellwright.types import SemanticMask


def speckled(seed: int, *, density: float = 0.55, size: tuple[int, int] = (60, 80)) -> np.ndarray:
    return (np.random.default_rng(seed).random(size) < density).astype(np.uint8)


@pytest.fixture(params=[7, 1024])
def band_rows(request, monkeypatch) -> int:
    monkeypatch.setattr(regions, "BAND_ROWS", request.param)
    return request.param


@pytest.mark.parametrize("seed", range(4))
def test_small_regions_go_as_scikit_image_removes_them(seed: int, band_rows: int) -> None:
    mask = speckled(seed, density=0.35)
    expected = remove_small_objects(mask.astype(bool), max_size=5, connectivity=2)
    assert (clean_mask(mask, minimum_area_px=6) == expected).all()


@pytest.mark.parametrize("seed", range(4))
def test_small_holes_are_filled_as_scikit_image_fills_them(seed: int, band_rows: int) -> None:
    mask = np.pad(speckled(seed, density=0.7), 1, constant_values=1)
    expected = remove_small_holes(mask.astype(bool), max_size=4, connectivity=1)
    assert (clean_mask(mask, fill_holes_px=4) == expected).all()


def test_the_border_of_the_image_encloses_nothing() -> None:
    mask = np.ones((6, 6), np.uint8)
    mask[0, 2] = mask[5, 5] = mask[3, 3] = 0
    filled = clean_mask(mask, fill_holes_px=10)
    assert filled[3, 3] == 1
    assert filled[0, 2] == 0 and filled[5, 5] == 0


def test_a_hole_between_two_classes_belongs_to_neither() -> None:
    mask = np.array([[1, 1, 2, 2], [1, 0, 0, 2], [1, 1, 2, 2]], np.uint8)
    assert (clean_mask(mask, fill_holes_px=5) == mask).all()
    mask = np.array([[2, 2, 2], [2, 0, 2], [2, 2, 2]], np.uint8)
    assert (clean_mask(mask, fill_holes_px=5) == 2).all()


def test_regions_of_each_class_are_cells(band_rows: int) -> None:
    mask = speckled(5, density=0.4) * np.where(np.arange(80) < 40, 1, 2).astype(np.uint8)
    probability = np.random.default_rng(0).random(mask.shape).astype(np.float32)
    cells = label_regions(SemanticMask(mask), probability)
    expected = 0
    for class_id in (1, 2):
        count = ndimage.label(mask == class_id, np.ones((3, 3)))[1]
        expected += count
        mine = np.unique(cells.labels[mask == class_id])
        assert len(mine) == count
        assert (cells.class_ids[mine - 1] == class_id - 1).all()
    assert len(cells) == expected
    means = ndimage.mean(probability, cells.labels, np.arange(1, expected + 1))
    assert np.allclose(cells.scores, means, atol=1e-6)


def test_an_empty_mask_has_no_cells() -> None:
    empty = SemanticMask(np.zeros((5, 4), np.uint8))
    assert len(label_regions(empty)) == 0
    assert (clean_mask(empty.mask, minimum_area_px=5, fill_holes_px=5) == 0).all()
    assert len(components(empty.mask.astype(bool)).areas) == 0
