"""Tiny classification sets: discs whose size and brightness tell three phases apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cellwright.images.write import write_tiff

CLASSES = ("small", "large", "bright")
CHANNELS = ("shape", "stain")


def draw_cell(class_id: int, rng: np.random.Generator, *, edge: int = 24) -> np.ndarray:
    """uint16 ``(2, edge, edge)``: a disc in the middle, and its stain."""
    rows, columns = np.mgrid[:edge, :edge] - (edge - 1) / 2
    radius = (4.0, 8.0, 4.0)[class_id] + rng.uniform(-1, 1)
    inside = np.hypot(rows + rng.uniform(-1, 1), columns + rng.uniform(-1, 1)) < radius
    stain = (300, 300, 900)[class_id] * rng.uniform(0.8, 1.2)
    planes = np.stack([500 + 200 * inside, 40 + stain * inside])
    return np.clip(planes + rng.normal(0, 20, planes.shape), 0, 60000).astype(np.uint16)


def write_classes(folder: Path, counts: tuple[int, ...] = (60, 60, 24), *, seed: int = 0) -> Path:
    """A set in the layout of a folder a class."""
    rng = np.random.default_rng(seed)
    for class_id, count in enumerate(counts):
        (folder / CLASSES[class_id]).mkdir(parents=True)
        for index in range(count):
            name = f"{CLASSES[class_id]}{index:03d}.tif"
            crop = draw_cell(class_id, rng)
            write_tiff(folder / CLASSES[class_id] / name, crop, channel_names=CHANNELS)
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    return folder


def write_montage(path: Path, class_ids: list[int], *, across: int = 4, seed: int = 1) -> Path:
    """A montage of cells along rows; what is left of the last row stays empty."""
    rng = np.random.default_rng(seed)
    down = -(-len(class_ids) // across)
    pixels = np.zeros((2, down * 24, across * 24), np.uint16)
    for index, class_id in enumerate(class_ids):
        y, x = 24 * (index // across), 24 * (index % across)
        pixels[:, y : y + 24, x : x + 24] = draw_cell(class_id, rng)
    write_tiff(path, pixels, channel_names=CHANNELS)
    return path
