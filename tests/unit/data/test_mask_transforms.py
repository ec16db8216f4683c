"""Augmentation of masks: labels follow their pixels, no label is invented, seeds repeat."""

import numpy as np
import pytest

from cellwright.data.mask_transforms import MASK_PRESETS, MaskAugmenter, MaskPreset, warp
from cellwright.data.targets import IGNORED
from cellwright.errors import UnknownNameError


def cells(height=96, width=128, n=14, seed=0):
    """Discs numbered 1..n; the picture shows each label as its own brightness."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    labels = np.zeros((height, width), np.int32)
    for index in range(n):
        y, x, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(5, 12)
        labels[np.hypot(rows - y, columns - x) < radius] = index + 1
    return shown(labels), labels


def shown(labels):
    return (labels * 17).astype(np.uint8)[..., None]


@pytest.mark.parametrize("window", [(96, 128), (64, 64), (160, 144)])
@pytest.mark.parametrize("turns", ["none", "flips", "quarter"])
def test_without_scaling_every_pixel_keeps_its_label_exactly(turns, window, monkeypatch):
    monkeypatch.setitem(MASK_PRESETS, "exact", MaskPreset(turns=turns))
    picture, labels = cells()
    augment = MaskAugmenter("exact", window)
    seen = set()
    for seed in range(12):
        out, moved = augment(picture, labels, np.random.default_rng(seed))
        known = moved != IGNORED
        assert out.shape == (*window, 1)
        assert np.array_equal(out[known], shown(moved)[known])
        seen.add(moved.tobytes())
    assert len(seen) > (1 if turns != "none" or window != (96, 128) else 0)


def test_a_window_of_the_pictures_size_is_the_picture():
    picture, labels = cells()
    out, moved = MaskAugmenter("none", (96, 128))(picture, labels, np.random.default_rng(0))
    assert np.array_equal(out, picture)
    assert np.array_equal(moved, labels)


@pytest.mark.parametrize("preset", sorted(MASK_PRESETS))
def test_no_label_is_invented_and_the_middle_of_cells_shows_them(preset, monkeypatch):
    plain = {k: getattr(MASK_PRESETS[preset], k) for k in ("scale", "turns")}
    monkeypatch.setitem(MASK_PRESETS, "geometry", MaskPreset(**plain))
    picture, labels = cells()
    augment = MaskAugmenter("geometry", (96, 96))
    right = []
    for seed in range(10):
        out, moved = augment(picture, labels, np.random.default_rng(seed))
        assert set(np.unique(moved)) <= {*np.unique(labels), IGNORED}
        known = moved != IGNORED
        right.append((np.abs(out[..., 0] - 17.0 * moved) < 5)[known].mean())
    assert np.mean(right) > 0.85  # all but the rims, which are interpolated


@pytest.mark.parametrize("preset", sorted(MASK_PRESETS))
@pytest.mark.parametrize("channels", [1, 3, 6])
def test_type_size_and_seed(preset, channels):
    _, labels = cells()
    picture = np.random.default_rng(0).integers(0, 256, (96, 128, channels), dtype=np.uint8)
    augment = MaskAugmenter(preset, (64, 80))
    first = augment(picture, labels, np.random.default_rng(3))
    again = augment(picture, labels, np.random.default_rng(3))
    assert first[0].shape == (64, 80, channels)
    assert first[0].dtype == np.uint8
    assert first[1].dtype == np.int32
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_scale_changes_areas_as_it_says(monkeypatch):
    monkeypatch.setitem(MASK_PRESETS, "twice", MaskPreset(scale=(2.0, 2.0)))
    labels = np.zeros((64, 64), np.int32)
    labels[28:36, 28:36] = 7
    _, moved = MaskAugmenter("twice", (128, 128))(shown(labels), labels, np.random.default_rng(0))
    assert (moved == 7).sum() == pytest.approx(256, rel=0.1)


def test_labels_beyond_16_bit_survive():
    labels = np.full((8, 8), 1_234_567, np.int32)
    _, moved = warp(np.zeros((8, 8, 1), np.uint8), labels, np.eye(2, 3), (8, 8))
    assert (moved == 1_234_567).all()


def test_outside_is_mirrored_and_ignored():
    labels = np.arange(1, 5, dtype=np.int32).reshape(1, 4).repeat(4, axis=0)
    out, moved = warp(shown(labels), labels, np.eye(2, 3), (4, 6))
    assert out[0, :, 0].tolist() == [17, 34, 51, 68, 68, 51]
    assert moved[0].tolist() == [1, 2, 3, 4, IGNORED, IGNORED]


def test_an_unknown_preset_lists_the_choices():
    with pytest.raises(UnknownNameError, match="nuclei"):
        MaskAugmenter("nucle", (8, 8))
