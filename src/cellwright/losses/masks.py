r"""Losses of paper 2 for masks: cross-entropy, and its unions with Dice, Jaccard and focal.

Polisi, Uka, Avdiu and Karras (2025), section 3.4, names four: BCE, Dice-BCE, Dice-focal and
Jaccard-BCE; it gives no weights, so both parts of a pair count the same here. All take
logits and a target of one shape ``(N, K, H, W)``. One channel is one class against the
background (sigmoid); several are classes that exclude each other (softmax), and "BCE" then
is the categorical cross-entropy. Each reads ``valid`` ``(N, 1, H, W)``, how much a pixel counts:
one at 2 counts as two of 1, one at 0 nowhere.

- Dice: Milletari, Navab and Ahmadi, 3DV 2016, there with squares in the denominator; here
  as most use it, :math:`1 - (2 \sum p y + s) / (\sum p + \sum y + s)`.
- Jaccard: :math:`1 - (\sum p y + s) / (\sum p + \sum y - \sum p y + s)`.
- Focal: Lin et al., ICCV 2017, equation 4, :math:`-(1 - p_t)^\gamma \log p_t` with
  :math:`\gamma = 2`.

The sums of Dice and Jaccard run over the whole batch, so that a window without any cell has
a say only through what it adds; a class that neither side holds costs nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

SMOOTH = 1.0
"""Pixels added above and below: what makes 0 / 0 a perfect score."""


def bce(logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean cross-entropy of the valid pixels, in nats.

    Args:
        logits: ``(N, K, H, W)``.
        target: same shape, in [0, 1]; for several channels the class shares of each pixel.
        valid: ``(N, 1, H, W)``, at least 0; None counts every pixel.
    """
    return _mean(_cross_entropy(logits, target), valid)


def dice(logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """One minus the soft Dice coefficient, mean over channels; arguments as :func:`bce`."""
    shared, predicted, true = _sums(logits, target, valid)
    return (1 - (2 * shared + SMOOTH) / (predicted + true + SMOOTH)).mean()


def jaccard(logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """One minus the soft Jaccard index, mean over channels; arguments as :func:`bce`."""
    shared, predicted, true = _sums(logits, target, valid)
    return (1 - (shared + SMOOTH) / (predicted + true - shared + SMOOTH)).mean()


def focal(
    logits: Tensor, target: Tensor, valid: Tensor | None = None, *, gamma: float = 2.0
) -> Tensor:
    """Mean focal loss of the valid pixels; arguments as :func:`bce`, target 0 or 1.

    Args:
        logits: see :func:`bce`.
        target: see :func:`bce`.
        valid: see :func:`bce`.
        gamma: how much what is already right is muted; 0 is cross-entropy.
    """
    entropy = _cross_entropy(logits, target)
    # For hard targets exp(-entropy) is the probability of the truth, p_t.
    return _mean((1 - torch.exp(-entropy)).pow(gamma) * entropy, valid)


def dice_bce(logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Dice plus cross-entropy."""
    return dice(logits, target, valid) + bce(logits, target, valid)


def dice_focal(logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Dice plus focal."""
    return dice(logits, target, valid) + focal(logits, target, valid)


def jaccard_bce(logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Jaccard plus cross-entropy."""
    return jaccard(logits, target, valid) + bce(logits, target, valid)


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """``(N, 1, H, W)`` a pixel."""
    if logits.shape[1] == 1:
        return functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return -(target * functional.log_softmax(logits, dim=1)).sum(dim=1, keepdim=True)


def _mean(values: Tensor, valid: Tensor | None) -> Tensor:
    if valid is None:
        return values.mean()
    return (values * valid).sum() / valid.sum().clamp(min=1)


def _sums(logits: Tensor, target: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """``(K,)`` each: shared, predicted and true mass over the batch."""
    probability = logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(dim=1)
    weight = torch.ones_like(target[:, :1]) if valid is None else valid
    over = (0, 2, 3)
    shared = (weight * probability * target).sum(over)
    return shared, (weight * probability).sum(over), (weight * target).sum(over)
