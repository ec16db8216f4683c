"""Simulated live/dead experiments in place of the paper's pictures.

Every series draws its own density, viability, background, focus, noise and nuclear size,
so that the test part shows conditions that were never trained on. Blue and red pictures
are grey and look alike, so both hold one class, ``nucleus``, and are judged apart.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cellwright.data.formats import read_labelled
from cellwright.data.splits import PARTS, write_split
from cellwright.images.simulate.camera import Camera
from cellwright.images.simulate.live_dead import LiveDeadPair, LiveDeadScene, simulate_series
from cellwright.images.simulate.storage import write_series
from cellwright.learning.config import DataConfig
from cellwright.studies.viability_yolo.presets import Simulation

COLOURS = ("blue", "red")
SPARSE, DENSE = 15e-6, 550e-6
"""Nuclei a square pixel."""
COVERED = 0.38
"""Share of the frame that nuclei cover at most; denser fields leave no room to place the last."""
SPLIT = "split.csv"


def experiment(rng: np.random.Generator, simulation: Simulation) -> LiveDeadScene:
    """Conditions of one series, over the range that the paper shows."""
    smallest = rng.uniform(9, 13)
    largest = smallest * rng.uniform(1.4, 2.1)
    area = simulation.height * simulation.width
    fitting = COVERED * area / (np.pi * ((smallest + largest) / 2) ** 2)
    most = min(DENSE * area, fitting)
    return LiveDeadScene(
        height=simulation.height,
        width=simulation.width,
        n_cells=round(float(np.exp(rng.uniform(np.log(SPARSE * area + 2), np.log(most))))),
        viability=rng.uniform(0.05, 0.95),
        radius_px=(smallest, largest),
        clump_fraction=rng.uniform(0.1, 0.6),
        weak_fraction=rng.uniform(0.05, 0.2),
        background=rng.uniform(0.02, 0.3),
        unevenness=rng.uniform(0.1, 0.9),
        registration_px=(rng.normal(0, 1.5), rng.normal(0, 1.5)),
        camera=Camera(
            psf_sigma_px=rng.uniform(1.0, 2.4),
            photons=float(np.exp(rng.uniform(np.log(100), np.log(1500)))),
            read_noise=rng.uniform(2, 8),
            bit_depth=int(rng.choice([8, 12, 16])),
        ),
    )


def simulated_set(folder: Path, simulation: Simulation) -> Path:
    """The set in ``folder`` with its ``split.csv``, written at the first call only."""
    if (folder / SPLIT).exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    parts = [part for part, n in zip(PARTS, simulation.series, strict=True) for _ in range(n)]
    write_series(folder, _pairs(simulation), classes=("nucleus", "nucleus"))
    labelled = read_labelled(folder, format="csv")
    part_of = {record.id: parts[int(record.group.removeprefix("series"))] for record in labelled}
    # Last, so that a set that lacks it is known to be unfinished.
    write_split(folder / SPLIT, labelled, part_of)
    return folder


def simulated_config(folder: Path, simulation: Simulation) -> DataConfig:
    """:func:`simulated_set` as a training run reads it."""
    path = simulated_set(folder, simulation).resolve()
    return DataConfig(path=path, format="csv", licence="Apache-2.0", split_file=path / SPLIT)


def colour_of(record_id: str) -> str:
    """``blue`` or ``red``, by the end of a simulated image's name."""
    return record_id.rpartition("_")[2]


def _pairs(simulation: Simulation) -> Iterator[LiveDeadPair]:
    rng = np.random.default_rng(simulation.seed)
    for number in range(sum(simulation.series)):
        scene = experiment(rng, simulation)
        seed = simulation.seed + number
        yield from simulate_series(simulation.pairs, scene, name=f"series{number:03d}", seed=seed)
