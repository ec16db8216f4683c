from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy, one_hot

from cellwright.losses.soft_cross_entropy import soft_cross_entropy

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.1, 0.3], [-2.0, 1.0, 1.0]])
TRUE = torch.tensor([0, 2, 1])


def test_it_is_cross_entropy_for_one_hot_targets():
    target = one_hot(TRUE, 3).float()
    torch.testing.assert_close(soft_cross_entropy(LOGITS, target), cross_entropy(LOGITS, TRUE))
    smoothed = soft_cross_entropy(LOGITS, target, smoothing=0.1)
    torch.testing.assert_close(smoothed, cross_entropy(LOGITS, TRUE, label_smoothing=0.1))


def test_weights_count_by_the_class_of_the_target():
    weights = torch.tensor([1.0, 2.0, 0.5])
    target = one_hot(TRUE, 3).float()
    expected = (cross_entropy(LOGITS, TRUE, reduction="none") * weights[TRUE]).mean()
    torch.testing.assert_close(soft_cross_entropy(LOGITS, target, weights), expected)


def test_a_mixture_is_a_mixture_of_losses():
    first, second = one_hot(TRUE, 3).float(), one_hot(torch.tensor([1, 1, 2]), 3).float()
    mixed = soft_cross_entropy(LOGITS, 0.3 * first + 0.7 * second)
    expected = 0.3 * soft_cross_entropy(LOGITS, first) + 0.7 * soft_cross_entropy(LOGITS, second)
    torch.testing.assert_close(mixed, expected)
