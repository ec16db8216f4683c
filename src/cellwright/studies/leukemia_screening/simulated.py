"""Drawn fields in place of smears, for a run that only shows that everything works.

Red cells as pale discs, one white cell with a nucleus that grows from class to class; each class
in a background of its own tint, as the public set has it.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from cellwright.data.formats.layout import new_folder
from cellwright.data.formats.sidecar import SidecarRow, write_sidecar
from cellwright.images.write import write_png
from cellwright.types import Image

CLASSES = ("benign", "early", "pre", "pro")
EDGE_PX = 48
FIELDS_A_GROUP = 2


def draw_field(class_id: int, rng: np.random.Generator) -> Image:
    """uint8 ``(3, 48, 48)``."""
    tint = np.array([235, 205 + 8 * class_id, 225], float)
    field = np.clip(np.ones((EDGE_PX, EDGE_PX, 3)) * tint, 0, 255)
    for _ in range(4):
        centre = rng.integers(4, EDGE_PX - 4, 2).tolist()
        cv2.circle(field, centre, 5, (225, 150, 165), -1)
    middle = rng.integers(EDGE_PX // 3, 2 * EDGE_PX // 3, 2).tolist()
    cv2.circle(field, middle, 11, (190, 160, 220), -1)
    cv2.circle(field, middle, 3 + 2 * class_id, (95, 45, 135), -1)
    noisy = field + rng.normal(0, 4, field.shape)
    picture: Image = np.clip(noisy, 0, 255).astype(np.uint8).transpose(2, 0, 1)
    return picture


def drawn_set(folder: Path, *, fields: int, seed: int) -> Path:
    """A folder a class of ``fields`` pictures each, two a group; written at the first call only."""
    if folder.is_dir():
        return folder
    rng = np.random.default_rng(seed)
    with new_folder(folder) as fresh:
        rows = {}
        for class_id, name in enumerate(CLASSES):
            (fresh / name).mkdir()
            for number in range(fields):
                place = f"{name}/{name}-{number:03d}.png"
                write_png(fresh / place, draw_field(class_id, rng))
                group = f"{name}-{number // FIELDS_A_GROUP}"
                rows[place] = SidecarRow(f"{name}-{number:03d}", group, None, None)
        write_sidecar(fresh, rows)
    return folder
