"""Pooling: the value, and the more cautious of two intervals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from cellwright.assays.viability.counts import (
    Cells,
    CountedField,
    ViabilityReport,
    pool,
    pool_groups,
)
from cellwright.inference.identity import NamedImage
from cellwright.types import Boxes


def field(name: str, live: int, dead: int, *, group: str = "g") -> CountedField:
    count = live + dead
    xyxy = np.tile(np.array([0, 0, 9, 9], np.float32), (count, 1))
    boxes = Boxes(xyxy, np.repeat([0, 1], [live, dead]), np.ones(count))
    cells = Cells(boxes, ("single",) * count)
    return CountedField(NamedImage(Path(f"{name}.png"), name, group, "", ""), cells, None, "")


def test_a_field_has_its_share_and_wilsons_interval() -> None:
    interval = field("a", 45, 5).viability
    reference = binomtest(45, 50).proportion_ci(method="wilson")
    assert interval.value == 0.9
    assert (interval.low, interval.high) == pytest.approx((reference.low, reference.high))


def test_pooling_adds_cells_and_does_not_average_shares() -> None:
    pooled = pool("all", [field("a", 90, 10), field("b", 0, 100)])
    assert (pooled.n_images, pooled.n_live, pooled.n_dead) == (2, 90, 110)
    assert pooled.viability.value == pytest.approx(0.45)


def test_the_wider_interval_is_given() -> None:
    alike = pool("alike", [field(str(i), 8, 2) for i in range(12)])
    assert alike.viability == alike.by_cell
    unlike = pool("unlike", [field(str(i), 100 * (i % 2), 100 * (1 - i % 2)) for i in range(12)])
    assert unlike.viability == unlike.by_image
    assert unlike.viability.low is not None
    assert unlike.by_cell.low is not None
    assert unlike.viability.low < unlike.by_cell.low - 0.1


def test_the_wider_is_taken_at_each_end() -> None:
    crossing = pool("crossing", [field("a", 18, 2), field("b", 20, 0), field("c", 20, 0)])
    assert crossing.viability.low == crossing.by_cell.low
    assert crossing.viability.high == crossing.by_image.high == 1.0


def test_one_image_has_only_the_interval_of_its_cells() -> None:
    pooled = pool("one", [field("a", 8, 2)])
    assert pooled.by_image.low is None
    assert pooled.viability == pooled.by_cell


def test_images_of_one_group_are_drawn_together() -> None:
    fields = [field(f"a{i}", 90, 10, group="a") for i in range(10)]
    fields += [field(f"b{i}", 10, 90, group="b") for i in range(10)]
    by_group = pool("all", fields).by_image
    # Of two groups drawn twice, half the draws hold one group only.
    assert (by_group.low, by_group.high) == pytest.approx((0.1, 0.9))


def test_nothing_counted_has_no_viability() -> None:
    empty = pool("all", [])
    assert empty.viability.value is None
    assert empty.n_images == 0
    nothing = field("a", 0, 0)
    assert nothing.viability.value is None
    assert nothing.notes == ("no cells found",)


def test_groups_come_in_order_and_the_report_is_plain_json() -> None:
    fields = (field("x", 1, 1, group="b"), field("y", 3, 0, group="a"), field("z", 0, 0, group="a"))
    groups = pool_groups(fields)
    assert [(group.name, group.n_images) for group in groups] == [("a", 2), ("b", 1)]
    report = ViabilityReport(Path("out"), fields, groups, pool("all", fields), ())
    plain = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert plain["overall"]["live"] == 4
    assert plain["groups"]["a"]["viability"]["value"] == 1.0
    assert plain["images"]["z"]["viability"]["value"] is None
