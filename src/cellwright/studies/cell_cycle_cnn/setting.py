"""What all cells of a run share: preset, data, folds; and how each row is trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellwright.learning.class_config import ClassificationConfig
from cellwright.learning.config import DataConfig, ScheduleConfig, TrainConfig
from cellwright.learning.cross_validation import FoldPlan
from cellwright.learning.generation_config import Generation
from cellwright.studies.cell_cycle_cnn.methods import CHANNELS, Variant
from cellwright.studies.cell_cycle_cnn.presets import PRESETS, Preset
from cellwright.studies.cell_cycle_cnn.simulated import write_simulated
from cellwright.studies.study import Request

PUBLIC_SET = "jurkat_cell_cycle"
PAPER_CELLS = 32266

MIXED = {"gp": 0.0, "div": 0.5}
"""Share of generated crops that are mixed, by method (paper 4, section 2.4)."""


@dataclass(frozen=True)
class Setting:
    """A request with its preset.

    Attributes:
        preset: its size.
        data: folder or public set; None takes the preset's own.
        out: folder of the run.
    """

    preset: Preset
    data: str | None
    out: Path

    @property
    def source(self) -> DataConfig:
        """The cells; every cell is a group of its own unless the labels say otherwise."""
        if self.data is not None:
            is_folder = Path(self.data).exists()
            where = {"path": Path(self.data).resolve()} if is_folder else {"dataset": self.data}
            return DataConfig(**where)
        if self.preset.simulated:
            folder = write_simulated((self.out / "data").resolve(), self.preset.simulated)
            return DataConfig(path=folder, format="npz")
        return DataConfig(dataset=PUBLIC_SET)

    def folds(self, variant: Variant) -> FoldPlan:
        """The same folds for every row, all of them or those that the preset has time for."""
        only = self.preset.augmented_folds if variant.augmented else ()
        return FoldPlan(self.preset.n_folds, self.preset.seed, "group", only)

    def work(self, variant: Variant) -> Path:
        """Where a row's cell works."""
        return self.out / "work" / variant.name


def setting_of(request: Request) -> Setting:
    """The setting of a request whose preset is known to exist."""
    return Setting(PRESETS[request.preset], request.data, request.out)


def train_config(setting: Setting, variant: Variant, source: DataConfig) -> TrainConfig:
    """How a network of the grid is trained on ``source``."""
    preset = setting.preset
    schedule = {"cnn": preset.cnn, "resnet": preset.resnet, "ours": preset.ours}[variant.method]
    return TrainConfig(
        name=variant.method,
        description=f"{variant.row}; study cell-cycle-cnn.",
        task="classification",
        seed=preset.seed,
        threads=preset.threads,
        data=source.model_copy(update={"split_seed": preset.seed}),
        classification=ClassificationConfig(
            channels=CHANNELS[variant.channels], **_network(preset, variant)
        ),
        schedule=ScheduleConfig(**schedule),
    )


def generation_of(setting: Setting, variant: Variant) -> Generation:
    """How the rare phases of a row are filled."""
    return Generation.model_validate(
        {
            "method": f"wgan-{variant.augmented}",
            "mixup_share": MIXED[variant.augmented],
            "edge_px": setting.preset.gan_px,
            "settings": setting.preset.gan,
        }
    )


def _network(preset: Preset, variant: Variant) -> dict[str, Any]:
    if variant.method == "ours":
        return {
            "model": "resnet",
            "settings": {"width": preset.width},
            "sampling": "square-root",
            "label_smoothing": 0.05,
            "views": 8,
            "choose_by": "mean_f1",
        }
    plain: dict[str, Any] = {"optimizer": "adam", "rate": "constant", "choose_by": "accuracy"}
    if variant.augmented == "gp" and variant.protocol == "leak-free":
        plain["sampling"] = "undersampled"
    if variant.method == "cnn":
        return plain | {"model": "phase-cnn"}
    return plain | {"model": "timm-resnet", "settings": {"architecture": preset.architecture}}
