"""Rows of classified cells: where each lies."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from cellwright.images.write import write_labels, write_png
from cellwright.inference.run import predict_files
from cellwright.inference.work import RunOptions
from dark_model import EDGE, dark_bundle


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """A field of two tiles with one cell that is no rectangle, and its label image."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (3, EDGE, 2 * EDGE)).astype(np.uint8)
    labels = np.zeros(pixels.shape[1:], np.int32)
    labels[10, 10:15] = labels[10:20, 10] = 1
    write_png(tmp_path / "fields" / "a.png", pixels)
    write_labels(tmp_path / "labels" / "a.png", labels)
    return tmp_path


def places(folder: Path, options: RunOptions) -> list[tuple[float, ...]]:
    """Box and centroid of each row."""
    bundle = dark_bundle(folder / "dark.cellwright")
    predict_files([folder / "fields"], bundle=bundle, out=folder / "out", options=options)
    names = [*(f"bbox-{side}" for side in range(4)), "centroid-0", "centroid-1"]
    with (folder / "out" / "cells.csv").open(newline="", encoding="utf-8") as file:
        return [tuple(float(row[name]) for name in names) for row in csv.DictReader(file)]


def test_a_labelled_cell_lies_at_the_mean_of_its_pixels(field: Path) -> None:
    found = places(field, RunOptions(overlays="none", labels_dir=str(field / "labels")))
    # Five pixels in row 10, nine below them; (5 x 10 + 11 + ... + 19) / 14 and its like.
    assert found == [(10, 10, 20, 15, round(185 / 14, 4), round(150 / 14, 4))]


def test_a_tile_lies_at_the_middle_of_its_box(field: Path) -> None:
    found = places(field, RunOptions(overlays="none", tile_px=EDGE))
    assert found == [(0, 0, 48, 48, 24, 24), (0, 48, 48, 96, 24, 72)]
