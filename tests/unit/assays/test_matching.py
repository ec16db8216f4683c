"""One-to-one matching, checked by hand and against a solution of the whole matrix."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from cellwright.assays.matching import match_boxes
from cellwright.errors import ConfigError
from cellwright.metrics.matching import iou_matrix
from cellwright.types import Boxes


def squares(*corners: tuple[float, float], edge: float = 10) -> Boxes:
    xy = np.array(corners, np.float32).reshape(-1, 2)
    return Boxes(np.concatenate([xy, xy + edge], axis=1), np.zeros(len(xy)))


def test_by_hand() -> None:
    # Overlaps: 0-0 of 8 x 10 pixels, IoU 80 / 120; 1-1 identical; 2 and red 2 apart.
    blue = squares((0, 0), (50, 50), (100, 0))
    red = squares((2, 0), (50, 50), (200, 0))
    matching = match_boxes(blue, red)
    assert matching.first.tolist() == [0, 1]
    assert matching.second.tolist() == [0, 1]
    assert matching.iou == pytest.approx([2 / 3, 1.0])


def test_the_sum_of_overlaps_decides_not_the_first_come() -> None:
    # Greedy would give red 0 to blue 1 (IoU 9/11) and leave blue 0 and red 1 alone;
    # together 0-0 and 1-1 overlap more (IoU 7/13 each).
    blue = squares((0, 0), (4, 0))
    red = squares((3, 0), (7, 0))
    matching = match_boxes(blue, red)
    assert list(zip(matching.first, matching.second, strict=True)) == [(0, 0), (1, 1)]


def test_below_the_threshold_nothing_is_one_cell() -> None:
    blue, red = squares((0, 0)), squares((5, 0))  # IoU 1/3
    assert len(match_boxes(blue, red, iou_threshold=0.33)) == 1
    assert len(match_boxes(blue, red, iou_threshold=0.34)) == 0


@pytest.mark.parametrize("sizes", [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_match(sizes: tuple[int, int]) -> None:
    blue, red = (squares(*[(20.0 * i, 0.0) for i in range(size)]) for size in sizes)
    assert len(match_boxes(blue, red)) == 0


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.01])
def test_a_threshold_outside_its_range_is_refused(threshold: float) -> None:
    with pytest.raises(ConfigError, match="IoU threshold"):
        match_boxes(squares(), squares(), iou_threshold=threshold)


@pytest.mark.parametrize("seed", range(8))
def test_islands_give_the_optimum_of_the_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    field = 60 + 40 * seed  # from one crowded clump to many islands
    blue = squares(*rng.uniform(0, field, (60, 2)).tolist())
    red = squares(*rng.uniform(0, field, (45, 2)).tolist())
    matching = match_boxes(blue, red, iou_threshold=0.2)
    overlap = iou_matrix(blue.xyxy, red.xyxy)
    overlap[overlap < 0.2] = 0
    best = overlap[linear_sum_assignment(overlap, maximize=True)].sum()
    assert matching.iou.sum() == pytest.approx(best)
    assert matching.iou == pytest.approx(overlap[matching.first, matching.second])
    assert (np.diff(matching.first) > 0).all()
    assert len(set(matching.second.tolist())) == len(matching)


def test_twenty_thousand_nuclei_are_matched_exactly() -> None:
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(150), np.arange(134)), axis=-1).reshape(-1, 2) * 12.0
    blue = squares(*grid.tolist())
    order = rng.permutation(len(grid))[:5000]
    red = squares(*(grid[order] + rng.uniform(-1, 1, (5000, 2))).tolist())
    matching = match_boxes(blue, red)
    assert np.array_equal(np.sort(order), matching.first)
    assert np.array_equal(order[matching.second], matching.first)
