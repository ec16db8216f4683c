"""Simulated tissue in section: cells, membranes, mitochondria and a few synapses; truth known.

It shows that everything runs and that a network learns it; it says nothing about real tissue.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cellwright.data.datasets.drosophila_vnc_sstem import CLASSES
from cellwright.data.formats.class_names import write_class_names
from cellwright.data.formats.layout import new_folder
from cellwright.images.write import write_png

GREY = np.array([190.0, 60.0, 110.0, 20.0])
"""Of other, membrane, mitochondria, synapse."""

NOISE = 12.0


def tissue(edge_px: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pixels and class ids, each ``(edge, edge)`` uint8.

    Membranes run where two cell centres are equally near; a synapse is a darker, thicker stretch
    of one; mitochondria are discs inside cells.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:edge_px, :edge_px]
    places = np.stack([rows.ravel(), columns.ravel()], axis=1)
    centres = rng.uniform(0, edge_px, (max(4, edge_px**2 // 600), 2))
    nearest, _ = cKDTree(centres).query(places, k=2)
    gap = (nearest[:, 1] - nearest[:, 0]).reshape(edge_px, edge_px)
    classes = np.zeros((edge_px, edge_px), np.uint8)
    for y, x in centres[::2]:
        classes[np.hypot(rows - y, columns - x) < rng.uniform(3, 6)] = 2
    classes[gap < 3] = 1
    for y, x in rng.uniform(0, edge_px, (4, 2)):
        classes[(np.hypot(rows - y, columns - x) < 9) & (gap < 5)] = 3
    pixels = GREY[classes] + rng.normal(0, NOISE, classes.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8), classes


def write_tissue(folder: Path, *, n_images: int, edge_px: int) -> Path:
    """A set in the ``masks`` layout, made once."""
    if folder.exists():
        return folder
    with new_folder(folder) as made:
        write_class_names(made, CLASSES)
        (made / "images").mkdir()
        (made / "masks").mkdir()
        for index in range(n_images):
            pixels, classes = tissue(edge_px, seed=index)
            write_png(made / "images" / f"{index:02d}.png", pixels[None])
            write_png(made / "masks" / f"{index:02d}.png", classes[None])
    return folder
