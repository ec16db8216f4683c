"""Training windows: repeatable, of one size, labels where the cells are."""

import numpy as np
import torch

from cellwright.data.transforms import GREY
from cellwright.learning.windows import (
    EpochSampler,
    WindowDataset,
    collate,
    padded,
    random_window,
)
from cellwright.types import Boxes


def picture(height, width, boxes):
    pixels = np.zeros((height, width, 1), np.uint8)
    for x0, y0, x1, y1 in boxes:
        pixels[y0:y1, x0:x1] = 255
    return pixels, Boxes(np.array(boxes, np.float32), np.zeros(len(boxes), np.int64))


def dataset(**changes):
    pictures = [picture(64, 96, [(5 + i, 5, 25 + i, 30), (60, 30, 80, 50)]) for i in range(4)]
    settings = {"crops_per_image": 1, "presets": ((0, "cells"), (2, "gentle")), "seed": 3}
    return WindowDataset(pictures, (64, 64), **(settings | changes))


def test_a_window_depends_on_seed_epoch_and_index_only():
    first, again = dataset(), dataset()
    again[(1, 2)]  # drawing others in between changes nothing
    for key in ((0, 1), (2, 3)):
        one, two = first[key], again[key]
        assert np.array_equal(one[0], two[0])
        assert np.array_equal(one[1].xyxy, two[1].xyxy)
    assert not np.array_equal(first[(0, 1)][0], first[(1, 1)][0])
    assert not np.array_equal(first[(0, 1)][0], dataset(seed=4)[(0, 1)][0])


def test_the_last_epochs_use_the_gentle_preset():
    windows = dataset(presets=((0, "none"), (2, "flips")))
    assert windows.augmenters[1][0] == 2
    plain = {windows[(epoch, 0)][0].tobytes() for epoch in (0, 1)}
    assert all(np.array_equal(windows[(e, 0)][0], windows[(e, 0)][0]) for e in range(4))
    assert plain


def test_crops_multiply_the_epoch():
    assert len(dataset(crops_per_image=3)) == 12


def test_each_epoch_has_its_own_order_and_resumes_in_it():
    sampler = EpochSampler(10, seed=1)
    first = list(sampler)
    sampler.set_epoch(5)
    fifth = list(sampler)
    assert sorted(index for _, index in fifth) == list(range(10))
    assert {epoch for epoch, _ in fifth} == {5}
    assert [i for _, i in first] != [i for _, i in fifth]
    resumed = EpochSampler(10, seed=1)
    resumed.set_epoch(5)
    assert list(resumed) == fifth


def test_a_cut_window_keeps_boxes_on_their_cells():
    rng = np.random.default_rng(0)
    for _ in range(20):
        cut, boxes = random_window(*picture(200, 300, [(100, 80, 130, 110)]), (96, 96), rng)
        assert cut.shape == (96, 96, 1)
        for x0, y0, x1, y1 in boxes.xyxy.astype(int):
            assert (cut[y0:y1, x0:x1] == 255).all()
        # What is dropped has less than 30 % of its area left.
        left = (cut == 255).sum() / 900
        assert bool(len(boxes)) == (left >= 0.3)


def test_a_small_picture_moves_in_a_grey_frame():
    rng = np.random.default_rng(0)
    corners = set()
    for _ in range(20):
        cut, boxes = random_window(*picture(40, 50, [(10, 10, 20, 20)]), (64, 64), rng)
        x0, y0, x1, y1 = boxes.xyxy[0].astype(int)
        corners.add((x0, y0))
        assert (cut[y0:y1, x0:x1] == 255).all()
        assert (cut == GREY).sum() == 64 * 64 - 40 * 50
    assert len(corners) > 5


def test_collated_labels_are_not_padded():
    a = picture(64, 64, [(0, 0, 9, 9), (20, 20, 40, 40)])
    b = (a[0], Boxes.empty())
    batch = collate([a, b, a])
    assert batch.images.shape == (3, 1, 64, 64)
    assert batch.images.max() == 1.0
    assert batch.image_index.tolist() == [0, 0, 2, 2]
    assert batch.xyxy.shape == (4, 4)


def test_padding_is_grey_at_the_right_and_bottom():
    tensor = padded(np.zeros((33, 64, 1), np.uint8), 32)
    assert tensor.shape == (1, 1, 64, 64)
    assert (tensor[0, 0, :33] == 0).all()
    assert torch.allclose(tensor[0, 0, 33:], torch.tensor(GREY / 255))
