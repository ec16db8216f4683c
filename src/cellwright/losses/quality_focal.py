"""Quality focal loss: cross-entropy with soft targets (Li et al., NeurIPS 2020, eq. 4)."""

from torch import Tensor
from torch.nn import functional


def quality_focal_loss(logits: Tensor, quality: Tensor, *, beta: float = 0.0) -> Tensor:
    r"""Sum over all entries of :math:`|y - \sigma|^\beta \, BCE(\sigma, y)`.

    Args:
        logits: any shape.
        quality: same shape, in [0, 1]; 0 for background, the assigned quality elsewhere.
        beta: 0 is plain cross-entropy; 2, the paper's choice, mutes what is already right.
    """
    loss = functional.binary_cross_entropy_with_logits(logits, quality, reduction="none")
    if beta:
        loss = loss * (logits.sigmoid() - quality).abs().pow(beta)
    return loss.sum()
