"""Simulated cells of seven phases in place of the paper's pictures: for the quick preset and tests.

What a phase looks like is kept to its simplest: the stain doubles from G1 to G2, grows dense in
prophase and metaphase, and parts in two in anaphase and telophase. It replaces no cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.data.datasets.jurkat_cell_cycle import CHANNELS, CLASSES
from cellwright.data.formats.npz import FILE
from cellwright.images.write import atomic_path

EDGE_PX = 40
AMOUNT = (1.0, 1.5, 2.0, 2.0, 2.0, 2.0, 2.0)
"""DNA by phase."""
SPREAD_PX = (6.0, 6.5, 7.0, 5.0, 3.5, 2.5, 2.5)
PARTED_PX = (0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 9.0)
"""How far a nucleus reaches, and how far its halves lie apart."""


def write_simulated(folder: Path, counts: Sequence[int], *, seed: int = 4) -> Path:
    """The archive ``cells.npz`` in the layout of the public set; written at the first call only."""
    path = folder / FILE
    if not path.exists():
        rng = np.random.default_rng(seed)
        labels = np.repeat(np.arange(len(CLASSES)), counts)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                images=np.stack([draw(phase, rng) for phase in labels.tolist()]),
                labels=labels.astype(np.uint8),
                class_names=np.array(CLASSES),
                channel_names=np.array(list(CHANNELS.values())),
            )
    return folder


def draw(phase: int, rng: np.random.Generator) -> NDArray[np.uint16]:
    """uint16 ``(3, 40, 40)``: brightfield, DNA stain, darkfield of one cell."""
    rows, columns = np.mgrid[:EDGE_PX, :EDGE_PX] - (EDGE_PX - 1) / 2 + rng.uniform(-1, 1, (2, 1, 1))
    angle = rng.uniform(0, np.pi)
    along = np.cos(angle) * rows + np.sin(angle) * columns
    radius = 11 + 0.6 * phase + rng.normal(0, 0.8)
    away = np.hypot(rows, columns)
    inside = away < radius
    rim = np.exp(-(((away - radius) / 1.5) ** 2))
    half = PARTED_PX[phase] / 2
    spread = SPREAD_PX[phase] * rng.uniform(0.9, 1.1)
    squared = [away**2 - along**2 + (along - side) ** 2 for side in (-half, half)]
    dense = sum(np.exp(-one / (2 * spread**2)) for one in squared)
    stain = 9e4 * AMOUNT[phase] * rng.uniform(0.85, 1.15) * dense / np.sum(dense)
    planes = [600 - 150 * rim + 40 * inside, 60 + stain, 80 + (30 + 8 * phase) * inside]
    noise = rng.normal(0, 1, (3, EDGE_PX, EDGE_PX)) * np.array([25, 20, 15])[:, None, None]
    cell: NDArray[np.uint16] = np.clip(np.stack(planes) + noise, 0, 65535).astype(np.uint16)
    return cell
