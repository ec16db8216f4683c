from __future__ import annotations

import numpy as np
import pytest

from cellwright.data.crop_transforms import CROP_PRESETS, GAIN, shifted, turned


@pytest.mark.parametrize("name", sorted(CROP_PRESETS))
@pytest.mark.parametrize("shape", [(3, 12, 12), (2, 9, 14)])
def test_a_preset_keeps_shape_range_and_type(name, shape):
    crop = np.random.default_rng(0).random(shape).astype(np.float32)
    for seed in range(10):
        out = CROP_PRESETS[name](crop, np.random.default_rng(seed))
        assert out.shape == shape
        assert out.dtype == np.float32
        assert 0 <= out.min() <= out.max() <= 1


@pytest.mark.parametrize("name", ["smear", "laboratory"])
def test_colours_move_far_and_each_time_otherwise(name):
    crop = (
        np.full((3, 8, 8), 0.5, np.float32) * np.array([1.2, 0.8, 1.1], np.float32)[:, None, None]
    )
    means = np.array(
        [CROP_PRESETS[name](crop, np.random.default_rng(seed)).mean((1, 2)) for seed in range(200)]
    )
    assert (means.std(axis=0) > 0.08).all()
    assert len(np.unique(means.round(6), axis=0)) == 200


def test_a_preset_for_smears_only_brightens_what_is_not_in_colour():
    crop = np.random.default_rng(0).random((1, 8, 8)).astype(np.float32) / 2
    factor = CROP_PRESETS["laboratory"](crop, np.random.default_rng(3)).sum() / crop.sum()
    assert 0.65 <= factor <= 1.35


def test_all_eight_orientations_come_and_nothing_else():
    crop = np.arange(9, dtype=np.float32).reshape(1, 3, 3)
    seen = {turned(crop, np.random.default_rng(seed)).tobytes() for seed in range(200)}
    expected = {
        np.ascontiguousarray(one).tobytes()
        for quarter in range(4)
        for one in (np.rot90(crop, quarter, (1, 2)), np.rot90(crop, quarter, (1, 2))[:, :, ::-1])
    }
    assert seen == expected


def test_a_shift_moves_by_two_pixels_at_most():
    crop = np.zeros((1, 11, 11), np.float32)
    crop[0, 5, 5] = 1
    places = {
        tuple(np.argwhere(shifted(crop, np.random.default_rng(seed))[0])[0]) for seed in range(300)
    }
    assert places == {(y, x) for y in range(3, 8) for x in range(3, 8)}


def test_the_amount_of_a_stain_is_nearly_kept():
    """Phases differ by a factor of two in DNA; an augmentation must stay far below that."""
    crop = np.full((1, 12, 12), 0.4, np.float32)
    sums = [CROP_PRESETS["cells"](crop, np.random.default_rng(seed)).mean() for seed in range(100)]
    assert np.ptp(sums) <= 0.8 * GAIN + 1e-6
