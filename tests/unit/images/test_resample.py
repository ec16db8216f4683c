"""Regions resized on one grid are what the whole resized by OpenCV holds there."""

from __future__ import annotations

import numpy as np
import pytest

from cellwright.images.resample import axis_taps, resize_rows
from cellwright.images.resize import resize
from cellwright.inference.source import ArraySource, ResizedSource

SIZES = [(40, 50), (31, 44), (20, 25), (75, 120), (63, 77), (7, 9), (50, 63)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_any_region_is_that_of_the_whole(size: tuple[int, int], dtype: type) -> None:
    rng = np.random.default_rng(3)
    image = (rng.random((2, 50, 63)) * (250 if dtype is np.uint8 else 60_000)).astype(dtype)
    if dtype is np.float32:
        image /= 60_000
    whole = resize(image, *size).astype(np.float64)
    source = ResizedSource(ArraySource(image), *size)
    height, width = size
    assert source.shape == (2, *size)
    for y0, x0, y1, x1 in ((0, 0, height, width), (2, 3, height - 1, width - 4), (3, 1, 4, 2)):
        region = source.read_region(y0, x0, y1, x1)
        assert region.dtype == dtype
        tolerance = 1e-5 if dtype is np.float32 else 1
        assert np.abs(region - whole[:, y0:y1, x0:x1]).max() <= tolerance


@pytest.mark.parametrize("method", ["area", "linear"])
@pytest.mark.parametrize(("old", "new"), [(1, 1), (1, 5), (5, 1), (17, 16), (640, 213), (9, 31)])
def test_weights_are_shares(old: int, new: int, method: str) -> None:
    taps = axis_taps(old, new, (0, new), method=method)
    assert np.allclose(taps.weight.sum(axis=1), 1, atol=1e-6)
    assert taps.weight.min() >= 0
    assert taps.index.min() >= 0 and taps.index.max() < old


@pytest.mark.parametrize("new", [(40, 30), (80, 60), (57, 41), (23, 60), (1, 1), (13, 8)])
@pytest.mark.parametrize("cuts", [(), (1,), (5, 6, 30), (39,)])
def test_rows_that_come_in_bands_give_the_resized_whole(
    new: tuple[int, int], cuts: tuple[int, ...]
) -> None:
    whole = np.random.default_rng(0).random((3, 40, 30)).astype(np.float32)
    bands = np.split(whole, cuts, axis=1)
    found = np.concatenate(list(resize_rows(bands, (40, 30), new)), axis=1)
    assert np.abs(found - resize(whole, *new)).max() < 1e-5


@pytest.mark.parametrize("new", [(10, 60), (3, 45), (90, 9)])
def test_bands_where_one_edge_grows_and_the_other_shrinks(new: tuple[int, int]) -> None:
    whole = np.random.default_rng(0).random((2, 40, 30)).astype(np.float32)
    found = np.concatenate(
        list(resize_rows(np.split(whole, range(1, 40), axis=1), (40, 30), new)), axis=1
    )
    assert np.abs(found - resize(whole, *new)).max() < 1e-5
