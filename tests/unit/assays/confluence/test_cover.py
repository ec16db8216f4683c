"""Pooled confluence by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellwright.assays.confluence.cover import ConfluenceReport, CoveredField, pool, pool_groups
from cellwright.assays.confluence.tables import GROUP_COLUMNS, group_row, summary_row
from cellwright.inference.identity import NamedImage


def field(
    name: str,
    covered: int,
    cells: int,
    *,
    edge: int = 100,
    group: str = "a",
    um: float | None = 0.5,
) -> CoveredField:
    image = NamedImage(Path(f"{name}.png"), name, group, "", "")
    return CoveredField(image, (edge, edge), cells, covered, um, "", ())


def test_covered_and_all_pixels_are_added_up() -> None:
    pooled = pool("all", [field("x", 1000, 10), field("y", 30_000, 20, edge=200)])
    assert pooled.confluence.value == pytest.approx(31_000 / 50_000)
    assert pooled.confluence.n == 2
    assert pooled.cells_per_image.value == 15
    assert pooled.area_mean_px.value == pytest.approx(31_000 / 30)
    assert pooled.area_mean_um2.value == pytest.approx(31_000 / 30 / 4)
    assert pooled.area_mean_px.n == pooled.n_cells == 30


def test_the_interval_draws_whole_images_and_then_whole_groups() -> None:
    rng = np.random.default_rng(0)
    shares = rng.uniform(0.2, 0.8, 40)
    alone = [field(str(i), round(1e4 * share), 5) for i, share in enumerate(shares)]
    pooled = pool("all", alone).confluence
    standard_error = shares.std() / np.sqrt(40)
    assert pooled.low == pytest.approx(shares.mean() - 1.96 * standard_error, abs=0.01)
    assert pooled.high == pytest.approx(shares.mean() + 1.96 * standard_error, abs=0.01)
    # Twenty copies of two images know no more than the two.
    copies = [field(f"{i}", 2000 + 4000 * (i % 2), 5, group="ab"[i % 2]) for i in range(40)]
    grouped = pool("all", copies).confluence
    assert (grouped.low, grouped.value, grouped.high) == (0, 0.4, 1)


def test_few_images_have_an_interval_as_wide_as_students() -> None:
    shares = (0.3, 0.5, 0.4)
    pooled = pool("all", [field(str(one), round(1e4 * one), 5) for one in shares]).confluence
    half = 4.3027 * np.std(shares, ddof=1) / np.sqrt(3)
    assert pooled.low == pytest.approx(0.4 - half, abs=1e-4)
    assert pooled.high == pytest.approx(0.4 + half, abs=1e-4)
    two = pool("all", [field("a", 4000, 5), field("b", 6000, 9)])
    assert (two.confluence.low, two.confluence.high) == (0, 1)
    assert two.cells_per_image.low == 0 and two.cells_per_image.high > 14


def test_images_that_agree_exactly_have_no_interval() -> None:
    pooled = pool("all", [field(str(index), 0, 0) for index in range(3)])
    assert (pooled.confluence.value, pooled.confluence.low) == (0, None)


def test_one_image_has_a_value_and_no_interval() -> None:
    pooled = pool("one", [field("x", 2500, 0)])
    assert (pooled.confluence.value, pooled.confluence.low) == (0.25, None)
    assert pooled.area_mean_px.value is None


def test_an_unknown_pixel_size_leaves_the_area_in_pixels() -> None:
    pooled = pool("all", [field("x", 1000, 10), field("y", 1000, 10, um=None)])
    assert pooled.area_mean_px.value == 100
    assert pooled.area_mean_um2.value is None
    row = dict(zip(GROUP_COLUMNS, group_row(pooled), strict=True))
    assert row["area_mean"] == 100 and row["area_mean_um2"] is None


def test_groups_stand_in_order_and_the_json_holds_everything() -> None:
    fields = (field("x", 1000, 10, group="b"), field("y", 0, 0, group="a"))
    groups = pool_groups(fields)
    assert [group.name for group in groups] == ["a", "b"]
    report = ConfluenceReport(Path("out"), fields, groups, pool("all", fields), ())
    told = report.to_json()
    assert told["images"]["x"]["confluence"] == 0.1
    assert told["images"]["y"]["area_mean"] is None
    assert told["groups"]["b"]["confluence"]["value"] == 0.1
    assert summary_row(fields[1])[-1] == "no cells found"
