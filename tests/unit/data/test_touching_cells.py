"""Cells out of masks: discs that overlap are cut, what is whole stays whole."""

import numpy as np
import pytest

from cellwright.data.touching_cells import cells_of
from cellwright.errors import ConfigError
from cellwright.types import SemanticMask


def disc(y, x, radius, shape=(120, 160)):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - y, columns - x) <= radius


def mask_of(*parts):
    return SemanticMask(np.any(parts, axis=0).astype(np.uint8))


def test_two_discs_that_touch_are_two_cells_at_any_size():
    for scale in (0.3, 1.0):
        parts = [disc(60, 50, 30 * scale), disc(60, 50 + 56 * scale, 30 * scale)]
        cells = cells_of(mask_of(*parts))
        assert len(cells) == 2
        for part in parts:
            label = np.bincount(cells.labels[part]).argmax()
            assert (cells.labels[part] == label).mean() > 0.95


def test_a_line_with_a_gap_does_not_join():
    left, right = disc(60, 50, 30), disc(60, 110, 30)
    bridge = np.zeros((120, 160), bool)
    bridge[58:62, 78:84] = True
    assert len(cells_of(mask_of(left, right, bridge))) == 2


def test_convex_and_oval_cells_stay_whole():
    rows, columns = np.mgrid[:120, :160]
    oval = ((rows - 60) / 20) ** 2 + ((columns - 80) / 60) ** 2 <= 1
    assert len(cells_of(mask_of(oval))) == 1
    assert len(cells_of(mask_of(disc(60, 80, 40)))) == 1


def test_the_ratio_decides_and_zero_takes_pieces_as_they_are():
    parts = [disc(60, 50, 30), disc(60, 90, 30)]  # the neck is 0.75 of the radius
    assert len(cells_of(mask_of(*parts), neck_ratio=0.5)) == 1
    assert len(cells_of(mask_of(*parts), neck_ratio=0.9)) == 2
    apart = mask_of(disc(30, 30, 10), disc(90, 120, 10))
    assert len(cells_of(apart, neck_ratio=0)) == 2


def test_crumbs_are_no_cells_and_pixels_are_kept():
    mask = mask_of(disc(60, 80, 30))
    dirty = mask.mask.copy()
    dirty[5, 5] = 1
    cells = cells_of(SemanticMask(dirty))
    assert len(cells) == 1
    assert np.array_equal(cells.labels > 0, mask.mask > 0)
    assert len(cells_of(SemanticMask(dirty), neck_ratio=0)) == 1


def test_empty_and_full_masks():
    assert len(cells_of(SemanticMask(np.zeros((9, 9), np.uint8)))) == 0
    assert len(cells_of(SemanticMask(np.ones((9, 9), np.uint8)))) == 1
    with pytest.raises(ConfigError, match="neck_ratio"):
        cells_of(SemanticMask(np.zeros((9, 9), np.uint8)), neck_ratio=1.0)
