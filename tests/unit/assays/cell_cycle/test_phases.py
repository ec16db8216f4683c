from __future__ import annotations

import numpy as np
import pytest

from cellwright.assays.cell_cycle.phases import StagedImage, mitotic_phases, pool, pool_groups
from cellwright.errors import ConfigError
from cellwright.metrics.intervals import bootstrap_ratio, wilson

PHASES = ("G1", "S", "Metaphase")


def crops(class_ids: list[int]) -> list[StagedImage]:
    rows = np.eye(3, dtype=int)
    return [
        StagedImage(f"c{index}", "all", tuple(rows[one].tolist()), 0)
        for index, one in enumerate(class_ids)
    ]


def test_single_cells_have_wilson_intervals():
    pooled = pool("all", crops([0] * 14 + [1] * 5 + [2]), PHASES, ("Metaphase",))
    assert pooled.counts == {"G1": 14, "S": 5, "Metaphase": 1}
    assert pooled.shares["S"] == wilson(5, 20)
    assert pooled.mitotic_index == wilson(1, 20)
    assert pooled.unlike == wilson(0, 20)


def test_single_cells_in_groups_of_their_own_are_single_cells():
    images = [StagedImage(name, name, (0, 0, 1), 0) for name in ("alpha", "beta", "gamma")]
    assert pool("all", images, PHASES, ("Metaphase",)).mitotic_index == wilson(3, 3)
    divided = [StagedImage(name, name, (1, 0, 0), 0) for name in ("delta", "epsilon", "zeta")]
    assert pool("all", images + divided, PHASES, ("Metaphase",)).mitotic_index == wilson(3, 6)


def test_images_of_many_cells_are_drawn_as_wholes():
    images = [StagedImage(f"f{i}", "all", (40, i, 10 * i), i % 2) for i in range(8)]
    pooled = pool("all", images, PHASES, ("Metaphase",))
    expected = bootstrap_ratio([10 * i for i in range(8)], [40 + 11 * i for i in range(8)])
    assert pooled.mitotic_index == expected
    assert pooled.n_cells == sum(40 + 11 * i for i in range(8))


@pytest.mark.parametrize(("counts", "ends"), [((3, 0, 0), (0, 0.39)), ((2, 0, 1), (0.1, 0.7))])
def test_a_few_images_that_agree_leave_doubt(counts, ends):
    images = [StagedImage(f"f{i}", "all", counts, 0) for i in range(2)]
    index = pool("all", images, PHASES, ("Metaphase",)).mitotic_index
    assert (index.low, index.high) == pytest.approx(ends, abs=0.005)


def test_groups_are_drawn_as_wholes_too():
    images = [StagedImage(f"a{i}", "a", (1, 0, 0), 0) for i in range(5)]
    images += [StagedImage(f"b{i}", "b", (0, 0, 1), 0) for i in range(5)]
    pooled = pool("all", images, PHASES, ("Metaphase",))
    assert (pooled.mitotic_index.low, pooled.mitotic_index.high) == (0.0, 1.0)
    assert [one.name for one in pool_groups(images, PHASES, ("Metaphase",))] == ["a", "b"]


def test_nothing_staged_has_no_share():
    pooled = pool("none", [], PHASES, ("Metaphase",))
    assert pooled.n_cells == 0
    assert pooled.mitotic_index.value is None


def test_phases_of_mitosis_are_named_or_told_by_name():
    assert mitotic_phases(PHASES) == ("Metaphase",)
    assert mitotic_phases(("a", "b")) == ()
    assert mitotic_phases(("a", "b"), ("b",)) == ("b",)
    with pytest.raises(ConfigError, match="no phase 'M'"):
        mitotic_phases(PHASES, ("M",))
    assert pool("x", crops([0]), PHASES, ()).mitotic_index.value is None
