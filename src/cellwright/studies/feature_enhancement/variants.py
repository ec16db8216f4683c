"""The rows of tables 1 and 2, each a network and its settings; beside them what goes beyond."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellwright.learning.config import ScheduleConfig, SegmentationConfig
from cellwright.studies.feature_enhancement.presets import PAPER_BOOST, ROWS, Preset

PRINTED = {
    "baseline": "U-Net + SEblock",
    "shallow": "U-Net + SEblock without deep layers",
    "supervised": "U-Net + SEblock + Supervision",
    "dropout": "Dropout (same percentage)",
    "enhanced": "Proposed method",
    "fixed": "fixed maps",
    "weighted": "U-Net + SEblock, balanced loss (ours)",
    "weighted-enhanced": "Proposed method, balanced loss (ours)",
    "heavy": "U-Net + SEblock, balanced loss, heavier augmentation (ours)",
    "residual": "U-Net on ResNet-18, balanced loss (ours)",
    "convnext": "U-Net on ConvNeXt, balanced loss (ours)",
    "long": "U-Net + SEblock, trained on with balanced loss (ours)",
}
"""Variants as the paper writes them; of fixed maps it says something for mouse cells only."""

BALANCED: dict[str, Any] = {"loss": "lovasz-bce", "class_balance": "square-root"}

ENCODERS: dict[str, tuple[str, dict[str, tuple[int, ...]]]] = {
    "residual": ("resnet18d", {"channels": (2, 4, 8, 16)}),
    "convnext": ("convnext_atto", {"dims": (3, 6, 12, 24)}),
}
"""Bodies of timm, with the widths of their stages in units of ``base_width``: at the paper's 32
those of ResNet-18 and of ConvNeXt-T."""

CONTINUES = {"long": "baseline"}
"""Variants that begin with the weights of another one of the same seed."""

HEAVY = "cells"
"""Augmentation preset: any angle, twice the scales, noise and blur."""


def network_of(
    variant: str, preset: Preset, changes: Mapping[str, Any] | None = None
) -> SegmentationConfig:
    """The network section of a variant's config.

    Args:
        variant: row of :data:`PRINTED`.
        preset: its size.
        changes: settings of the network in place of the preset's.
    """
    if variant in ENCODERS:
        settings = _encoder(variant, preset.base_width)
        return SegmentationConfig(model="encoder-unet", settings=settings, **BALANCED)
    size: dict[str, Any] = {"base_width": preset.base_width, "levels": preset.levels}
    n_chosen = {"n_chosen": preset.n_chosen}
    boosted = {**n_chosen, "boost": PAPER_BOOST}
    model, settings = {
        "baseline": ("se-unet", size),
        "shallow": ("se-unet", {**size, "levels": preset.levels - 1}),
        "supervised": ("se-unet-supervised", size),
        "dropout": ("se-unet-dropout", {**size, **n_chosen}),
        "enhanced": ("se-unet-enhanced", {**size, **boosted}),
        "fixed": ("se-unet-fixed", {**size, **boosted}),
        "weighted": ("se-unet", size),
        "weighted-enhanced": ("se-unet-enhanced", {**size, **boosted}),
        "heavy": ("se-unet", size),
        "long": ("se-unet", size),
    }[variant]
    loss: dict[str, Any] = {"loss": "bce"} if variant in ROWS else BALANCED
    return SegmentationConfig(model=model, settings={**settings, **(changes or {})}, **loss)


def schedule_of(variant: str, preset: Preset) -> ScheduleConfig:
    """The schedule that all rows share, but for those that are about it."""
    own: dict[str, Any] = {}
    if variant == "heavy":
        own = {"augmentation": HEAVY}
    if variant == "long":
        # Half the batch is twice the steps: what a short training lacks.
        half = max(1, preset.schedule["batch_size"] // 2)
        own = {"epochs": preset.long_epochs, "batch_size": half}
    return ScheduleConfig(**{**preset.schedule, **own})


def _encoder(variant: str, base_width: int) -> dict[str, Any]:
    name, widths = ENCODERS[variant]
    stages = {key: [base_width * one for one in units] for key, units in widths.items()}
    stem = {"stem_width": base_width} if variant == "residual" else {}
    return {"encoder": name, "encoder_settings": {**stages, **stem}, "fine_width": base_width}
