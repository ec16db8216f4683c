import numpy as np
import pytest
import torch
from torch.nn import functional

from cellwright.errors import ConfigError
from cellwright.losses.class_balance import (
    CLASS_BALANCES,
    class_weighted,
    pixel_shares,
    scaled,
)
from cellwright.losses.lovasz import lovasz, lovasz_bce
from cellwright.losses.masks import bce


def some(seed=0, n_classes=4):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, n_classes, 6, 7, generator=generator)
    truth = torch.randint(n_classes, (2, 6, 7), generator=generator)
    return logits, truth, functional.one_hot(truth, n_classes).permute(0, 3, 1, 2).float()


def test_weighted_cross_entropy_is_that_of_torch():
    logits, truth, target = some()
    weights = np.array([0.2, 1.0, 3.0, 7.0])
    ours = class_weighted(bce, weights)(logits, target, torch.ones(2, 1, 6, 7))
    theirs = functional.cross_entropy(logits, truth, weight=torch.tensor(weights).float())
    torch.testing.assert_close(ours, theirs)
    valid = torch.zeros(2, 1, 6, 7)
    valid[0] = 1  # the second picture is unknown
    alone = functional.cross_entropy(logits[:1], truth[:1], weight=torch.tensor(weights).float())
    torch.testing.assert_close(class_weighted(bce, weights)(logits, target, valid), alone)


def test_one_channel_has_two_classes():
    logits, target = torch.tensor([[[[1.0, -2.0]]]]), torch.tensor([[[[1.0, 0.0]]]])
    ours = class_weighted(bce, np.array([1.0, 3.0]))(logits, target, None)
    entropy = [np.log1p(np.exp(-1.0)), np.log1p(np.exp(-2.0))]
    assert ours.item() == pytest.approx((3 * entropy[0] + entropy[1]) / 4, rel=1e-6)


@pytest.mark.parametrize("name", sorted(CLASS_BALANCES))
def test_weights_rise_with_rarity_and_keep_the_size_of_a_step(name):
    shares = pixel_shares([7690, 1720, 526, 64])
    weights = scaled(CLASS_BALANCES[name](shares), shares)
    assert (np.diff(weights) > 0).all()
    assert float(weights @ shares) == pytest.approx(1.0)
    power = {"inverse": 1.0, "square-root": 0.5}[name]
    assert weights[3] / weights[0] == pytest.approx((7690 / 64) ** power)


def test_an_absent_class_does_not_divide_by_zero_and_nothing_at_all_is_refused():
    assert np.isfinite(1 / pixel_shares([5, 0, 3])).all()
    with pytest.raises(ConfigError, match="no labelled pixels"):
        pixel_shares([0, 0])


def test_lovasz_of_hard_answers_is_one_minus_the_mean_jaccard_index():
    """Equation 8: the surrogate equals the Jaccard loss where answers are 0 or 1."""
    _, truth, target = some(seed=3)
    _, guess, guessed = some(seed=4)
    loss = lovasz(guessed * 200 - 100, target)
    jaccard = [
        ((guess == k) & (truth == k)).sum() / ((guess == k) | (truth == k)).sum() for k in range(4)
    ]
    assert loss.item() == pytest.approx(1 - float(np.mean(jaccard)), abs=1e-5)


def test_of_lovasz_with_cross_entropy_weights_act_in_the_cross_entropy():
    logits, _, target = some(seed=6)
    weights = np.array([0.2, 1.0, 3.0, 7.0])
    both = class_weighted(lovasz_bce, weights)(logits, target, None)
    weighted = class_weighted(bce, weights)(logits, target, None)
    torch.testing.assert_close(both, lovasz(logits, target) + weighted)
    assert abs(float(weighted - bce(logits, target))) > 0.01


def test_lovasz_leaves_absent_classes_and_unknown_pixels_out():
    logits, _, target = some(seed=5)
    target[:, 0] += target[:, 3]
    target[:, 3] = 0
    valid = torch.ones(2, 1, 6, 7)
    valid[1] = 0
    torch.testing.assert_close(lovasz(logits, target, valid), lovasz(logits[:1], target[:1]))
    logits.requires_grad_()
    lovasz(logits, target).backward()
    assert torch.isfinite(logits.grad).all()
