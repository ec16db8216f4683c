"""Tiny labelled pictures for training tests: bright discs of two sizes on a dark field."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from cellwright.data.formats import FORMATS
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.images.write import write_png
from cellwright.types import Boxes

CLASSES = ("large", "small")
RADII_PX = {0: 14, 1: 8}


def draw_cells(
    n_cells: int, *, edge: int, seed: int, radii: dict[int, int] | None = None
) -> tuple[np.ndarray, Boxes]:
    """uint8 (1, edge, edge) and the discs' boxes; centres keep off each other where possible."""
    rng = np.random.default_rng(seed)
    radii = radii or RADII_PX
    rows, columns = np.mgrid[:edge, :edge]
    image = rng.normal(40, 4, (edge, edge))
    boxes, class_ids, centres = [], [], np.empty((0, 2))
    while len(boxes) < n_cells:
        class_id = int(rng.integers(len(radii)))
        radius = radii[class_id]
        centre = rng.uniform(radius, edge - radius, 2)
        apart = np.hypot(*(centres - centre).T) if len(centres) else np.array([np.inf])
        if apart.min() < radius * 2 and rng.random() > 0.02:
            continue
        y, x = centre
        image[np.hypot(rows - y, columns - x) <= radius] = 200
        centres = np.vstack([centres, centre])
        boxes.append((x - radius, y - radius, x + radius + 1, y + radius + 1))
        class_ids.append(class_id)
    pixels = np.clip(image, 0, 255).astype(np.uint8)[None]
    return pixels, Boxes(np.array(boxes, np.float32), np.array(class_ids))


def _given(boxes: Boxes) -> Boxes:
    return boxes


def write_cells(folder: Path, *, n_images: int = 12, n_cells: int = 6, edge: int = 128) -> Path:
    """A set in the ``csv`` layout, split by nothing, one group an image."""
    drafts = folder.parent / f"{folder.name}-pictures"
    drafts.mkdir(parents=True)
    records = []
    for index in range(n_images):
        pixels, boxes = draw_cells(n_cells, edge=edge, seed=index)
        path = drafts / f"cells{index:02d}.png"
        write_png(path, pixels)
        records.append(Record(path.stem, path, partial(_given, boxes), group=path.stem))
    FORMATS["csv"].write(LabelledSet("tiny", CLASSES, tuple(records)), folder)
    return folder
