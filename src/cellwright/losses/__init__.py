"""Losses: logits in, a tensor out; one idea a file."""

from collections.abc import Callable

from torch import Tensor
from torchvision.ops import complete_box_iou_loss

from cellwright.losses.distribution_focal import distribution_focal_loss
from cellwright.losses.quality_focal import quality_focal_loss

LOSSES: dict[str, Callable[..., Tensor]] = {
    "complete-iou": complete_box_iou_loss,
    "distribution-focal": distribution_focal_loss,
    "quality-focal": quality_focal_loss,
}
