"""One row of Table 3 trained: the configuration all rows share, and what tells them apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.learning.config import (
    DataConfig,
    InputConfig,
    ScheduleConfig,
    SegmentationConfig,
    TrainConfig,
)
from cellwright.learning.training_data import Parts, load_parts
from cellwright.studies.grid import read_record
from cellwright.studies.labels import labels_config
from cellwright.studies.study import NotAttempted
from cellwright.studies.unet_compression.combinations import COMBINATIONS, row_of
from cellwright.studies.unet_compression.presets import Preset
from cellwright.studies.unet_compression.simulated import simulated_config

LEAST_GROUPS = 3
"""Frames of a movie look alike, so even a few blocks of time are better than loose images."""


@dataclass(frozen=True)
class Setting:
    """What all cells of a run share.

    Attributes:
        preset: its size.
        data: folder or public set; None simulates.
        out: folder of the run.
    """

    preset: Preset
    data: str | None
    out: Path

    def cell(self, combination: str, treatment: str, seed: int) -> str:
        """Name of the cell that measures a row from a seed."""
        tail = "" if seed == self.preset.seed else f"-seed{seed}"
        return f"{treatment}-{combination}{tail}"

    def bundle(self, combination: str, treatment: str, seed: int) -> Bundle:
        """The network of a row that was measured.

        Raises:
            NotAttempted: it was not.
        """
        name = self.cell(combination, treatment, seed)
        record = read_record(self.out, name)
        if record is None or record.finish != "done":
            raise NotAttempted(f"{row_of(combination, treatment)} was not trained")
        return open_bundle(self.out / "work" / name / f"{combination}.cellwright")

    def parts(self) -> Parts:
        """Training, validation and test part."""
        return load_parts(self.source())

    def source(self) -> DataConfig:
        """The simulated set with its split, a folder of labels, or a public set."""
        if self.data is None:
            return simulated_config(self.out / "data", self.preset.simulation)
        return labels_config(self.data, least_groups=LEAST_GROUPS)


def train_config(setting: Setting, combination: str, treatment: str, seed: int) -> TrainConfig:
    """All rows are trained by this; a treatment adds what :func:`extras` says."""
    preset, chosen = setting.preset, COMBINATIONS[combination]
    schedule = dict(preset.schedule)
    if treatment == "duringtq":
        schedule["batch_size"] = preset.aware_batch_size
    return TrainConfig(
        name=combination,
        description=f"{row_of(combination, treatment)} of the study unet-compression.",
        task="semantic",
        seed=seed,
        threads=preset.threads,
        data=setting.source(),
        input=InputConfig(longest_px=preset.longest_px, tile_px=max(256, preset.longest_px)),
        segmentation=SegmentationConfig(
            settings={"base_width": preset.base_width},
            loss=chosen.loss,
            optimizer=chosen.optimizer,
            rate=preset.rate,
        ),
        schedule=ScheduleConfig(**schedule),
        **extras(preset, treatment),
    )


def extras(preset: Preset, treatment: str) -> dict[str, Any]:
    """Sections of the configuration that only one treatment has."""
    if treatment == "duringtq":
        return {"quantization": {"kind": "aware"}}
    if treatment == "pruned":
        cut = preset.pruning
        return {
            "pruning": {
                "kind": "magnitude",
                "initial": cut.initial,
                "final": cut.final,
                "every_steps": cut.every_steps,
            }
        }
    return {}
