"""Touching discs come apart, whatever their size; the same cells by whole-image scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import label
from skimage.segmentation import watershed as flood

from cellwright.bundles.mask_output import DistanceInstances
from cellwright.errors import ImageError
from cellwright.inference import regions
from cellwright.inference.watershed import seeds, separate_cells
from cellwright.types import Instances
from ink_cells import discs, distances

SPEC = DistanceInstances(seed_threshold=0.5, seed_smoothing_px=1.0, seed_depth=0.1)


def maps_of(cells: Instances) -> tuple[np.ndarray, np.ndarray]:
    """What a perfect network would say."""
    return (cells.labels > 0).astype(np.float32), distances(cells)


def partition(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two label images tell the same pixels apart."""
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1)
    return len(set(pairs[0])) == len(set(pairs[1])) == pairs.shape[1]


def test_touching_discs_of_any_size_come_apart() -> None:
    truth = discs((20, 20, 14), (20, 44, 12), (60, 40, 25), (60, 68, 6), (12, 100, 4))
    found = separate_cells(*maps_of(truth), SPEC)
    assert len(found) == len(truth) == 5
    shared = (found.labels > 0) & (truth.labels > 0)
    votes = np.zeros((6, 6), int)
    np.add.at(votes, (truth.labels[shared], found.labels[shared]), 1)
    overlap = votes.max(axis=1)[1:] / np.bincount(truth.labels.ravel())[1:]
    assert overlap.min() > 0.85
    assert (found.scores == 1).all()


@pytest.mark.parametrize("magnification", [1.0, 2.0])
def test_small_cells_come_apart_with_finer_seeds(magnification: float) -> None:
    radius = 4 * magnification
    alone = ((20.0, 60.0, radius), (60.0, 20.0, radius), (60.0, 60.0, radius))
    truth = discs((20, 20, radius), (20, 20 + 1.5 * radius, radius), *alone)
    blurred = ndimage.gaussian_filter(distances(truth), 1.3 * magnification)
    coarse = SPEC.model_copy(update={"seed_depth": 0.2, "seed_threshold": 0.3})
    maps = (truth.labels > 0).astype(np.float32), blurred

    def found(spec: DistanceInstances) -> int:
        return len(separate_cells(*maps, spec, magnification=magnification))

    assert found(coarse) == len(truth) - 1
    assert found(coarse.model_copy(update={"small_below_px": 28.0})) == len(truth)
    # Cells that are as large as that are sought as before.
    assert found(coarse.model_copy(update={"small_below_px": 6.0})) == len(truth) - 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("band_rows", [16, 1024])
def test_regions_done_one_by_one_are_those_of_the_whole_image(
    dtype, band_rows: int, monkeypatch
) -> None:
    monkeypatch.setattr(regions, "BAND_ROWS", band_rows)
    rng = np.random.default_rng(2)
    distance = ndimage.gaussian_filter(rng.random((150, 130)), 4).astype(np.float32)
    distance = (distance - distance.min()) / np.ptp(distance)
    foreground = (distance > 0.35).astype(dtype)
    spec = SPEC.model_copy(update={"seed_smoothing_px": 0.0, "seed_depth": 0.02})
    found = separate_cells(foreground, distance.astype(dtype), spec)
    landscape = np.where(foreground > 0, distance.astype(dtype).astype(np.float32), 0)
    markers = seeds(landscape, spec)
    whole = flood(-landscape, markers, mask=foreground > 0, connectivity=2)
    assert len(found) == len(np.unique(whole)) - 1 > 8
    # Where a pixel lies as deep from both sides the order of the flood decides.
    same = sum(
        (whole[found.labels == one] == np.bincount(whole[found.labels == one]).argmax()).sum()
        for one in range(1, len(found) + 1)
    )
    assert same / (whole > 0).sum() > 0.995
    assert ((found.labels > 0) == (whole > 0)).all()


def test_depth_says_how_deep_a_saddle_parts_two_cells() -> None:
    ridge = np.zeros((5, 41), np.float32)
    ridge[1:4] = 0.8 + 0.1 * np.cos(np.linspace(0, 4 * np.pi, 41))  # maxima .9, saddles .7
    foreground = (ridge > 0).astype(np.float32)
    for depth, count in ((0.1, 3), (0.19, 3), (0.21, 1)):
        spec = SPEC.model_copy(update={"seed_depth": depth, "seed_smoothing_px": 0.0})
        assert len(separate_cells(foreground, ridge, spec)) == count


def test_without_depth_seeds_are_what_lies_above_the_threshold() -> None:
    rng = np.random.default_rng(5)
    distance = ndimage.gaussian_filter(rng.random((60, 60)), 2).astype(np.float32)
    level = float(np.quantile(distance, 0.7))
    spec = SPEC.model_copy(update={"seed_depth": 0.0, "seed_threshold": level})
    assert partition(seeds(distance, spec), label(distance >= level, connectivity=2))


def test_foreground_without_a_seed_is_no_cell() -> None:
    foreground, distance = maps_of(discs((30, 30, 10), (30, 90, 10)))
    distance[:, 60:] *= 0.4
    found = separate_cells(foreground, distance, SPEC)
    assert len(found) == 1
    assert not found.labels[:, 60:].any()


def test_holes_and_crumbs() -> None:
    foreground, distance = maps_of(discs((30, 30, 12), (30, 90, 2)))
    foreground[30, 30] = 0
    spec = SPEC.model_copy(
        update={"fill_holes_px": 3, "minimum_area_px": 30, "seed_smoothing_px": 0.0}
    )
    found = separate_cells(foreground, distance, spec)
    assert len(found) == 1
    assert found.labels[30, 30] == 1
    # Where cells are drawn three times as large, 30 pixels are 270.
    assert len(separate_cells(foreground, distance, spec, magnification=3.0)) == 1
    assert len(separate_cells(foreground, distance, spec, magnification=5.0)) == 0


def test_a_cell_has_the_class_of_most_of_its_pixels() -> None:
    truth = discs((20, 20, 14), (20, 44, 12), (60, 40, 10))
    class_map = np.zeros(truth.labels.shape, np.uint8)
    class_map[:, 30:] = 2
    class_map[60:] = 1
    found = separate_cells(*maps_of(truth), SPEC, class_map=class_map)
    by_place = {tuple(np.argwhere(found.labels == one).mean(axis=0).round() // 10): one
                for one in range(1, 4)}  # fmt: skip
    classes = {place: int(found.class_ids[one - 1]) for place, one in by_place.items()}
    assert classes[(2.0, 2.0)] == 0
    assert classes[(2.0, 4.0)] == 2


def test_nothing_at_all() -> None:
    empty = np.zeros((40, 30), np.float32)
    assert len(separate_cells(empty, empty, SPEC)) == 0
    with pytest.raises(ImageError, match="do not fit"):
        separate_cells(empty, empty[:-1], SPEC)
