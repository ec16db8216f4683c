"""Losses: logits in, a tensor out; one idea a file."""

from collections.abc import Callable

from torch import Tensor
from torchvision.ops import complete_box_iou_loss

from cellwright.losses.distance_instances import distance_instances
from cellwright.losses.distribution_focal import distribution_focal_loss
from cellwright.losses.lovasz import lovasz_bce
from cellwright.losses.masks import bce, dice_bce, dice_focal, jaccard_bce
from cellwright.losses.quality_focal import quality_focal_loss

BOX_LOSSES: dict[str, Callable[..., Tensor]] = {
    "complete-iou": complete_box_iou_loss,
    "distribution-focal": distribution_focal_loss,
    "quality-focal": quality_focal_loss,
}
"""Terms of a detector's objective; each has the arguments its paper gives it."""

MASK_LOSSES: dict[str, Callable[..., Tensor]] = {
    "bce": bce,
    "dice-bce": dice_bce,
    "dice-focal": dice_focal,
    "jaccard-bce": jaccard_bce,
    "lovasz-bce": lovasz_bce,
}
"""For semantic masks: ``(logits, target, valid)``, all ``(N, K or 1, H, W)``, to a scalar."""

INSTANCE_LOSSES: dict[str, Callable[..., Tensor]] = {"distance-instances": distance_instances}
"""For cells: the same arguments, foreground and distance in the first two channels."""

LOSSES: dict[str, Callable[..., Tensor]] = BOX_LOSSES | MASK_LOSSES | INSTANCE_LOSSES
