"""How large a run of the study is. The published settings stand in ``paper`` alone.

``paper``: 1280 px, batch 4, AdamW at 1.667e-3 with beta1 0.9, 150 epochs, best weights by
validation, augmentation of Table 2, 252 / 72 / 36 training, validation and test images.
What the paper leaves open is the engine's default: three epochs of warm-up, weight decay
5e-4, mosaic off in the last ten epochs, a rate that falls to a hundredth. Networks start
from random weights here; the paper's had seen COCO.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cellwright.detectors import DETECTORS

OWN = "cell-detector"

PAPER_SCHEDULE: dict[str, Any] = {
    "epochs": 150,
    "batch_size": 4,
    "learning_rate": 1.667e-3,
    "weight_decay": 5e-4,
    "warmup_epochs": 3.0,
    "final_fraction": 0.01,
    "augmentation": "paper1",
    "gentle_epochs": 10,
}


@dataclass(frozen=True)
class Simulation:
    """A simulated set in place of the paper's: whole series go to one part.

    Attributes:
        series: number of train, val and test series.
        pairs: pairs a series, two images each.
        height: of an image, pixels.
        width: of an image, pixels.
        seed: the same seed gives the same images.
    """

    series: tuple[int, int, int]
    pairs: int
    height: int
    width: int
    seed: int = 2025


@dataclass(frozen=True)
class DenseField:
    """A field with more cells than any cap of a head would let through.

    Attributes:
        n_cells: in the field, exactly.
        height: pixels.
        width: pixels.
    """

    n_cells: int = 2500
    height: int = 1920
    width: int = 2560


@dataclass(frozen=True)
class Preset:
    """Everything that sets the size of a run.

    Attributes:
        summary: one sentence for listings.
        longest_px: longer side of an image in network pixels.
        tile_px: larger images are cut into windows of this edge.
        simulation: the images, where no others are given.
        schedule: fields of ``ScheduleConfig``.
        detectors: rows of the tables.
        own_settings: of our own detector.
        dense: the dense field.
        speed_px: edge of the input whose time is taken.
        speed_runs: passes the median is taken over.
        int8_ranges: how ranges of activations are chosen; ``auto`` tries every way.
        threads: processor threads, in training and when time is taken.
        seed: of weights, order and augmentation.
    """

    summary: str
    longest_px: int
    tile_px: int
    simulation: Simulation
    schedule: dict[str, Any]
    detectors: tuple[str, ...] = tuple(DETECTORS)
    own_settings: dict[str, Any] = field(default_factory=lambda: {"finest_stride": 4, "width": 32})
    dense: DenseField = DenseField()
    speed_px: int = 1280
    speed_runs: int = 15
    int8_ranges: str = "auto"
    threads: int | None = None
    seed: int = 0


PAPER_SIMULATION = Simulation(series=(21, 6, 3), pairs=6, height=1920, width=2560)

PRESETS: dict[str, Preset] = {
    "cpu": Preset(
        summary=(
            "small on purpose: simulated windows of 320 network pixels, 16 epochs from random "
            "weights; 3 to 4 minutes a network on one core"
        ),
        longest_px=320,
        tile_px=320,
        simulation=Simulation(series=(48, 10, 20), pairs=1, height=416, width=416),
        schedule=PAPER_SCHEDULE
        | {"epochs": 16, "warmup_epochs": 1.0, "gentle_epochs": 3, "ema_decay": 0.98},
        threads=1,
    ),
    "gpu": Preset(
        summary="the paper's settings with 60 instead of 150 epochs; needs a GPU",
        longest_px=1280,
        tile_px=1280,
        simulation=PAPER_SIMULATION,
        schedule=PAPER_SCHEDULE | {"epochs": 60},
    ),
    "paper": Preset(
        summary="the paper's settings, 150 epochs at 1280 px; needs a GPU and hours",
        longest_px=1280,
        tile_px=1280,
        simulation=PAPER_SIMULATION,
        schedule=PAPER_SCHEDULE,
    ),
    "quick": Preset(
        summary="two tiny networks, one epoch, seconds: shows that everything runs, no more",
        longest_px=128,
        tile_px=128,
        simulation=Simulation(series=(3, 1, 2), pairs=1, height=128, width=128),
        schedule=PAPER_SCHEDULE | {"epochs": 1, "warmup_epochs": 0.0, "gentle_epochs": 0},
        detectors=(OWN, "yolo11n"),
        own_settings={"finest_stride": 8, "width": 16},
        dense=DenseField(n_cells=20, height=192, width=256),
        speed_px=128,
        speed_runs=2,
        # Histograms of a network that has learned nothing have no bins to choose from.
        int8_ranges="minmax",
        threads=1,
    ),
}
