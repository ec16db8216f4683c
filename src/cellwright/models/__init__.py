"""Networks only, one file a published method."""

from collections.abc import Callable

from torch import nn

from cellwright.models.cell_detector import CellDetector
from cellwright.models.unet import UNet

MODELS: dict[str, Callable[..., nn.Module]] = {
    "cell-detector": CellDetector,
    "unet": UNet,
}
"""A constructor a name; each takes the number of classes first, then the image channels."""

SEGMENTERS: dict[str, Callable[..., nn.Module]] = {"unet": UNet}
"""Those that give one map of logits as large as the image, and state their ``multiple``."""
