"""Each loss against its definition, worked out by hand or by an independent function."""

import math

import pytest
import torch
from torch.nn import functional

from cellwright.losses import BOX_LOSSES, INSTANCE_LOSSES, LOSSES, MASK_LOSSES
from cellwright.losses.distribution_focal import distribution_focal_loss
from cellwright.losses.quality_focal import quality_focal_loss


def test_quality_focal_without_focus_is_cross_entropy():
    torch.manual_seed(0)
    logits, quality = torch.randn(5, 3), torch.rand(5, 3)
    expected = functional.binary_cross_entropy(logits.sigmoid(), quality, reduction="sum")
    assert torch.isclose(quality_focal_loss(logits, quality), expected)


def test_quality_focal_by_hand():
    # sigma(0) = 1/2, y = 1: |1 - 1/2|^2 * ln 2.
    loss = quality_focal_loss(torch.zeros(1), torch.ones(1), beta=2.0)
    assert torch.isclose(loss, torch.tensor(0.25 * math.log(2)))


def test_distribution_focal_by_hand():
    # Target 1.25 between bins 1 and 2 of four equal bins: both have log probability -ln 4.
    logits = torch.zeros(1, 4, 4)
    assert torch.allclose(
        distribution_focal_loss(logits, torch.full((1, 4), 1.25)), torch.tensor([math.log(4)])
    )
    sharp = torch.log(torch.tensor([1e-6, 0.75, 0.25, 1e-6])).expand(1, 4, 4)
    expected = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    got = distribution_focal_loss(sharp, torch.full((1, 4), 1.25))
    assert torch.allclose(got, torch.tensor([expected]), atol=1e-4)


@pytest.mark.parametrize("target", [-3.0, 0.0, 2.999, 3.0, 50.0])
def test_distribution_focal_clamps_what_its_bins_cannot_say(target):
    loss = distribution_focal_loss(torch.randn(2, 4, 4), torch.full((2, 4), target))
    assert torch.isfinite(loss).all()


def test_complete_iou_by_hand():
    """Boxes of equal shape, shifted by half a width: 1 - IoU + d^2 / c^2, no aspect term."""
    a = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
    b = torch.tensor([[1.0, 0.0, 3.0, 2.0]])
    expected = 1 - 1 / 3 + 1 / (9 + 4)
    got = LOSSES["complete-iou"](a, b, reduction="none")
    assert torch.allclose(got, torch.tensor([expected]), atol=1e-5)


@pytest.mark.parametrize("name", sorted(BOX_LOSSES))
def test_every_box_loss_gives_a_finite_gradient(name):
    inputs = {
        "complete-iou": (torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([[5.0, 5, 6, 7]])),
        "distribution-focal": (torch.zeros(1, 4, 8), torch.full((1, 4), 3.3)),
        "quality-focal": (torch.full((2, 2), 30.0), torch.zeros(2, 2)),
    }[name]
    first = inputs[0].clone().requires_grad_()
    LOSSES[name](first, inputs[1]).sum().backward()
    assert torch.isfinite(first.grad).all()


@pytest.mark.parametrize("name", sorted(MASK_LOSSES | INSTANCE_LOSSES))
@pytest.mark.parametrize("logit", [-90.0, 90.0])
def test_every_map_loss_gives_a_finite_gradient_however_sure_the_network(name, logit):
    shape = (1, 2, 4, 4) if name in INSTANCE_LOSSES else (1, 1, 4, 4)
    for truth in (torch.zeros(shape), torch.ones(shape)):
        logits = torch.full(shape, logit).requires_grad_()
        LOSSES[name](logits, truth, None).backward()
        assert torch.isfinite(logits.grad).all()
