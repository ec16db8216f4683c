r"""Lovász-softmax: a convex surrogate of the mean Jaccard index itself.

Berman, Rannen Triki and Blaschko, CVPR 2018, equations 8, 9 and 11 and algorithm 1. With the
errors :math:`m_i` of a class (one minus the probability where the class is true, the
probability elsewhere) sorted from large to small, the loss is :math:`\sum_i m_i g_i`, where
:math:`g_i` is what the i-th pixel adds to the Jaccard loss when the first i pixels are wrong.
Cross-entropy rewards the many easy pixels of common classes; this rewards the index by which
a rare class is judged. It is added to cross-entropy, as its authors advise for training from
random weights. A class that the batch does not hold costs nothing. How much a pixel counts is
yes or no here, since the steps of the index are of whole pixels: weights act in the cross-entropy.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cellwright.losses.masks import bce


def lovasz(logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean over the classes in the batch.

    Args:
        logits: as for :func:`cellwright.losses.masks.bce`.
        target: the same.
        valid: ``(N, 1, H, W)``; pixels at 0 are left out, all others count alike.
    """
    binary = logits.shape[1] == 1
    probability = logits.sigmoid() if binary else logits.softmax(dim=1)
    keep = slice(None) if valid is None else (valid > 0).flatten()
    terms = []
    for index in range(logits.shape[1]):
        true = target[:, index].flatten()[keep]
        if not binary and not true.any():
            continue
        errors = (true - probability[:, index].flatten()[keep]).abs()
        errors, order = errors.sort(descending=True)
        terms.append(errors @ jaccard_steps(true[order]))
    return torch.stack(terms).mean() if terms else logits.sum() * 0


def jaccard_steps(true: Tensor) -> Tensor:
    """What each further wrong pixel adds to the Jaccard loss, ``(n,)`` from ``(n,)`` of 0 and 1.

    >>> (6 * jaccard_steps(torch.tensor([1.0, 0.0, 1.0]))).round().tolist()
    [3.0, 1.0, 2.0]
    """
    total = true.sum()
    shared = total - true.cumsum(0)
    either = total + (1 - true).cumsum(0)
    lost = 1 - shared / either
    return torch.cat([lost[:1], lost[1:] - lost[:-1]])


def lovasz_bce(logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Lovász-softmax plus cross-entropy; only the latter knows weights of pixels."""
    return lovasz(logits, target, valid) + bce(logits, target, valid)
