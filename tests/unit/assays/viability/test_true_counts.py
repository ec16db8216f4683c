"""Intervals of live, dead and all cells, and the viabilities that they leave."""

from __future__ import annotations

import pytest

from cellwright.assays.viability.true_counts import TrueCounts, add_true_counts
from cellwright.bundles.calibration import CountSpread
from cellwright.inference.counts import CountEstimate

SPREAD = CountSpread(relative=0.0, residuals=(1.0,) * 400)


def about(mean: float, sd: float) -> CountEstimate:
    return CountEstimate((mean,), (sd,), SPREAD)


def test_two_classes() -> None:
    true = TrueCounts(cells=about(100, 5), dead=about(20, 2), live=about(80, 4))
    ranges = true.ranges(n_live=80, n_dead=20)
    assert ranges.cells == (92, 108)  # 100 -+ 1.645 * 5
    assert ranges.live == (74, 86)
    assert ranges.dead == (17, 23)
    # Both at 95 %: live 73 to 87, dead 17 to 23.
    assert ranges.viability == pytest.approx((73 / 96, 87 / 104))


def test_dead_among_all() -> None:
    ranges = TrueCounts(cells=about(100, 5), dead=about(20, 2)).ranges(n_live=80, n_dead=20)
    # At 95 %: all 91 to 109, dead 17 to 23.
    assert ranges.live == (91 - 23, 109 - 17)
    assert ranges.viability == pytest.approx((1 - 23 / 91, 1 - 17 / 109))


@pytest.mark.parametrize("live", [None, about(0.0, 0.5)])
def test_the_ends_stay_between_none_and_all(live: CountEstimate | None) -> None:
    true = TrueCounts(cells=about(2.0, 1.0), dead=about(2.0, 1.0), live=live)
    ranges = true.ranges(n_live=0, n_dead=2)
    assert ranges.live is not None
    assert ranges.live.low == 0
    assert ranges.viability is not None
    assert 0 == ranges.viability.low <= ranges.viability.high <= 1


def test_an_empty_picture_has_no_viability() -> None:
    nothing = about(0.0, 0.1)
    assert TrueCounts(nothing, nothing, nothing).ranges(n_live=0, n_dead=0).viability is None
    assert TrueCounts(nothing, nothing).ranges(n_live=0, n_dead=0).viability is None


def test_fields_add_up_unless_one_is_unknown() -> None:
    field = TrueCounts(cells=about(100, 5), dead=about(20, 2), live=about(80, 4))
    pooled = add_true_counts([field] * 16)
    assert pooled.cells is not None
    assert pooled.cells.mean == 1600
    ranges = pooled.ranges(n_live=1280, n_dead=320)
    alone = field.ranges(n_live=80, n_dead=20)
    assert ranges.viability is not None
    assert alone.viability is not None
    assert ranges.viability.high - ranges.viability.low < 0.5 * (
        alone.viability.high - alone.viability.low
    )
    unknown = add_true_counts([field, TrueCounts()])
    assert tuple(unknown.ranges(n_live=80, n_dead=20)) == (None,) * 4
