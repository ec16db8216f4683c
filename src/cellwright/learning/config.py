"""Settings of a training run: checked once, here, then passed on as plain values.

A run is described by one short YAML file. Every field has a default that suits a
few hundred labelled images on a laptop; ``cellwright train CONFIG --set a.b=value``
changes single fields.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from cellwright.bundles.bundle import SUFFIX
from cellwright.bundles.card import NAME_PATTERN
from cellwright.data.yaml_text import read_yaml
from cellwright.errors import ConfigError
from cellwright.images.normalise import Normalisation
from cellwright.learning.class_config import ClassificationConfig
from cellwright.learning.compression_config import AwareQuantization, Pruning
from cellwright.learning.config_errors import in_words
from cellwright.learning.frozen import Frozen


class DataConfig(Frozen):
    """Which labelled images, and how they are split.

    Attributes:
        dataset: a public set by name (``cellwright data list``); or
        datasets: several public sets of the same classes, learned together; or
        path: a folder of labels.
        format: layout of ``path``; guessed where it is plain.
        licence: of the labels in ``path``, for the card; a public set knows its own.
        split_file: a CSV of ``cellwright data split``; without one
        ratios: weights of train, val and test; without them the layout's own split is taken
            where it has one, else 70/20/10.
        by: what stays on one side of the split; near-duplicates always do.
        copies: what a near-duplicate is: images that are alike, or of equal pixels only, where all
            of them show one fixed structure such as the rims of wells.
        crop_px: cut the images that are learned from into squares of this edge, without overlap,
            as paper 3 does; None draws windows from whole images.
        split_seed: seed of the split; separate from the training seed, so that runs compare.
        allow_leak: train although the split leaks; the card will say so.
    """

    dataset: str | None = None
    datasets: tuple[str, ...] = ()
    path: Path | None = None
    format: str | None = None
    licence: str = ""
    split_file: Path | None = None
    ratios: dict[Literal["train", "val", "test"], float] | None = None
    by: Literal["group", "image"] = "group"
    copies: Literal["alike", "equal"] = "alike"
    crop_px: int | None = Field(default=None, ge=32)
    split_seed: int = Field(default=0, ge=0)
    allow_leak: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> DataConfig:
        if (self.dataset is not None) + bool(self.datasets) + (self.path is not None) != 1:
            raise ValueError("name either data.dataset or data.path, or several data.datasets")
        if self.split_file is not None and self.ratios is not None:
            raise ValueError("name either data.split_file or data.ratios")
        return self


class InputConfig(Frozen):
    """How pixels reach the network.

    Attributes:
        longest_px: the median image's longer side in network pixels; None keeps image pixels.
        normalisation: None picks ``full_range`` for 8-bit colour and ``percentile`` otherwise.
        tile_px: larger images are tiled, in training and in use.
        overlap_px: tiles share this much; None picks the largest labelled cell.
        window_px: longest side of a training window; None goes up to ``tile_px``.
        crops_per_image: None draws as many windows as fit into the median image.
    """

    longest_px: int | None = Field(default=None, ge=64, le=4096)
    normalisation: Normalisation | None = None
    tile_px: int = Field(default=640, ge=128, le=2048, multiple_of=32)
    overlap_px: int | None = Field(default=None, ge=0)
    window_px: int | None = Field(default=None, ge=64, le=2048, multiple_of=32)
    crops_per_image: int | None = Field(default=None, ge=1, le=64)


class DetectorConfig(Frozen):
    """Which detector of the table, and its own settings."""

    name: str = "cell-detector"
    settings: dict[str, Any] = Field(default_factory=dict)


class SegmentationConfig(Frozen):
    """Which network of the table cuts out masks or cells, and how it is taught.

    Attributes:
        model: row of :data:`cellwright.models.SEGMENTERS`.
        settings: the network's own, for instance ``base_width``.
        loss: row of :data:`cellwright.losses.LOSSES`; empty takes ``dice-bce`` for masks and
            ``distance-instances`` for cells.
        class_balance: row of :data:`cellwright.losses.class_balance.CLASS_BALANCES`, by which
            rare classes of masks count for more in the loss (of ``lovasz-bce`` in its
            cross-entropy); None weighs all pixels alike.
        cell_weights: row of :data:`cellwright.data.cell_weights.CELL_WEIGHTS`, by which some pixels
            of cells count for more in the loss; None weighs all pixels alike.
        optimizer: row of :data:`cellwright.learning.optimizers.OPTIMIZERS`.
        rate: how the learning rate moves, row of
            :data:`cellwright.learning.schedules.SCHEDULES`.
        neck_ratio: where cells are learned from masks, two parts are two cells if the neck
            between them is narrower than this share of the narrower part.
        smallest_radius_px: parts of a mask whose inscribed circle is smaller are no cells.
    """

    model: str = "unet"
    settings: dict[str, Any] = Field(default_factory=dict)
    loss: str = ""
    class_balance: str | None = None
    cell_weights: str | None = None
    optimizer: str = "adamw"
    rate: str = "warmup-cosine"
    neck_ratio: float = Field(default=0.75, ge=0, lt=1)
    smallest_radius_px: float = Field(default=3.0, ge=0)


class ScheduleConfig(Frozen):
    """How long and how fast to learn.

    Attributes:
        epochs: passes over the training part.
        batch_size: windows a step.
        learning_rate: peak of the rate.
        weight_decay: on weights of convolutions only.
        warmup_epochs: linear rise at the start.
        final_fraction: cosine fall down to this part of the peak.
        ema_decay: decay of the averaged weights, which are those validated and shipped.
        augmentation: preset of ``data.transforms``; of ``data.mask_transforms`` for masks and
            cells.
        gentle_epochs: last epochs, at most half of all, with the preset ``gentle`` instead;
            ``dic``, ``flips``, ``turns`` and ``none`` leave alone to the end what they leave alone.
        patience: epochs without a better validation figure after which training ends; None
            runs all. The rate falls as if all were run.
        precision: ``auto`` takes bfloat16 where the processor has it in hardware.
    """

    epochs: int = Field(default=60, ge=1)
    batch_size: int = Field(default=8, ge=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    weight_decay: float = Field(default=0.02, ge=0)
    warmup_epochs: float = Field(default=2.0, ge=0)
    final_fraction: float = Field(default=0.02, gt=0, le=1)
    ema_decay: float = Field(default=0.99, gt=0, lt=1)
    augmentation: str = "cells"
    gentle_epochs: int = Field(default=10, ge=0)
    patience: int | None = Field(default=None, ge=1)
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"


class TrainConfig(Frozen):
    """The whole run.

    Attributes:
        name: of the bundle, and of the run folder.
        description: one sentence for the card.
        task: ``detection`` finds boxes, ``semantic`` masks, ``instances`` single cells;
            ``classification`` says what a whole crop or image is.
        start_from: a zoo name or a bundle file whose weights the network begins with; None begins
            with chance. A U-Net may be wider than the one that it starts from.
        seed: of weights, order and augmentation.
        threads: CPU threads; None takes all cores.
        views: mirror images that a prediction averages over: 1, 2 or 4; see ``Decoding.views``
            for boxes and ``SemanticMasks.views`` for masks and cells.
        nms_scope: ``across_classes`` where one cell has one class, as in live / dead.
        pruning: what is taken out of a network for masks, cells or classes; see
            :mod:`cellwright.learning.compression_config`.
        quantization: such a network learns, and is shipped, in 8 bits.
    """

    name: str = Field(pattern=NAME_PATTERN)
    description: str = ""
    task: Literal["detection", "semantic", "instances", "classification"] = "detection"
    licence: str = "Apache-2.0"
    limits: tuple[str, ...] = ()
    start_from: str | None = None
    seed: int = Field(default=0, ge=0, lt=2**31)
    threads: int | None = Field(default=None, ge=1, le=1024)
    views: Literal[1, 2, 4] = 1
    nms_scope: Literal["per_class", "across_classes"] = "per_class"
    data: DataConfig
    input: InputConfig = InputConfig()
    detector: DetectorConfig = DetectorConfig()
    segmentation: SegmentationConfig = SegmentationConfig()
    classification: ClassificationConfig = ClassificationConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    pruning: Pruning | None = None
    quantization: AwareQuantization | None = None

    @model_validator(mode="after")
    def _what_can_become_smaller(self) -> TrainConfig:
        if (self.pruning or self.quantization) and self.task == "detection":
            raise ValueError(f"pruning and quantization in training are not for task: {self.task}")
        if self.quantization and self.classification.transfer:
            raise ValueError("a network learns in 8 bits as a whole: leave out transfer")
        if self.pruning and self.pruning.kind == "structured" and self.start_from is None:
            raise ValueError("pruning of kind structured needs start_from, a trained bundle")
        return self

    @model_validator(mode="after")
    def _sections_fit_the_task(self) -> TrainConfig:
        own = {"detection": "detector", "classification": "classification"}
        for name in ("detector", "segmentation", "classification"):
            idle = name != own.get(self.task, "segmentation")
            if idle and getattr(self, name) != type(getattr(self, name))():
                raise ValueError(f"the section {name} says nothing about task: {self.task}")
        return self


def load_config(path: Path, overrides: tuple[str, ...] = ()) -> TrainConfig:
    """Read a run's YAML file and apply ``key=value`` overrides.

    Relative paths in the file are taken from the file's own folder.

    Raises:
        ConfigError: unreadable, not a mapping, unknown keys, values out of range.
    """
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise ConfigError("a training config must be a YAML mapping", where=path)
    return _anchored(checked(raw, overrides, where=path), path.parent)


def checked(raw: dict[str, Any], overrides: tuple[str, ...] = (), *, where: object) -> TrainConfig:
    """The settings in ``raw``, changed by ``key=value`` overrides.

    Args:
        raw: sections as a file holds them; it is changed.
        overrides: applied in turn.
        where: what an error names.

    Raises:
        ConfigError: unknown keys, values out of range, settings that contradict each other.
    """
    for override in overrides:
        _override(raw, override)
    try:
        return TrainConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(in_words(error, TrainConfig), where=where) from error


def _override(raw: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {override!r}", remedy="write --set key=value, e.g. --set seed=1")
    *folders, last = key.split(".")
    place = raw
    for folder in folders:
        place = place.setdefault(folder, {})
        if not isinstance(place, dict):
            raise ConfigError(f"--set {override!r}: {folder!r} is a value, not a section")
    try:
        place[last] = yaml.safe_load(value)
    except (yaml.YAMLError, ValueError) as error:  # a date such as 2026-02-30 is a ValueError
        raise ConfigError(
            f"--set {override!r}: {value!r} is no YAML value",
            remedy="close every bracket and quotation mark, e.g. --set 'limits=[one, two]'",
        ) from error


def _anchored(config: TrainConfig, folder: Path) -> TrainConfig:
    def absolute(path: Path | None) -> Path | None:
        return None if path is None else (folder / path.expanduser()).resolve()

    data = config.data.model_copy(
        update={
            "path": absolute(config.data.path),
            "split_file": absolute(config.data.split_file),
        }
    )
    start = config.start_from
    if start is not None and start.endswith(SUFFIX):
        start = str(absolute(Path(start)))
    return config.model_copy(update={"data": data, "start_from": start})
