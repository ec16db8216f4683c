"""Labels with known errors: what an audit must find, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cellwright.types import Boxes

Planted = tuple[str, int | None]
"""Kind and row of the label from 1; of a missing one the index of the true cell from 0."""


class Spoiled(NamedTuple):
    """Labels with errors, and where these are."""

    labels: Boxes
    errors: set[Planted]


def grid_cells(rng: np.random.Generator, *, rows: int = 6, pitch: int = 40) -> Boxes:
    """``rows`` x ``rows`` cells of two classes, about 24 px wide, none of which touch."""
    place = np.stack(np.meshgrid(np.arange(rows), np.arange(rows)), axis=-1).reshape(-1, 2)
    centre = (place + 0.5) * pitch + rng.uniform(-3, 3, place.shape)
    half = rng.uniform(10, 14, place.shape)
    return Boxes(
        np.concatenate([centre - half, centre + half], axis=1), rng.integers(0, 2, len(place))
    )


def spoil(
    truth: Boxes, rng: np.random.Generator, *, kinds: Sequence[str], free_xy: float
) -> Spoiled:
    """One error of each of ``kinds``, each at a cell of its own.

    No cell lies at (free_xy, free_xy).
    """
    chosen = rng.choice(len(truth), len(kinds), replace=False)
    xyxy, class_ids = list(truth.xyxy.astype(float)), truth.class_ids.tolist()
    gone: list[int] = []
    named: list[tuple[str, int]] = []
    for kind, cell in zip(kinds, chosen.tolist(), strict=True):
        if kind == "missing":
            gone.append(cell)
            continue
        if kind == "doubled":
            xyxy.append(xyxy[cell] + rng.uniform(-1, 1, 4))
            class_ids.append(class_ids[cell])
            named.append((kind, cell))
            continue
        if kind == "misplaced":
            width = xyxy[cell][2] - xyxy[cell][0]
            xyxy[cell] = xyxy[cell] + np.array([0.5, 0, 0.5, 0]) * width
        elif kind == "wrong class":
            class_ids[cell] = 1 - class_ids[cell]
        elif kind == "spurious":
            half = rng.uniform(10, 14)
            xyxy.append(np.array([free_xy - half, free_xy - half, free_xy + half, free_xy + half]))
            class_ids.append(0)
            named.append((kind, len(xyxy) - 1))
            continue
        named.append((kind, cell))
    kept = [index for index in range(len(xyxy)) if index not in gone]
    errors: set[Planted] = {(kind, kept.index(cell) + 1) for kind, cell in named}
    errors |= {("missing", cell) for cell in gone}
    return Spoiled(Boxes(np.array(xyxy)[kept], np.array(class_ids)[kept]), errors)


def predict_noisily(truth: Boxes, rng: np.random.Generator) -> Boxes:
    """A model with errors: shaky boxes, one cell in 20 missed, ghosts with low scores."""
    seen = rng.random(len(truth)) > 0.05
    boxes = truth.xyxy[seen] + rng.normal(0, 1, (int(seen.sum()), 4))
    scores = rng.beta(12, 1, len(boxes))
    low = rng.uniform(0, 200, (12, 2))
    ghosts = np.concatenate([low, low + 24], axis=1)
    return Boxes(
        np.concatenate([boxes, ghosts]),
        np.concatenate([truth.class_ids[seen], rng.integers(0, 2, 12)]),
        np.concatenate([scores, rng.beta(1, 12, 12)]),
    )
