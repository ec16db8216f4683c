r"""The objective for instances: where cells are, and how far inside each pixel lies.

Channel 0, foreground: Dice plus cross-entropy. Channel 1, relative distance :math:`d` to the
cell's border (see :mod:`cellwright.data.targets`): the divergence
:math:`d \log (d / \sigma) + (1 - d) \log ((1 - d) / (1 - \sigma))`, which is cross-entropy
less the part that no network can remove; so it is 0 where the distance is right. Cells and
background carry half of it each, however many pixels they have: on a sparse field the plain
mean would be about background alone. Further channels: class logits, softmax over the
pixels of cells.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from cellwright.losses.masks import dice_bce

DISTANCE_WEIGHT = 2.0
"""The divergence is a few times smaller than Dice plus cross-entropy; so they pull alike."""


def distance_instances(logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Foreground, distance and, where there are further channels, class.

    Args:
        logits: ``(N, 2 or 2 + K, H, W)``.
        target: same shape, as :func:`cellwright.data.targets.instance_target` makes it.
        valid: ``(N, 1, H, W)``, at least 0, how much a pixel counts; None counts all alike.
    """
    known = torch.ones_like(target[:, :1]) if valid is None else valid.to(target)
    cells = target[:, :1] * known
    total = dice_bce(logits[:, :1], target[:, :1], known)
    divergence = bernoulli_divergence(logits[:, 1:2], target[:, 1:2])
    for half in (cells, known - cells):
        total = total + DISTANCE_WEIGHT / 2 * (divergence * half).sum() / half.sum().clamp(min=1)
    if logits.shape[1] > 2:
        entropy = -(target[:, 2:] * functional.log_softmax(logits[:, 2:], dim=1)).sum(1, True)
        total = total + (entropy * cells).sum() / cells.sum().clamp(min=1)
    return total


def bernoulli_divergence(logits: Tensor, target: Tensor) -> Tensor:
    """Kullback-Leibler divergence of ``sigmoid(logits)`` from ``target`` in [0, 1], elementwise."""
    entropy = -torch.xlogy(target, target) - torch.xlogy(1 - target, 1 - target)
    crossed = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return crossed - entropy
