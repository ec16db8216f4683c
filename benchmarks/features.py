"""Columns of the feature table: ours beside mahotas and scikit-image, called cell by cell.

    python benchmarks/features.py

Simulated white cells with their true outlines. The peer computes the columns that those
libraries have: shape of cell and nucleus (`skimage.measure.regionprops` of one cell at a time),
Haralick's five figures (`mahotas.features.haralick`) and binary patterns (scikit-image, which is
our inner loop too). Both get the same windows, in turns; the numbers are compared first.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import mahotas
import numpy as np
from numpy.typing import NDArray
from skimage.feature import local_binary_pattern
from skimage.measure import regionprops

from cellwright.features.columns import LBP_BINS, SHAPE
from cellwright.features.shape import shape_of
from cellwright.features.stain import lab_of
from cellwright.features.texture import binary_patterns, grey_levels, haralick
from cellwright.images.simulate.smear import SmearScene, simulate_slide
from record import write_results

SEED = 0
ROUNDS = 3
SHARED = 8
"""Of the shape columns: the first ones, which scikit-image has (elongation from its axes)."""

Window = tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float32]]
"""Cell, nucleus and lightness around one cell."""
Numbers = NDArray[np.float64]


def windows() -> list[Window]:
    """Every white cell of four simulated fields."""
    found: list[Window] = []
    scene = SmearScene(n_red=20, n_white=10, blast_share=0.5)
    for field in simulate_slide(4, scene, seed=SEED):
        lightness = lab_of(field.image)[..., 0]
        for label, (x1, y1, x2, y2) in enumerate(field.white.boxes().xyxy.astype(int), start=1):
            window = (slice(max(0, y1 - 1), y2 + 1), slice(max(0, x1 - 1), x2 + 1))
            cell, nucleus = field.white.labels[window] == label, field.nuclei[window] == label
            if nucleus.sum() > 50:
                found.append((cell, nucleus, lightness[window]))
    return found


def our_shape(window: Window) -> Numbers:
    """Cell and nucleus."""
    return np.array([*shape_of(window[0])[:SHARED], *shape_of(window[1])[:SHARED]])


def their_shape(window: Window) -> Numbers:
    """The same by scikit-image."""
    values: list[float] = []
    for mask in window[:2]:
        one = regionprops(mask.astype(np.uint8))[0]
        values += [getattr(one, column.name) for column in SHAPE[:6]]
        values += [1 - one.axis_minor_length / one.axis_major_length, one.solidity]
    return np.array(values)


def our_haralick(window: Window) -> Numbers:
    """Five figures, mean of four directions."""
    return np.array(haralick(grey_levels(window[2]), window[1]))


def their_haralick(window: Window) -> Numbers:
    """The same by mahotas, which leaves out the level that stands outside the mask."""
    levels = np.where(window[1], grey_levels(window[2]) + 1, 0).astype(np.uint8)
    known = mahotas.features.haralick(levels, ignore_zeros=True).mean(axis=0)
    return np.asarray(known[[0, 1, 2, 4, 8]], np.float64)


def fine_of(window: Window) -> NDArray[np.uint8]:
    """Lightness in 256 levels."""
    return np.clip(window[2] * (255 / 100), 0, 255).astype(np.uint8)


def our_patterns(window: Window) -> Numbers:
    """Ten shares."""
    return binary_patterns(fine_of(window), window[1])


def their_patterns(window: Window) -> Numbers:
    """The same by scikit-image."""
    codes = local_binary_pattern(fine_of(window), 8, 1, method="uniform")
    counts, _ = np.histogram(codes[window[1]], bins=np.arange(LBP_BINS + 1))
    return np.asarray(counts / counts.sum(), np.float64)


Measure = Callable[[Window], Numbers]
PAIRS: dict[str, tuple[Measure, Measure]] = {
    "shape of cell and nucleus (16 columns)": (our_shape, their_shape),
    "Haralick (5 columns)": (our_haralick, their_haralick),
    "binary patterns (10 columns)": (our_patterns, their_patterns),
}


def seconds(measure: Measure, cells: list[Window]) -> float:
    """Processor seconds for all cells."""
    start = time.process_time()
    for cell in cells:
        measure(cell)
    return time.process_time() - start


def main() -> None:
    """Compare the numbers, then time both in turns."""
    cells = windows()
    rows: dict[str, Any] = {}
    totals: list[tuple[float, float]] = [(0.0, 0.0)] * ROUNDS
    for name, (ours, theirs) in PAIRS.items():
        difference = max(float(np.abs(ours(cell) - theirs(cell)).max()) for cell in cells)
        times = [(seconds(ours, cells), seconds(theirs, cells)) for _ in range(ROUNDS)]
        totals = [(a + c, b + d) for (a, b), (c, d) in zip(totals, times, strict=True)]
        rows[name] = row_of(times, len(cells)) | {"largest_difference": difference}
    rows["all of these (31 columns)"] = row_of(totals, len(cells)) | {
        "largest_difference": max(row["largest_difference"] for row in rows.values())
    }
    content = {"seed": SEED, "n_cells": len(cells), "rounds": ROUNDS, "columns": rows}
    print(write_results("features", content).read_text())


def row_of(times: list[tuple[float, float]], n_cells: int) -> dict[str, Any]:
    """Milliseconds a cell, and the ratio over rounds."""
    ratios = [theirs / ours for ours, theirs in times]
    return {
        "ours_ms": 1000 * statistics.median(ours for ours, _ in times) / n_cells,
        "theirs_ms": 1000 * statistics.median(theirs for _, theirs in times) / n_cells,
        "times_faster": {
            "median": statistics.median(ratios),
            "low": min(ratios),
            "high": max(ratios),
        },
    }


if __name__ == "__main__":
    main()
