"""Distribution focal loss for box sides (Li et al., NeurIPS 2020, equation 6)."""

from torch import Tensor
from torch.nn import functional


def distribution_focal_loss(logits: Tensor, target: Tensor) -> Tensor:
    r"""Cross-entropy against the two bins around each target, weighted by closeness.

    :math:`-((i + 1 - y) \log S_i + (y - i) \log S_{i+1})` with ``i`` the bin below ``y``.

    Args:
        logits: ``(M, 4, n_bins)``.
        target: ``(M, 4)`` distances in bins; clamped to what the bins can say.

    Returns:
        ``(M,)``, the mean over the four sides.
    """
    n_bins = logits.shape[-1]
    y = target.clamp(0, n_bins - 1 - 1e-3)
    below = y.floor().long()
    weight_above = y - below
    log_p = functional.log_softmax(logits, dim=-1)
    low = log_p.gather(-1, below[..., None])[..., 0]
    high = log_p.gather(-1, below[..., None] + 1)[..., 0]
    return -((1 - weight_above) * low + weight_above * high).mean(dim=-1)
