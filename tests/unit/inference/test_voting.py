from __future__ import annotations

import numpy as np
import pytest

from cellwright.inference.nms import overlapping_pairs, surviving
from cellwright.inference.voting import voted
from cellwright.types import Boxes


def scored(rows: list[tuple[float, ...]]) -> Boxes:
    table = np.array(rows, np.float32)
    return Boxes(table[:, :4], table[:, 5].astype(np.int64), table[:, 4])


def test_the_mean_is_that_of_the_equation() -> None:
    boxes = scored([(0, 0, 10, 10, 0.8, 0), (1, 0, 11, 10, 0.4, 0), (50, 50, 60, 60, 0.9, 0)])
    kept = surviving(boxes, iou=0.6)
    found = voted(boxes, kept, iou=0.6)
    # IoU of the first two: 9 of 11 columns.
    weight = 0.4 * 9 / 11
    shift = weight / (0.8 + weight)
    assert np.allclose(found.xyxy, [(50, 50, 60, 60), (shift, 0, 10 + shift, 10)], atol=1e-5)
    assert np.allclose(found.scores, [0.9, 0.8])


@pytest.mark.parametrize(
    "voter",
    [
        pytest.param((1, 0, 11, 10, 0.05, 0), id="too weak"),
        pytest.param((1, 0, 11, 10, 0.4, 1), id="another class"),
        pytest.param((5, 0, 15, 10, 0.4, 0), id="too far"),
    ],
)
def test_others_have_no_vote(voter: tuple[float, ...]) -> None:
    boxes = scored([(0, 0, 10, 10, 0.8, 0), voter])
    assert np.array_equal(voted(boxes, np.array([0]), iou=0.6).xyxy, boxes.xyxy[:1])


def test_tiles_do_not_vote_for_each_other() -> None:
    boxes = scored([(0, 0, 10, 10, 0.8, 0), (1, 0, 11, 10, 0.4, 0)])
    found = voted(boxes, np.array([0]), iou=0.6, origin=np.array([0, 1]))
    assert np.array_equal(found.xyxy, boxes.xyxy[:1])


def test_nothing_to_vote_on() -> None:
    empty = Boxes.empty(scored=True)
    assert len(voted(empty, np.zeros(0, np.int64), iou=0.7)) == 0


def test_noisy_boxes_get_closer_to_the_truth() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([(20 * i, 0, 20 * i + 18, 18) for i in range(40)], np.float32)
    noisy = np.repeat(truth, 8, axis=0) + rng.normal(0, 0.8, (320, 4)).astype(np.float32)
    boxes = Boxes(noisy, np.zeros(320, np.int64), rng.uniform(0.5, 1, 320).astype(np.float32))
    kept = surviving(boxes, iou=0.5)
    assert len(kept) == 40
    before = np.abs(boxes.xyxy[kept] - truth[kept // 8]).mean()
    after = np.abs(voted(boxes, kept, iou=0.5).xyxy - truth[kept // 8]).mean()
    assert after < 0.6 * before


def test_pairs_are_those_of_every_comparison() -> None:
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, 60, (150, 2))
    xyxy = np.concatenate([corner, corner + rng.uniform(3, 30, (150, 2))], axis=1)
    xyxy = xyxy.astype(np.float32)
    one, other, overlap = overlapping_pairs(xyxy, iou=0.4)
    low = np.maximum(xyxy[:, None, :2], xyxy[None, :, :2])
    high = np.minimum(xyxy[:, None, 2:], xyxy[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    area = (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1)
    iou = shared / (area[:, None] + area[None] - shared)
    wanted = {(i, j) for i, j in zip(*np.nonzero(iou > 0.4), strict=True) if i < j}
    found = {tuple(sorted(pair)) for pair in zip(one.tolist(), other.tolist(), strict=True)}
    assert found == wanted
    assert len(one) == len(wanted)
    assert np.allclose(overlap, iou[one, other], atol=1e-5)
