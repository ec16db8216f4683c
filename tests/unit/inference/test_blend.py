"""Weights that share every pixel out, tiles on the network's grid, bands that add up."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.errors import ConfigError
from cellwright.inference.blend import Span, blend_rows, blend_weights, plan_spans

AXES = {
    "length": st.integers(1, 3000),
    "units": st.integers(2, 20),
    "overlap": st.integers(0, 9),
    "multiple": st.sampled_from([1, 4, 16, 32]),
}


def spans_of(length: int, units: int, overlap: int, multiple: int) -> list[Span]:
    """A plan whose overlap is at most half of its tiles, as a card asks for."""
    shared = min(overlap, units // 2) * multiple
    return plan_spans(length, tile_px=units * multiple, overlap_px=shared, multiple=multiple)


@settings(deadline=None, max_examples=60)
@given(**AXES)
def test_tiles_lie_on_the_grid_and_cover_everything(
    length: int, units: int, overlap: int, multiple: int
) -> None:
    spans = spans_of(length, units, overlap, multiple)
    shared = min(overlap, units // 2) * multiple
    assert spans[0].start == 0
    assert length <= spans[-1].stop < length + multiple
    assert len({span.stop - span.start for span in spans}) == 1
    assert spans[0].stop <= max(units * multiple, multiple)
    assert all(edge % multiple == 0 for span in spans for edge in span)
    for before, after in pairwise(spans):
        assert before.start < after.start
        assert before.stop - after.start >= shared


@settings(deadline=None, max_examples=60)
@given(**AXES)
def test_weights_share_every_pixel_out(
    length: int, units: int, overlap: int, multiple: int
) -> None:
    spans = spans_of(length, units, overlap, multiple)
    total = np.zeros(spans[-1].stop)
    for span, weight in zip(spans, blend_weights(spans), strict=True):
        assert weight.min() >= 0
        total[span.start : span.stop] += weight
    assert np.allclose(total, 1, atol=1e-6)


def test_weights_are_zero_in_the_outer_quarter_of_what_is_shared() -> None:
    spans = plan_spans(200, tile_px=128, overlap_px=48, multiple=8)
    shared = spans[0].stop - spans[1].start
    first, second = blend_weights(spans)
    assert (first[-shared // 4 :] == 0).all()
    assert (second[: shared // 4] == 0).all()
    assert (first[: 128 - shared] == 1).all()
    ramp = second[:shared]
    assert (np.diff(ramp) >= 0).all() and np.diff(ramp).max() < 4 / shared


def test_a_tile_that_is_all_overlap_is_refused() -> None:
    with pytest.raises(ConfigError, match="steps of 32"):
        plan_spans(100, tile_px=32, overlap_px=16, multiple=32)


@pytest.mark.parametrize("size", [(16, 16), (100, 37), (203, 170)])
def test_cutting_and_blending_gives_the_map_back(size: tuple[int, int]) -> None:
    plan = {"tile_px": 64, "overlap_px": 24, "multiple": 8}
    rows, columns = (plan_spans(length, **plan) for length in size)
    whole = np.random.default_rng(1).random((2, rows[-1].stop, columns[-1].stop))
    whole = whole.astype(np.float32)
    maps = [
        [whole[:, row.start : row.stop, one.start : one.stop] for one in columns] for row in rows
    ]
    bands = list(blend_rows(maps, rows, columns))
    assert len(bands) == len(rows)
    assert np.allclose(np.concatenate(bands, axis=1), whole, atol=1e-6)
