"""Mask and instance losses against values worked out by hand and independent formulas."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from cellwright.losses import INSTANCE_LOSSES, LOSSES, MASK_LOSSES
from cellwright.losses.distance_instances import bernoulli_divergence, distance_instances
from cellwright.losses.lovasz import lovasz
from cellwright.losses.masks import bce, dice, dice_bce, focal, jaccard

P = torch.tensor([0.9, 0.6, 0.2, 0.5]).reshape(1, 1, 2, 2)
LOGITS = torch.logit(P)
TRUTH = torch.tensor([1.0, 1.0, 0.0, 0.0]).reshape(1, 1, 2, 2)


def test_bce_by_hand():
    expected = -(math.log(0.9) + math.log(0.6) + math.log(0.8) + math.log(0.5)) / 4
    assert bce(LOGITS, TRUTH).item() == pytest.approx(expected, abs=1e-6)


def test_dice_and_jaccard_by_hand():
    # shared 1.5, predicted 2.2, true 2, one pixel added above and below
    assert dice(LOGITS, TRUTH).item() == pytest.approx(1 - 4 / 5.2, abs=1e-6)
    assert jaccard(LOGITS, TRUTH).item() == pytest.approx(1 - 2.5 / 3.7, abs=1e-6)


def test_focal_by_hand():
    terms = [0.1**2 * -math.log(0.9), 0.4**2 * -math.log(0.6)]
    terms += [0.2**2 * -math.log(0.8), 0.5**2 * -math.log(0.5)]
    assert focal(LOGITS, TRUTH).item() == pytest.approx(sum(terms) / 4, abs=1e-6)
    assert focal(LOGITS, TRUTH, gamma=0.0).item() == pytest.approx(bce(LOGITS, TRUTH).item())


@pytest.mark.parametrize("name", sorted(MASK_LOSSES))
def test_each_pair_is_the_sum_of_its_parts(name):
    parts = {"bce": bce, "dice": dice, "focal": focal, "jaccard": jaccard, "lovasz": lovasz}
    torch.manual_seed(0)
    logits, truth = torch.randn(2, 1, 8, 8), (torch.rand(2, 1, 8, 8) > 0.5).float()
    expected = sum(parts[part](logits, truth) for part in name.split("-"))
    assert torch.isclose(MASK_LOSSES[name](logits, truth), torch.as_tensor(expected))


def test_several_classes_against_pytorch_and_numpy():
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(size=(2, 3, 5, 4)))
    classes = torch.from_numpy(rng.integers(0, 3, (2, 5, 4)))
    truth = functional.one_hot(classes, 3).permute(0, 3, 1, 2).double()
    assert torch.isclose(bce(logits, truth), functional.cross_entropy(logits, classes))
    p = logits.softmax(1).numpy()
    per_class = []
    for index in range(3):
        shared = (p[:, index] * (classes.numpy() == index)).sum()
        total = p[:, index].sum() + (classes.numpy() == index).sum()
        per_class.append(1 - (2 * shared + 1) / (total + 1))
    assert dice(logits, truth).item() == pytest.approx(np.mean(per_class))


@pytest.mark.parametrize("name", sorted(MASK_LOSSES | INSTANCE_LOSSES))
def test_ignored_pixels_change_nothing(name):
    torch.manual_seed(0)
    channels = 2 if name in INSTANCE_LOSSES else 1
    logits, truth = torch.randn(2, channels, 6, 8), torch.rand(2, channels, 6, 8).round()
    valid = torch.ones(2, 1, 6, 8)
    valid[..., 4:] = 0
    whole = LOSSES[name](logits, truth, valid)
    cut = LOSSES[name](logits[..., :4], truth[..., :4], None)
    assert torch.isclose(whole, cut)
    other, wrong = logits.clone(), truth.clone()
    other[..., 4:], wrong[..., 4:] = 7.0, 1 - wrong[..., 4:]
    assert torch.isclose(LOSSES[name](other, wrong, valid), whole)
    leaf = logits.clone().requires_grad_()
    LOSSES[name](leaf, truth, valid).backward()
    assert (leaf.grad[..., 4:] == 0).all()


@pytest.mark.parametrize("name", sorted((MASK_LOSSES | INSTANCE_LOSSES).keys() - {"lovasz-bce"}))
def test_a_pixel_of_weight_two_counts_as_two(name):
    torch.manual_seed(1)
    channels = 2 if name in INSTANCE_LOSSES else 1
    logits, truth = torch.randn(2, channels, 6, 8), torch.rand(2, channels, 6, 8).round()
    weights = torch.ones(2, 1, 6, 8)
    weights[..., 5:] = 2
    twice = [torch.cat([one, one[..., 5:]], dim=3) for one in (logits, truth)]
    assert torch.isclose(LOSSES[name](logits, truth, weights), LOSSES[name](*twice, None))


@pytest.mark.parametrize("name", sorted(MASK_LOSSES | INSTANCE_LOSSES))
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_empty_and_full_targets_are_defined_and_right_answers_cost_nothing(name, level):
    channels = 2 if name in INSTANCE_LOSSES else 1
    truth = torch.full((1, channels, 4, 4), level)
    right = torch.full_like(truth, 30.0 if level else -30.0)
    wrong = -right
    assert LOSSES[name](right, truth, None).item() == pytest.approx(0, abs=1e-4)
    assert LOSSES[name](wrong, truth, None).item() > 0.5
    nothing = LOSSES[name](right, truth, torch.zeros(1, 1, 4, 4))
    assert nothing.item() == pytest.approx(0, abs=1e-6)


def test_the_divergence_is_zero_where_the_distance_is_right():
    target = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    logits = torch.logit(target.clamp(1e-7, 1 - 1e-7))
    assert bernoulli_divergence(logits, target).abs().max() < 1e-5
    # KL of 1/4 against 1/2: 1/4 ln(1/2) + 3/4 ln(3/2)
    expected = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    found = bernoulli_divergence(torch.zeros(1), torch.tensor([0.25]))
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_cells_and_background_weigh_the_same_in_the_distance():
    """One pixel of cell among 63 of background: each side's error counts for half."""
    target = torch.zeros(1, 2, 8, 8)
    target[0, :, 0, 0] = 1.0
    foreground = torch.where(target[:, :1] > 0, 30.0, -30.0)
    wrong_cell = torch.full((1, 1, 8, 8), -30.0)
    wrong_cell[0, 0, 0, 0] = 0.0  # KL of 1 against 1/2: ln 2
    loss = distance_instances(torch.cat([foreground, wrong_cell], 1), target)
    assert loss.item() == pytest.approx(math.log(2), abs=1e-4)
    wrong_background = torch.zeros(1, 1, 8, 8)
    wrong_background[0, 0, 0, 0] = 30.0
    loss = distance_instances(torch.cat([foreground, wrong_background], 1), target)
    assert loss.item() == pytest.approx(math.log(2), abs=1e-4)


def test_classes_are_learned_inside_cells_only():
    target = torch.zeros(1, 4, 2, 2)
    target[0, 0], target[0, 1] = torch.tensor([[1.0, 0], [0, 0]]), torch.tensor([[1.0, 0], [0, 0]])
    target[0, 2, 0, 0] = 1.0
    right = torch.where(target > 0, 30.0, -30.0)
    confused = right.clone()
    confused[0, 2:] = 0.0  # two classes alike: ln 2 in the cell, nothing outside
    gained = distance_instances(confused, target) - distance_instances(right, target)
    assert gained.item() == pytest.approx(math.log(2), abs=1e-4)


def test_dice_bce_is_what_the_foreground_is_taught_with():
    torch.manual_seed(0)
    logits, target = torch.randn(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)
    logits[:, 1] = -40.0  # no distance anywhere, and rightly so
    assert torch.isclose(distance_instances(logits, target), dice_bce(logits[:, :1], target[:, :1]))
