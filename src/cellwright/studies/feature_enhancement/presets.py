"""How large a run of the study is. The published settings stand in ``paper`` alone.

``paper``: 512 maps at the bottom, softmax cross-entropy, squares of 256 pixels, 2,000 epochs,
best weights by validation mIoU, 50 trials for B and X and 15 for lambda. What the paper leaves
open (optimizer, rate, augmentation, which sections are tested) is ours and the same for all
rows. In the smaller sizes B is scaled to the number of maps; X stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PAPER_MAPS = 512
PAPER_CHOSEN, PAPER_BOOST = 8, 250.0
"""B and X for Drosophila, section 4.3."""

ROWS = ("baseline", "shallow", "supervised", "dropout", "enhanced", "fixed")
BEYOND = ("weighted", "weighted-enhanced", "heavy", "residual", "convnext")


@dataclass(frozen=True)
class Preset:
    """Everything that sets the size of a run.

    Attributes:
        summary: one sentence for listings.
        base_width: maps of the first level.
        levels: resolutions; the bottom has ``base_width * 2 ** (levels - 1)`` maps.
        schedule: fields of ``ScheduleConfig``.
        crops_per_image: windows drawn from a section in an epoch.
        crop_px: cut sections into squares of this edge instead; each is seen once an epoch.
        window_px: edge of a window.
        longest_px: the longer side of a section in network pixels; None leaves it as it is, and
            so are a user's own images always.
        compared: variants trained with every seed.
        once: variants trained with the first seed only.
        long_epochs: epochs that the variant ``long`` trains on.
        seeds: of weights, order and augmentation.
        trials: trainings that search for B and X.
        lambda_trials: trainings that search for lambda.
        search_epochs: length of each of them.
        simulated: image pairs to make where no others are given; 0 takes the paper's set.
        threads: processor threads; None takes all.
    """

    summary: str
    base_width: int
    levels: int
    schedule: dict[str, Any]
    crops_per_image: int | None = None
    crop_px: int | None = None
    window_px: int = 256
    longest_px: int | None = None
    compared: tuple[str, ...] = (*ROWS, *BEYOND)
    once: tuple[str, ...] = ("long",)
    long_epochs: int = 0
    seeds: tuple[int, ...] = (0, 1, 2)
    trials: int = 50
    lambda_trials: int = 15
    search_epochs: int = 100
    simulated: int = 0
    threads: int | None = None

    @property
    def n_maps(self) -> int:
        """Maps at the bottom."""
        return int(self.base_width * 2 ** (self.levels - 1))

    @property
    def n_chosen(self) -> int:
        """B, the paper's share of the maps."""
        return max(1, round(PAPER_CHOSEN * self.n_maps / PAPER_MAPS))


PRESETS: dict[str, Preset] = {
    "cpu": Preset(
        summary=(
            "128 maps at the bottom, sections at half size, 40 epochs, 3 seeds for baseline and "
            "module, one for the variants, searches of 12 and 4 trials; two hours on one core"
        ),
        base_width=8,
        levels=5,
        schedule={"epochs": 40, "batch_size": 4, "warmup_epochs": 1.0, "gentle_epochs": 0,
                  "ema_decay": 0.98, "augmentation": "gentle", "learning_rate": 4e-3},
        crops_per_image=8,
        window_px=192,
        longest_px=512,
        compared=("baseline", "enhanced"),
        once=("long", "residual", "convnext", "weighted", "heavy", "shallow", "supervised",
              "dropout"),
        long_epochs=120,
        trials=12,
        lambda_trials=4,
        search_epochs=24,
        threads=1,
    ),
    "gpu": Preset(
        summary="the paper's network, 300 epochs, every row with 3 seeds; needs a GPU and hours",
        base_width=32,
        levels=5,
        schedule={"epochs": 300, "batch_size": 16, "warmup_epochs": 5.0, "gentle_epochs": 20,
                  "ema_decay": 0.999, "augmentation": "gentle"},
        crops_per_image=16,
        long_epochs=600,
        search_epochs=60,
    ),
    "paper": Preset(
        summary="2,000 epochs on squares of 256 pixels, 50 and 15 trials; needs a GPU and days",
        base_width=32,
        levels=5,
        schedule={"epochs": 2000, "batch_size": 16, "warmup_epochs": 5.0, "gentle_epochs": 0,
                  "ema_decay": 0.999, "augmentation": "gentle"},
        crops_per_image=1,
        crop_px=256,
        long_epochs=2000,
        search_epochs=2000,
    ),
    "quick": Preset(
        summary="simulated tissue, one epoch, seconds: shows that everything runs, no more",
        base_width=4,
        levels=3,
        schedule={"epochs": 1, "batch_size": 4, "warmup_epochs": 0.0, "gentle_epochs": 0,
                  "ema_decay": 0.5, "augmentation": "flips"},
        crops_per_image=1,
        window_px=96,
        compared=("baseline", "enhanced"),
        once=("supervised", "convnext", "long"),
        long_epochs=1,
        seeds=(0, 1),
        trials=2,
        lambda_trials=1,
        search_epochs=1,
        simulated=8,
        threads=1,
    ),
}  # fmt: skip
