"""Networks only, one file a published method."""

from collections.abc import Callable

from torch import nn

from cellwright.models.cell_detector import CellDetector
from cellwright.models.crop_resnet import CropResNet
from cellwright.models.encoder_unet import EncoderUNet
from cellwright.models.feature_enhancement import (
    dropout_se_unet,
    enhanced_se_unet,
    fixed_se_unet,
)
from cellwright.models.phase_cnn import PhaseCNN
from cellwright.models.se_unet import SEUNet, SupervisedSEUNet
from cellwright.models.timm_resnet import timm_resnet
from cellwright.models.unet import UNet
from cellwright.models.vgg import VGG

SEGMENTERS: dict[str, Callable[..., nn.Module]] = {
    "encoder-unet": EncoderUNet,
    "se-unet": SEUNet,
    "se-unet-dropout": dropout_se_unet,
    "se-unet-enhanced": enhanced_se_unet,
    "se-unet-fixed": fixed_se_unet,
    "se-unet-supervised": SupervisedSEUNet,
    "unet": UNet,
}
"""Those that give one map of logits as large as the image, and state their ``multiple``."""

CLASSIFIERS: dict[str, Callable[..., nn.Module]] = {
    "phase-cnn": PhaseCNN,
    "resnet": CropResNet,
    "timm-resnet": timm_resnet,
    "vgg": VGG,
}
"""Those that give one logit a class for a whole crop; each is told its ``crop_px``."""

MODELS: dict[str, Callable[..., nn.Module]] = {
    "cell-detector": CellDetector,
    **CLASSIFIERS,
    **SEGMENTERS,
}
"""A constructor a name; each takes the number of classes first, then the image channels."""
