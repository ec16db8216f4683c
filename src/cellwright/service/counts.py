"""How many cells of which class a job holds, for charts: corrected where a person has corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cellwright.bundles.card import Card
from cellwright.metrics.intervals import wilson
from cellwright.service.answers import as_objects
from cellwright.service.records import ImageState, Outcome

BINS = 20
AREAS = ("area", "area_bbox")
"""Columns that hold a cell's area, whichever a model's table has; ``_um2`` beside them."""


def count_cells(outcomes: Sequence[Outcome], classes: Sequence[str]) -> dict[str, Any]:
    """Counts by image and class, shares with intervals, and how areas and scores are spread.

    A share's interval (95 %, Wilson) takes every cell as independent of the others; cells of
    one image resemble each other, so that it is the narrowest that can be.
    """
    images = count_images(outcomes)
    totals = {name: sum(image["counts"].get(name, 0) for image in images) for name in classes}
    n_cells = sum(totals.values())
    cells = [
        cell
        for outcome in outcomes
        if outcome.state == "done"
        for cell in cells_that_count(outcome)
    ]
    return {
        "n_cells": n_cells,
        "classes": [_share(name, totals[name], n_cells) for name in classes],
        "images": images,
        "areas": _areas(cells, classes),
        "scores": _spread(cells, classes, "score", np.linspace(0, 1, BINS + 1)),
    }


def count_images(images: Sequence[ImageState]) -> list[dict[str, Any]]:
    """Counts of each image that is done: a person's where it is corrected."""
    return [
        {
            "position": image.position,
            "name": image.name,
            "corrected": image.corrected,
            "n_cells": sum((image.counts or {}).values()),
            "counts": image.counts or {},
        }
        for image in images
        if image.state == "done"
    ]


def counted_classes(card: Card | None, images: Sequence[ImageState]) -> tuple[str, ...]:
    """The model's classes; where it is served no longer, as counts name them once one is done."""
    if card is not None:
        return card.classes
    return next((tuple(image.counts) for image in images if image.counts is not None), ())


def cells_that_count(outcome: Outcome) -> list[dict[str, Any]]:
    """``class``, ``score``, ``area`` in pixels and ``area_um2`` of each cell, None if unknown."""
    rows = as_objects(outcome.cells)
    size = (outcome.summary or {}).get("pixel_size_um")
    um2 = None if size is None else size**2
    found = [_cell(row["class"], row["score"], _area(row), um2) for row in rows]
    if outcome.corrections is None:
        return found
    corrected = []
    # The pixels that a drawn cell was left with, as the table of corrected cells has them.
    areas: Sequence[int | None] = outcome.areas or [None] * len(outcome.corrections)
    for cell, pixels in zip(outcome.corrections, areas, strict=True):
        if "label" in cell:
            kept = found[cell["label"] - 1]
            corrected.append({**kept, "class": cell["class"], "score": None})
        else:
            area = _box_area(cell["xyxy"]) if "xyxy" in cell else pixels
            corrected.append(_cell(cell["class"], None, area, um2))
    return corrected


def _cell(name: str, score: float | None, area: float | None, um2: float | None) -> dict[str, Any]:
    in_um = None if area is None or um2 is None else area * um2
    return {"class": name, "score": score, "area": area, "area_um2": in_um}


def _area(row: Mapping[str, Any]) -> float | None:
    return next((row[name] for name in AREAS if name in row), None)


def _box_area(xyxy: Sequence[float]) -> float:
    x0, y0, x1, y1 = xyxy
    return (x1 - x0) * (y1 - y0)


def _share(name: str, n: int, total: int) -> dict[str, Any]:
    share = wilson(n, total)
    return {"name": name, "n": n, "share": share.value, "low": share.low, "high": share.high}


def in_um2(cells: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every area that is known is known in µm², too."""
    known = [cell for cell in cells if cell["area"] is not None]
    return bool(known) and all(cell["area_um2"] is not None for cell in known)


def _areas(cells: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> dict[str, Any] | None:
    """In µm² where every cell's image has a pixel size, else in pixels."""
    column, unit = ("area_um2", "um2") if in_um2(cells) else ("area", "px")
    values = [cell[column] for cell in cells if cell[column] is not None]
    if not values:
        return None
    # Without the few largest, which are clumps: they would leave one bar for all others.
    top = float(np.percentile(values, 99)) or 1.0
    edges = np.linspace(0, top, BINS + 1)
    spread = _spread(cells, classes, column, edges)
    return None if spread is None else {"unit": unit, **spread}


def _spread(
    cells: Sequence[Mapping[str, Any]], classes: Sequence[str], column: str, edges: Any
) -> dict[str, Any] | None:
    """Cells of each class by bin; what lies beyond the last edge counts into the last bin."""
    counts = {}
    for name in classes:
        values = [
            cell[column] for cell in cells if cell["class"] == name and cell[column] is not None
        ]
        counts[name] = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0].tolist()
    if not any(map(any, counts.values())):
        return None
    return {"edges": [round(float(edge), 4) for edge in edges], "counts": counts}
