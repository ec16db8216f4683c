"""The rows of tables 1 and 2, each a network and its settings; beside them what goes beyond."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellwright.learning.config import SegmentationConfig
from cellwright.studies.feature_enhancement.presets import PAPER_BOOST, Preset

PRINTED = {
    "baseline": "U-Net + SEblock",
    "shallow": "U-Net + SEblock without deep layers",
    "supervised": "U-Net + SEblock + Supervision",
    "dropout": "Dropout (same percentage)",
    "enhanced": "Proposed method",
    "fixed": "fixed maps",
    "weighted": "U-Net + SEblock, balanced loss (ours)",
    "weighted-enhanced": "Proposed method, balanced loss (ours)",
}
"""Variants as the paper writes them; of fixed maps it says something for mouse cells only."""

BALANCED = {"loss": "lovasz-bce", "class_balance": "square-root"}


def network_of(
    variant: str, preset: Preset, changes: Mapping[str, Any] | None = None
) -> SegmentationConfig:
    """The network section of a variant's config.

    Args:
        variant: row of :data:`PRINTED`.
        preset: its size.
        changes: settings of the network in place of the preset's.
    """
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
    }[variant]
    loss: dict[str, Any] = BALANCED if variant.startswith("weighted") else {"loss": "bce"}
    return SegmentationConfig(model=model, settings={**settings, **(changes or {})}, **loss)
