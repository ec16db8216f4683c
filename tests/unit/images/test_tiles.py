from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.errors import ConfigError
from cellwright.images.tiles import Tile, plan_tiles


@st.composite
def plans(draw: st.DrawFn) -> tuple[int, int, int, int]:
    tile_px = draw(st.integers(3, 60))
    overlap_px = draw(st.integers(0, tile_px - 1))
    return draw(st.integers(1, 150)), draw(st.integers(1, 150)), tile_px, overlap_px


@settings(deadline=None)
@given(plans())
def test_cores_partition_the_image_and_lie_in_their_tiles(plan: tuple[int, int, int, int]) -> None:
    height, width, tile_px, overlap_px = plan
    owners = np.zeros((height, width), int)
    for tile in plan_tiles(height, width, tile_px=tile_px, overlap_px=overlap_px):
        owners[tile.core_y0 : tile.core_y1, tile.core_x0 : tile.core_x1] += 1
        assert 0 <= tile.y0 <= tile.core_y0 < tile.core_y1 <= tile.y1 <= height
        assert 0 <= tile.x0 <= tile.core_x0 < tile.core_x1 <= tile.x1 <= width
    assert (owners == 1).all()


@settings(deadline=None)
@given(plans())
def test_tiles_have_one_size_and_share_at_least_the_overlap(
    plan: tuple[int, int, int, int],
) -> None:
    height, width, tile_px, overlap_px = plan
    tiles = plan_tiles(height, width, tile_px=tile_px, overlap_px=overlap_px)
    assert {(tile.y1 - tile.y0, tile.x1 - tile.x0) for tile in tiles} == {
        (min(tile_px, height), min(tile_px, width))
    }
    row = [tile for tile in tiles if tile.y0 == 0]
    shared = [left.x1 - right.x0 for left, right in pairwise(row)]
    assert min(shared, default=overlap_px) >= overlap_px
    assert row[0].x0 == 0 and row[-1].x1 == width
    # Evenly spread: no two steps differ by more than the pixel lost in rounding.
    steps = np.diff([tile.x0 for tile in row])
    assert len(steps) == 0 or steps.max() - steps.min() <= 1


@settings(deadline=None)
@given(plans())
def test_no_tile_more_than_needed(plan: tuple[int, int, int, int]) -> None:
    height, width, tile_px, overlap_px = plan
    tiles = plan_tiles(height, width, tile_px=tile_px, overlap_px=overlap_px)
    across = sum(tile.y0 == 0 for tile in tiles)
    reach_with_one_less = tile_px + (across - 2) * (tile_px - overlap_px)
    assert across == 1 or reach_with_one_less < width


def test_small_image_is_one_tile_that_owns_everything() -> None:
    assert plan_tiles(30, 40, tile_px=64, overlap_px=8) == [Tile(0, 0, 30, 40, 0, 0, 30, 40)]


def test_seam_runs_in_the_middle_of_the_shared_part() -> None:
    left, right = plan_tiles(10, 18, tile_px=10, overlap_px=2)
    assert (left.x1, right.x0) == (10, 8)
    assert left.core_x1 == right.core_x0 == 9


@pytest.mark.parametrize(
    ("height", "width", "tile_px", "overlap_px"),
    [(0, 5, 4, 0), (5, 5, 0, 0), (5, 5, 4, 4), (5, 5, 4, -1)],
)
def test_impossible_plans_are_refused(
    height: int, width: int, tile_px: int, overlap_px: int
) -> None:
    with pytest.raises(ConfigError, match="overlap_px"):
        plan_tiles(height, width, tile_px=tile_px, overlap_px=overlap_px)
