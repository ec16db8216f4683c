"""Assignment against cases worked out by hand and against plain loops."""

import itertools

import numpy as np
import torch

from cellwright.detectors.assignment import (
    AlignmentRule,
    Targets,
    assign,
    candidate_pairs,
    paired_iou,
    positions_of,
    rank_within,
)


def test_positions_lie_in_the_middle_of_their_cells():
    positions = positions_of([(1, 2), (1, 1)], (8, 16))
    assert positions.centres.tolist() == [[4, 4], [12, 4], [8, 8]]
    assert positions.strides.tolist() == [8, 8, 16]
    assert positions.levels == ((0, 1, 2, 8), (2, 1, 1, 16))


def test_candidates_are_the_centres_inside_a_box():
    positions = positions_of([(2, 2)], (8,))
    boxes = torch.tensor([[0.0, 0.0, 16.0, 8.0], [0.0, 0.0, 16.0, 16.0]])
    label, position = candidate_pairs(boxes, positions)
    assert list(zip(label.tolist(), position.tolist(), strict=True)) == [
        (0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (1, 3),
    ]  # fmt: skip


def test_a_cell_smaller_than_the_grid_still_has_a_position():
    positions = positions_of([(4, 4)], (8,))
    for x, y in itertools.product(np.arange(1, 30, 1.7), np.arange(1, 30, 2.3)):
        box = torch.tensor([[x, y, x + 1.0, y + 1.0]], dtype=torch.float32)
        _, position = candidate_pairs(box, positions)
        assert len(position) >= 1, (x, y)
        centre = positions.centres[position]
        assert ((centre - box[0, :2] - 0.5).abs().max(dim=1).values <= 4.01).all()


def test_candidates_agree_with_a_plain_loop():
    rng = np.random.default_rng(1)
    positions = positions_of([(6, 9), (3, 5)], (8, 16))
    low = rng.uniform(-5, 60, (40, 2))
    boxes = torch.tensor(np.hstack([low, low + rng.uniform(17, 60, (40, 2))]), dtype=torch.float32)
    expected = {
        (g, a)
        for g, box in enumerate(boxes)
        for a, centre in enumerate(positions.centres)
        if (box[:2] <= centre).all() and (centre <= box[2:]).all()
    }
    label, position = candidate_pairs(boxes, positions)
    assert set(zip(label.tolist(), position.tolist(), strict=True)) == expected
    assert len(label) == len(expected)


def test_rank_agrees_with_a_plain_loop():
    rng = np.random.default_rng(2)
    group = torch.tensor(rng.integers(0, 7, 200))
    value = torch.tensor(rng.random(200).round(1))  # rounded: ties occur
    rank = rank_within(group, value)
    for wanted in range(7):
        members = (group == wanted).nonzero()[:, 0]
        assert sorted(rank[members].tolist()) == list(range(len(members)))
        ordered = value[members][rank[members].argsort()]
        assert (ordered.diff() <= 0).all()


def test_paired_iou_by_hand():
    a = torch.tensor([[0.0, 0, 2, 2], [0, 0, 1, 1], [0, 0, 0, 0]])
    b = torch.tensor([[1.0, 0, 3, 2], [2, 2, 3, 3], [0, 0, 1, 1]])
    assert torch.allclose(paired_iou(a, b), torch.tensor([1 / 3, 0.0, 0.0]))


def test_alignment_worked_out_by_hand():
    """Two labels over the four positions of one 16 x 16 image.

    Both labels are the whole image, so every position is a candidate of both; position 0
    predicts label 0 exactly, position 1 half of it, positions 2 and 3 nothing. With
    alpha = beta = 1 and top_k = 2 label 0 (class 0, scores .5 and .8) aligns .5 and .4.
    """
    positions = positions_of([(2, 2)], (8,))
    whole = [0.0, 0.0, 16.0, 16.0]
    predicted = torch.tensor([[whole, [0.0, 0, 16, 8], [20, 20, 21, 21], [20, 20, 21, 21]]])
    scores = torch.tensor([[[0.5], [0.8], [0.9], [0.9]]], requires_grad=True)
    targets = Targets(torch.tensor([0]), torch.tensor([0]), torch.tensor([whole]))
    got = assign(
        scores, predicted, targets, positions, rule=AlignmentRule(top_k=2, alpha=1, beta=1)
    )
    order = got.position.argsort()
    assert got.position[order].tolist() == [0, 1]
    assert not got.quality.requires_grad  # a target, not something to learn through
    # Best IoU 1, best alignment .5: qualities .5 / .5 * 1 and .4 / .5 * 1.
    assert torch.allclose(got.quality[order], torch.tensor([1.0, 0.8]))


def test_a_contested_position_goes_to_the_label_it_overlaps_most():
    positions = positions_of([(1, 1)], (8,))
    predicted = torch.tensor([[[0.0, 0.0, 8.0, 8.0]]])
    scores = torch.full((1, 1, 2), 0.5)
    targets = Targets(
        torch.tensor([0, 0]),
        torch.tensor([0, 1]),
        torch.tensor([[0.0, 0.0, 8.0, 5.0], [0.0, 0.0, 8.0, 7.0]]),
    )
    got = assign(scores, predicted, targets, positions)
    assert got.label.tolist() == [1]
    assert torch.allclose(got.quality, torch.tensor([7 / 8]))


def test_labels_only_claim_positions_of_their_own_image():
    positions = positions_of([(2, 2)], (8,))
    boxes = torch.tensor([[0.0, 0.0, 16.0, 16.0]]).repeat(2, 1)
    targets = Targets(torch.tensor([1, 1]), torch.tensor([0, 0]), boxes)
    got = assign(torch.full((2, 4, 1), 0.5), boxes[:1].repeat(2, 4, 1), targets, positions)
    assert set(got.image_index.tolist()) == {1}


def test_no_labels_no_positives():
    positions = positions_of([(2, 2)], (8,))
    none = Targets(torch.zeros(0).long(), torch.zeros(0).long(), torch.zeros(0, 4))
    got = assign(torch.rand(1, 4, 1), torch.rand(1, 4, 4), none, positions)
    assert len(got.position) == 0


def test_every_one_of_2000_labels_gets_a_position():
    positions = positions_of([(160, 160), (80, 80)], (4, 8))
    grid = torch.stack(
        torch.meshgrid(torch.arange(45), torch.arange(45), indexing="xy"), dim=-1
    ).reshape(-1, 2)[:2000]
    low = grid * 14.0 + 1
    boxes = torch.cat([low, low + 12], dim=1)
    targets = Targets(torch.zeros(2000).long(), torch.zeros(2000).long(), boxes)
    centres = positions.centres
    predicted = torch.cat([centres - 6, centres + 6], dim=1)[None]
    got = assign(torch.full((1, len(centres), 1), 0.1), predicted, targets, positions)
    assert len(got.label.unique()) == 2000
