"""Huber's loss over the numbers that are known: some of a target may be missing."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def known_huber(found: Tensor, target: Tensor) -> Tensor:
    """Mean over the known numbers of ``e^2 / 2`` below 1 and ``|e| - 1 / 2`` beyond.

    Quadratic near the target and linear far from it (Huber, Annals of Mathematical Statistics
    35, 1964): one cell with a speck of stain beside it does not outweigh a batch.

    Args:
        found: ``(N, M)``, any range.
        target: ``(N, M)``, standardised; NaN where it is not known.

    Returns:
        A scalar; 0 where nothing is known.
    """
    known = target.isfinite()
    # A sum over none is 0 and still leads back to ``found``, as an optimizer step needs.
    errors = functional.smooth_l1_loss(found[known], target[known], reduction="sum")
    return errors / torch.clamp(known.sum(), min=1)
