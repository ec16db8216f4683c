"""Weights of pixels: small cells and the lines between cells count for more."""

import numpy as np
import pytest

from cellwright.data.cell_weights import (
    SEAM_WEIGHT,
    SIZE_LIMIT,
    USUAL_AREA_PX,
    small_and_touching,
)


def squares(*corners, edge=20, size=100):
    labels = np.zeros((size, size), np.int32)
    for index, (y, x) in enumerate(corners):
        labels[y : y + edge, x : x + edge] = index + 1
    return labels


def test_a_cell_of_usual_area_far_from_others_counts_as_the_background():
    assert small_and_touching(squares((40, 40))) == pytest.approx(1)
    assert USUAL_AREA_PX == 20 * 20


@pytest.mark.parametrize(("edge", "weight"), [(10, 2), (40, 0.5), (2, SIZE_LIMIT)])
def test_pixels_count_by_the_root_of_the_area(edge, weight):
    labels = squares((40, 40), edge=edge)
    weights = small_and_touching(labels)
    assert weights[labels > 0] == pytest.approx(weight)
    assert weights[labels == 0] == pytest.approx(1)


@pytest.mark.parametrize("gap", [0, 1, 4])
def test_the_line_between_two_cells_counts_most(gap):
    weights = small_and_touching(squares((40, 20), (40, 40 + gap)))
    row = weights[50]
    assert row.max() == pytest.approx(1 + SEAM_WEIGHT)
    assert set(np.flatnonzero(row == row.max())) <= set(range(39, 41 + gap))
    assert row[30] == pytest.approx(1, abs=1e-3)  # the middle of a cell


def test_a_wide_gap_is_no_line():
    assert small_and_touching(squares((40, 20), (40, 50))) == pytest.approx(1)


def test_without_cells_all_pixels_count_alike():
    assert (small_and_touching(np.full((8, 9), -1, np.int32)) == 1).all()
