"""How large a run of the learning curve is.

The paper trains every share of the images for 150 epochs, so that fewer images also mean
fewer steps. On a processor that would need either thousands of epochs or leave the small
shares untrained; there, ``windows_per_epoch`` gives every share the same number of training
windows an epoch instead (augmented anew each time), and with it the same number of steps,
and training starts from a shipped model, as a user with few images would: from random
weights these few steps show what steps are worth, not images (measured: 10 and 500 images
0.27 and 0.30 AP50:95 after 4 such epochs, 0.34 from the start with 500).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cellwright.studies.viability_yolo.presets import (
    OWN,
    PAPER_SCHEDULE,
    PAPER_SIMULATION,
    Simulation,
)
from cellwright.studies.viability_yolo.presets import PRESETS as VIABILITY

FRACTIONS = (0.02, 0.05, 0.10, 0.25, 0.50, 1.00)
"""Table 4."""

PAPER_DETECTORS = ("yolov8n", "yolov9t", "yolov10n", "yolo11n", "yolo12n", OWN)


@dataclass(frozen=True)
class Preset:
    """Everything that sets the size of a run.

    Attributes:
        summary: one sentence for listings.
        schedule: fields of ``ScheduleConfig``.
        simulation: the images, where no others are given.
        tile_px: larger images are cut into windows of this edge.
        longest_px: longer side of an image in network pixels; None draws images so that the
            median cell is ``cell_px`` across, and never larger than they are.
        cell_px: see ``longest_px``.
        windows_per_epoch: the same for every share; None takes every image once an epoch.
        start_from: shipped model whose weights our own detector begins with; None begins with
            random weights.
        detectors: what is trained.
        own_settings: of our own detector.
        fractions: shares of the training images, rising.
        seeds: of the order of images, weights and augmentation.
        threads: processor threads.
    """

    summary: str
    schedule: dict[str, Any]
    simulation: Simulation
    tile_px: int
    longest_px: int | None = None
    cell_px: float = 19.0
    windows_per_epoch: int | None = None
    start_from: str | None = None
    detectors: tuple[str, ...] = (OWN,)
    own_settings: dict[str, Any] = field(default_factory=dict)
    fractions: tuple[float, ...] = FRACTIONS
    seeds: tuple[int, ...] = (0, 1, 2)
    threads: int | None = None


PRESETS: dict[str, Preset] = {
    "cpu": Preset(
        summary=(
            "our own detector from the weights of blood-cells, every share with the same number "
            "of steps, 3 seeds; an hour on one core for 500 small images"
        ),
        schedule={
            "epochs": 10,
            "batch_size": 16,
            "warmup_epochs": 0.5,
            "gentle_epochs": 3,
            "ema_decay": 0.98,
        },
        simulation=VIABILITY["cpu"].simulation,
        tile_px=192,
        windows_per_epoch=320,
        start_from="blood-cells",
        threads=1,
    ),
    "gpu": Preset(
        summary="the paper's networks and ours with 60 epochs; needs a GPU",
        schedule=PAPER_SCHEDULE | {"epochs": 60},
        simulation=PAPER_SIMULATION,
        tile_px=1280,
        longest_px=1280,
        detectors=PAPER_DETECTORS,
        own_settings=VIABILITY["paper"].own_settings,
    ),
    "paper": Preset(
        summary="the paper's networks and ours with 150 epochs; needs a GPU and days",
        schedule=PAPER_SCHEDULE,
        simulation=PAPER_SIMULATION,
        tile_px=1280,
        longest_px=1280,
        detectors=PAPER_DETECTORS,
        own_settings=VIABILITY["paper"].own_settings,
    ),
    "quick": Preset(
        summary="two shares, two seeds, one epoch, seconds: shows that everything runs, no more",
        schedule={"epochs": 1, "batch_size": 4, "warmup_epochs": 0.0, "gentle_epochs": 0},
        simulation=VIABILITY["quick"].simulation,
        tile_px=128,
        windows_per_epoch=8,
        own_settings={"width": 16},
        fractions=(0.5, 1.0),
        seeds=(0, 1),
        threads=1,
    ),
}
