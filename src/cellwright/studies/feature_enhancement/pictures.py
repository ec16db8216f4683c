"""Figure 6: squares of the test sections, their labels, and what each network says of them.

They stay in the run folder, in the record of their cell and on the page: the licence of the
paper's set does not let them into this package.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellwright.data.labelled_set import LabelledSet
from cellwright.images.overlay import PALETTE, display
from cellwright.inference.segmenter import Segmenter
from cellwright.metrics.intervals import Interval
from cellwright.studies.feature_enhancement.judged import SQUARE_PX
from cellwright.studies.feature_enhancement.training import Setting, trained_bundle, words
from cellwright.studies.feature_enhancement.variants import PRINTED
from cellwright.studies.kept_pictures import as_text
from cellwright.studies.study import NotAttempted, Outcome, figure_of
from cellwright.types import Sample, SemanticMask

TABLE = "pictures"
ROW = "squares of unseen sections, side by side"
METRIC = "networks drawn"
SHOWN = 2
GROUND = (225, 225, 225)
"""Colour of class 0; the others have those of overlays."""


class Square(NamedTuple):
    """A part of a section, and how much of it belongs to the rarest class."""

    sample: Sample
    rows: slice
    columns: slice
    rare: int


def measure(setting: Setting, folder: Path, *, variants: Sequence[str], seed: int) -> Outcome:  # noqa: ARG001
    """The squares richest in the rarest class, seen by every network that was trained.

    Raises:
        NotAttempted: none was.
    """
    networks = dict(_trained(setting, variants, seed))
    if not networks:
        raise NotAttempted("no network was trained")
    parts = setting.parts()
    test = parts.test if parts.test is not None else parts.val
    panels = []
    squares = richest(test, SHOWN)
    for square in squares:
        where = f"{square.sample.id}, rows {square.rows.start}, columns {square.columns.start}"
        for title, picture in _panels(square, networks):
            panels.append({"caption": f"{title} ({where})", "png": as_text(picture)})
    drawn = figure_of(TABLE, ROW, METRIC, Interval(len(networks), None, None, len(squares)))
    return Outcome((drawn,), seed, words(parts.whole, test), details={"pictures": panels})


def _trained(
    setting: Setting, variants: Sequence[str], seed: int
) -> Iterator[tuple[str, Segmenter]]:
    for variant in variants:
        try:
            yield PRINTED[variant], Segmenter(trained_bundle(setting, f"{variant}-seed{seed}"))
        except NotAttempted:
            continue


def richest(test: LabelledSet, n: int) -> list[Square]:
    """The squares with most pixels of the rarest class, no two at one place of the field."""
    samples = [record.load() for record in test]
    drawn = [one for one in samples if isinstance(one.annotation, SemanticMask)]
    n_classes = len(test.classes)
    rarest = np.argmin(sum(np.bincount(_mask(s).ravel(), minlength=n_classes) for s in drawn))
    squares = [square for sample in drawn for square in _squares(sample, int(rarest))]
    found: dict[tuple[int, int], Square] = {}
    for square in sorted(squares, key=lambda one: one.rare, reverse=True):
        found.setdefault((square.rows.start, square.columns.start), square)
    return list(found.values())[:n]


def _mask(sample: Sample) -> NDArray[np.uint8]:
    if not isinstance(sample.annotation, SemanticMask):
        raise TypeError(f"{sample.id} has no mask")
    return sample.annotation.mask


def _squares(sample: Sample, rarest: int) -> Iterator[Square]:
    mask = _mask(sample)
    height, width = mask.shape
    for y in range(0, height, SQUARE_PX):
        for x in range(0, width, SQUARE_PX):
            rows, columns = slice(y, y + SQUARE_PX), slice(x, x + SQUARE_PX)
            yield Square(sample, rows, columns, int((mask[rows, columns] == rarest).sum()))


def _panels(
    square: Square, networks: dict[str, Segmenter]
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    place = (square.rows, square.columns)
    image = square.sample.image
    yield "image", display(image[:, square.rows, square.columns])
    yield "labels", coloured(_mask(square.sample)[place])
    for title, network in networks.items():
        maps = network.probabilities(image, pixel_size_um=square.sample.pixel_size_um)
        yield title, coloured(maps.argmax(axis=0)[place])


def coloured(classes: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Class ids ``(H, W)`` as a picture ``(H, W, 3)``."""
    colours = np.array([GROUND, *PALETTE], np.uint8)
    picture: NDArray[np.uint8] = colours[np.minimum(classes, len(colours) - 1)]
    return picture
