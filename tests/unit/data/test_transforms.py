"""Augmentation: boxes follow their cells, seeds repeat, presets keep the size."""

import numpy as np
import pytest

from cellwright.data.transforms import PRESETS, BoxAugmenter, Frame
from cellwright.errors import UnknownNameError
from cellwright.types import Boxes

HEIGHT, WIDTH = 96, 128
FRAME = Frame(HEIGHT, WIDTH, channels=1)


def squares(seed=0, n=5, channels=1):
    """Bright squares on black, and their boxes."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((HEIGHT, WIDTH, channels), np.uint8)
    boxes = []
    for column in range(n):
        x, y = 4 + column * 25, int(rng.integers(4, HEIGHT - 20))
        picture[y : y + 14, x : x + 14] = 255
        boxes.append((x, y, x + 14, y + 14))
    return picture, Boxes(np.array(boxes, np.float32), np.arange(n) % 2)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_size_type_and_labels_survive(preset, channels):
    augment = BoxAugmenter(preset, Frame(HEIGHT, WIDTH, channels))
    picture, boxes = squares(channels=channels)
    partners = [squares(seed, channels=channels) for seed in (1, 2, 3)]
    for seed in range(5):
        out, moved = augment(picture, boxes, partners=partners, seed=seed)
        assert out.shape == picture.shape
        assert out.dtype == np.uint8
        assert set(moved.class_ids.tolist()) <= {0, 1}
        assert (moved.xyxy >= 0).all()
        assert (moved.xyxy <= [WIDTH, HEIGHT, WIDTH, HEIGHT]).all()


@pytest.mark.parametrize("preset", ["flips", "gentle", "cells", "paper1"])
def test_boxes_follow_their_cells(preset):
    """Inside every box it stays bright; what is bright lies in a box."""
    augment = BoxAugmenter(preset, FRAME)
    inside, covered = [], []
    for seed in range(12):
        picture, boxes = squares(seed)
        partners = [squares(seed + k) for k in (1, 2, 3)]
        out, moved = augment(picture, boxes, partners=partners, seed=seed)
        bright = out[..., 0] > 170
        mask = np.zeros_like(bright)
        for x0, y0, x1, y1 in np.rint(moved.xyxy).astype(int):
            mask[y0:y1, x0:x1] = True
            if y1 - y0 > 6 and x1 - x0 > 6:
                inside.append(bright[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2].mean())
        covered.append((bright & mask).sum() / max(1, bright.sum()))
    assert np.mean(inside) > 0.9
    assert np.mean(covered) > 0.9


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_a_seed_repeats(preset):
    augment = BoxAugmenter(preset, FRAME)
    picture, boxes = squares()
    partners = [squares(k) for k in (1, 2, 3)]
    first = augment(picture, boxes, partners=partners, seed=7)
    augment(picture, boxes, partners=partners, seed=8)
    again = augment(picture, boxes, partners=partners, seed=7)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1].xyxy, again[1].xyxy)


def test_turns_show_a_picture_in_its_eight_orientations_and_change_no_pixel():
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 1), np.uint8)
    boxes = Boxes(np.array([[4, 8, 20, 40]], np.float32), np.array([0]))
    augment = BoxAugmenter("turns", Frame(64, 64, channels=1))
    seen = set()
    for seed in range(60):
        out, moved = augment(picture, boxes, seed=seed)
        (x0, y0, x1, y1) = np.rint(moved.xyxy[0]).astype(int)
        assert np.array_equal(np.sort(out, axis=None), np.sort(picture, axis=None))
        assert out[y0:y1, x0:x1].sum(dtype=int) == picture[8:40, 4:20].sum(dtype=int)
        seen.add(out.tobytes())
    assert len(seen) == 8


def test_a_picture_without_cells_passes():
    out, moved = BoxAugmenter("gentle", Frame(HEIGHT, WIDTH, 3))(
        np.zeros((HEIGHT, WIDTH, 3), np.uint8), Boxes.empty(), seed=0
    )
    assert out.shape == (HEIGHT, WIDTH, 3)
    assert len(moved) == 0


def test_table_2_of_paper_1_is_the_preset():
    rows = [(type(step).__name__, step.p) for step in PRESETS["paper1"](FRAME)]
    assert rows == [
        ("Mosaic", 0.5), ("Affine", 1.0), ("MotionBlur", 0.25), ("MedianBlur", 0.10),
        ("Blur", 0.10), ("ImageCompression", 0.15), ("HorizontalFlip", 0.5), ("VerticalFlip", 0.5),
    ]  # fmt: skip


def test_an_unknown_preset_lists_the_choices():
    with pytest.raises(UnknownNameError, match="paper1"):
        BoxAugmenter("paper2", FRAME)
