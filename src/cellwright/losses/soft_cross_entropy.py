"""Cross-entropy against a distribution over classes, each class with a weight of its own."""

from __future__ import annotations

from torch import Tensor


def soft_cross_entropy(
    logits: Tensor, target: Tensor, weights: Tensor | None = None, *, smoothing: float = 0.0
) -> Tensor:
    """Mean over the batch of ``-sum_k w_k t_k log p_k``.

    With one-hot targets, weights of 1 and no smoothing this is ``cross_entropy``. Mixtures
    (Zhang et al., ICLR 2018) have two classes in their target; smoothing (Szegedy et al., CVPR
    2016) moves a share to all classes alike.

    Args:
        logits: ``(N, K)``.
        target: ``(N, K)``, rows that sum to 1.
        weights: ``(K,)``, or None for 1.
        smoothing: in [0, 1).
    """
    if smoothing:
        target = target * (1 - smoothing) + smoothing / target.shape[1]
    losses = -target * logits.log_softmax(dim=1)
    if weights is not None:
        losses = losses * weights
    return losses.sum(dim=1).mean()
