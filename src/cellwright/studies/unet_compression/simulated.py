"""Simulated unstained cultures in place of the paper's pictures.

Every culture draws its own contrast, clumping, illumination and noise, so that the test part
shows conditions that were never trained on.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cellwright.data.formats import read_labelled
from cellwright.data.splits import PARTS, write_split
from cellwright.images.simulate.camera import Camera
from cellwright.images.simulate.storage import write_fields
from cellwright.images.simulate.unstained import UnstainedField, UnstainedScene, simulate_culture
from cellwright.learning.config import DataConfig
from cellwright.studies.unet_compression.presets import Simulation

SPLIT = "split.csv"


def simulated_config(folder: Path, simulation: Simulation) -> DataConfig:
    """The simulated set as a training run reads it; written at the first call only."""
    folder = folder.resolve()
    if not (folder / SPLIT).exists():
        shutil.rmtree(folder, ignore_errors=True)
        parts = [part for part, n in zip(PARTS, simulation.cultures, strict=True) for _ in range(n)]
        write_fields(folder, _fields(simulation))
        labelled = read_labelled(folder, format="instances")
        part_of = {one.id: parts[int(one.group.removeprefix("culture"))] for one in labelled}
        # Last, so that a set that lacks it is known to be unfinished.
        write_split(folder / SPLIT, labelled, part_of)
    return DataConfig(
        path=folder, format="instances", licence="Apache-2.0", split_file=folder / SPLIT
    )


def _fields(simulation: Simulation) -> Iterator[UnstainedField]:
    rng = np.random.default_rng(simulation.seed)
    for number in range(sum(simulation.cultures)):
        scene = _conditions(rng, simulation)
        seed = simulation.seed + number
        name = f"culture{number:03d}"
        yield from simulate_culture(simulation.images, scene, name=name, seed=seed)


def _conditions(rng: np.random.Generator, simulation: Simulation) -> UnstainedScene:
    return UnstainedScene(
        height=simulation.edge_px,
        width=simulation.edge_px,
        n_cells=round(simulation.n_cells * rng.uniform(0.5, 1.3)),
        radius_px=simulation.radius_px,
        clump_fraction=rng.uniform(0.2, 0.8),
        strength=rng.uniform(0.15, 0.45),
        unevenness=rng.uniform(0.0, 0.5),
        camera=Camera(
            psf_sigma_px=rng.uniform(0.7, 1.6), photons=rng.uniform(300, 1200), bit_depth=8
        ),
    )
