r"""Rare classes count for more: a weight for each pixel by its true class, under any mask loss.

Every loss for masks takes ``valid``, a weight for each pixel. A pixel of class :math:`k` gets
:math:`w_k` there, so cross-entropy becomes the weighted mean that ``torch.nn.CrossEntropyLoss``
computes with ``weight``, and Dice and Jaccard are taken over weighted pixels. Lovász-softmax
takes no weights: it is a mean over classes, each with the same say already; of ``lovasz-bce``
they weigh the cross-entropy alone. The weights are
scaled so that the mean over the training pixels is 1, :math:`\sum_k f_k w_k = 1` with shares
:math:`f_k`: the size of a step stays what it was.

- ``inverse``: :math:`w_k \propto 1 / f_k`, every class has the same say; the median-frequency
  balancing of Eigen and Fergus (ICCV 2015) differs from it by a constant only.
- ``square-root``: :math:`w_k \propto 1 / \sqrt{f_k}`, half way on a logarithmic scale. With
  classes as rare as one pixel in 200 the full inverse buys recall with many false pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellwright.errors import ConfigError

MaskLoss = Callable[[Tensor, Tensor, Tensor | None], Tensor]

Shares = NDArray[np.float64]
"""``(K,)`` part of the training pixels that each class has, background first."""


def inverse(shares: Shares) -> Shares:
    """One over the share; see the module's header."""
    return 1 / shares


def square_root(shares: Shares) -> Shares:
    """One over the square root of the share."""
    return 1 / np.sqrt(shares)


CLASS_BALANCES: dict[str, Callable[[Shares], Shares]] = {
    "inverse": inverse,
    "square-root": square_root,
}
"""Shares of the classes to their weights, up to a factor."""


def pixel_shares(counts: Sequence[int]) -> Shares:
    """Pixels of each class to shares; a class without any counts as one pixel.

    Raises:
        ConfigError: no pixel at all.
    """
    pixels = np.asarray(counts, np.float64)
    if not pixels.sum():
        raise ConfigError("there are no labelled pixels to balance classes by")
    shares: Shares = np.maximum(pixels, 1) / pixels.sum()
    return shares


def scaled(weights: Shares, shares: Shares) -> Shares:
    """Weights whose mean over the training pixels is 1."""
    return weights / float(weights @ shares)


def class_weighted(loss: MaskLoss, weights: Shares) -> MaskLoss:
    """``loss`` with a weight for each pixel by its true class.

    Args:
        loss: ``(logits, target, valid)`` to a scalar, all ``(N, K or 1, H, W)``.
        weights: ``(K,)``, background first; two of them where there is one channel.
    """
    of_class = torch.as_tensor(weights, dtype=torch.float32)[None, :, None, None]

    def weighted(logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
        shares = torch.cat([1 - target, target], dim=1) if target.shape[1] == 1 else target
        of_pixel = (shares * of_class.to(target.device)).sum(dim=1, keepdim=True)
        return loss(logits, target, of_pixel if valid is None else of_pixel * valid)

    return weighted
