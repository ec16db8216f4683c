"""The networks of the study: which network, what it is fed, what happens to it in training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cellwright.data.stain import luma
from cellwright.features import segment_smear
from cellwright.images.resize import resize
from cellwright.learning.class_config import ClassificationConfig, Transfer
from cellwright.learning.config import DataConfig, ScheduleConfig, TrainConfig
from cellwright.studies.leukemia_screening.presets import Preset
from cellwright.types import Image

CELLS_PX = 112
"""Edge at which fields are cut free of their background: a quarter of the time of 224."""


@dataclass(frozen=True)
class Variant:
    """One trained row.

    Attributes:
        row: as tables call it.
        architecture: ``small`` or a network with weights of ImageNet.
        augmentation: row of :data:`cellwright.data.crop_transforms.CROP_PRESETS`.
        entry: of the small network, row of :data:`cellwright.models.crop_resnet.ENTRIES`.
        alter: what is done to images before anything else, also to those it is tested on.
    """

    row: str
    architecture: Literal["small", "vgg16", "resnet50"] = "small"
    augmentation: str = "gentle"
    entry: str = "centred"
    alter: Callable[[Image, str], Image] | None = None


def grey(image: Image, image_id: str) -> Image:  # noqa: ARG001 - one shape for all changes
    """The picture without its colours, three times the same channel."""
    told = np.broadcast_to(luma(image.astype(np.float32)), image.shape)
    whole: Image = np.rint(told).astype(image.dtype)
    return whole


def cells_alone(image: Image, image_id: str) -> Image:
    """White cells on white: whatever is no white cell of the fuzzy segmentation is taken away."""
    small = resize(image, CELLS_PX, CELLS_PX)
    white = segment_smear(small, where=image_id).white > 0
    alone: Image = np.where(white, small, np.uint8(255))
    return alone


VARIANTS: dict[str, Variant] = {
    "cnn": Variant("CNN"),
    "cnn-jitter": Variant("CNN, stain jitter", augmentation="smear"),
    "cnn-standardised": Variant("CNN, standardised", entry="standardised"),
    "recipe": Variant(
        "CNN, standardised, stain jitter", augmentation="smear", entry="standardised"
    ),
    "cnn-grey": Variant("CNN, grey, brightness jitter", augmentation="smear", alter=grey),
    "cnn-cells": Variant(
        "CNN, background removed, stain jitter", augmentation="smear", alter=cells_alone
    ),
    "vgg16": Variant("VGG16", architecture="vgg16", augmentation="smear"),
    "resnet50": Variant("ResNet50", architecture="resnet50", augmentation="smear"),
}

ROWS = {
    "small": "resnet",
    "vgg16": "vgg",
    "resnet50": "timm-resnet",
}
"""Architecture to row of the table of classifiers."""

LAST_BLOCKS = 3
"""The last block of VGG16's thirteen convolutions, and ResNet50's last stage."""


def config_of(name: str, preset: Preset, data: DataConfig) -> TrainConfig:
    """The training of a row of :data:`VARIANTS`."""
    variant = VARIANTS[name]
    small = variant.architecture == "small"
    edge = preset.crop_px if small else preset.transferred_px
    settings: dict[str, Any] = {"dropout": 0.2}
    schedule = {**preset.schedule, "augmentation": variant.augmentation}
    transfer = None
    if small:
        settings |= {"width": preset.width, "blocks": (1, 1, 1, 1), "entry": variant.entry}
    else:
        settings |= {"architecture": variant.architecture, "weights": "imagenet"}
        schedule |= {"epochs": preset.transferred_epochs, "learning_rate": 3e-4}
        transfer = Transfer(frozen_epochs=preset.transferred_epochs // 3, last_blocks=LAST_BLOCKS)
    return TrainConfig(
        name=name,
        task="classification",
        seed=preset.seed,
        threads=preset.threads,
        data=data,
        classification=ClassificationConfig(
            model=ROWS[variant.architecture],
            settings=settings,
            crop_px=(edge, edge),
            fit="resize",
            label_smoothing=0.05,
            transfer=transfer,
        ),
        schedule=ScheduleConfig(**schedule),
    )
