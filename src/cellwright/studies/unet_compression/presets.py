"""How large a run of the study is. The published settings stand in ``paper`` alone.

``paper``: five levels from 64 maps, 256 px, 100 epochs, batch 8 (6 in quantization-aware
training), a rate of 1e-4 until epoch 40 and then down to 1e-7, pruning from 50 to 90 % of the
weights every 100 steps. No augmentation is named in the paper, so none is used there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cellwright.studies.unet_compression.combinations import COMBINATIONS

REPEATED = (
    ("bce-adam", "base"),
    ("jaccard-bce-rmsprop", "base"),
    ("jaccard-bce-rmsprop", "duringtq"),
    ("jaccard-bce-rmsprop", "pruned"),
)
"""Rows trained from several seeds: where the paper starts and what it recommends. Chosen before
anything was measured here."""


@dataclass(frozen=True)
class Simulation:
    """Simulated cultures in place of the paper's pictures; a culture stays in one part.

    Attributes:
        cultures: number of train, val and test cultures.
        images: a culture.
        edge_px: of an image.
        n_cells: about so many an image.
        radius_px: smallest and largest mean radius of a cell.
        seed: the same seed gives the same images.
    """

    cultures: tuple[int, int, int]
    images: int
    edge_px: int = 256
    n_cells: int = 14
    radius_px: tuple[float, float] = (13.0, 28.0)
    seed: int = 2024


@dataclass(frozen=True)
class Pruning:
    """Magnitude pruning: share of zeros at the start and the end, steps between two cuts."""

    initial: float = 0.5
    final: float = 0.9
    every_steps: int = 100


@dataclass(frozen=True)
class Preset:
    """Everything that sets the size of a run.

    Attributes:
        summary: one sentence for listings.
        longest_px: longer side of an image in network pixels.
        base_width: maps of the first level.
        schedule: fields of ``ScheduleConfig``.
        rate: row of ``SCHEDULES``.
        aware_batch_size: of quantization-aware training.
        timed_batch_sizes: of Table 1.
        timed_epochs: epochs whose median is Table 1's time.
        pruning: how weights are taken away.
        simulation: the images, where no others are given.
        combinations: pairs of loss and optimizer.
        more_seeds: of the rows of :data:`REPEATED`, beside ``seed``.
        threads: processor threads, in training and when time is taken.
        seed: of weights, order and augmentation.
    """

    summary: str
    longest_px: int
    base_width: int
    schedule: dict[str, Any]
    simulation: Simulation
    rate: str = "paper2"
    aware_batch_size: int = 6
    timed_batch_sizes: tuple[int, ...] = (2, 6)
    timed_epochs: int = 3
    pruning: Pruning = Pruning()
    combinations: tuple[str, ...] = tuple(COMBINATIONS)
    more_seeds: tuple[int, ...] = (1, 2)
    threads: int | None = None
    seed: int = 0


PAPER_SCHEDULE: dict[str, Any] = {
    "epochs": 100,
    "batch_size": 8,
    "learning_rate": 1e-4,
    "weight_decay": 0.0,
    "warmup_epochs": 0.0,
    "augmentation": "none",
    "gentle_epochs": 0,
}
PAPER_SIMULATION = Simulation(cultures=(109, 36, 36), images=6)

PRESETS: dict[str, Preset] = {
    "cpu": Preset(
        summary=(
            "small on purpose: an eighth of the maps, half the edge, 30 epochs at ten times the "
            "rate, augmentation; about half an hour on one core"
        ),
        longest_px=128,
        base_width=8,
        schedule=PAPER_SCHEDULE
        | {
            "epochs": 30,
            "batch_size": 4,
            "learning_rate": 1e-3,
            "augmentation": "dic",
            "ema_decay": 0.95,
        },
        aware_batch_size=4,
        pruning=Pruning(every_steps=20),
        simulation=Simulation(cultures=(12, 3, 3), images=4),
        threads=1,
    ),
    "gpu": Preset(
        summary="the paper's settings with 40 instead of 100 epochs; needs a GPU",
        longest_px=256,
        base_width=64,
        schedule=PAPER_SCHEDULE | {"epochs": 40},
        simulation=PAPER_SIMULATION,
    ),
    "paper": Preset(
        summary="the paper's settings, 100 epochs; needs a GPU and a day",
        longest_px=256,
        base_width=64,
        schedule=PAPER_SCHEDULE,
        simulation=PAPER_SIMULATION,
    ),
    "quick": Preset(
        summary="one pair of loss and optimizer, two epochs: shows that everything runs, no more",
        longest_px=64,
        base_width=4,
        schedule=PAPER_SCHEDULE | {"epochs": 2, "batch_size": 2, "learning_rate": 1e-2},
        aware_batch_size=2,
        timed_batch_sizes=(2,),
        timed_epochs=1,
        pruning=Pruning(every_steps=1),
        simulation=Simulation(
            cultures=(2, 1, 1), images=2, edge_px=64, n_cells=3, radius_px=(6, 9)
        ),
        combinations=("jaccard-bce-rmsprop",),
        more_seeds=(1,),
        threads=1,
    ),
}
